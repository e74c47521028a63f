"""Options that all verbs of `bin/migrate` take, or several."""

from __future__ import annotations

import argparse

from dbops.cli.options import AddOption, Parser, option
from dbops.config.values import HALF


def folder_options(*, after_verb: bool) -> Parser:
    """What all verbs take, before and after the verb."""
    default = argparse.SUPPRESS if after_verb else None
    options = Parser(add_help=False, argument_default=default)
    options.add_argument(
        "--migrations-dir", metavar="DIR", help="the migrations folder (default: migrations)"
    )
    options.add_argument(
        "--format",
        dest="migration_format",
        metavar="NAME",
        help="the format of the migration files (default: auto, what they look like)",
    )
    options.add_argument(
        "--var",
        dest="variables",
        metavar="NAME=VALUE",
        action="append",
        help="what stands for a placeholder in the files; several times for several",
    )
    options.add_argument(
        "--alembic-python",
        metavar="PATH",
        help="the Python that has the project's Alembic (default: that of the virtual environment)",
    )
    options.add_argument("--tracking-table", metavar="NAME", help="schema.table of the applied migrations")
    options.add_argument(
        "--lock-timeout", metavar="TIME", help="how long a statement waits for a lock (default: 5s)"
    )
    options.add_argument(
        "--statement-timeout", metavar="TIME", help="how long a statement may run (default: off)"
    )
    options.add_argument("--deadline", metavar="TIME", help="how long to try to get locks (default: 60s)")
    return options


def count(default: str) -> AddOption:
    """N, and `--steps N` for where that could be a version."""

    def add(verb: argparse.ArgumentParser) -> None:
        verb.add_argument("count", nargs="?", metavar="N", help=f"how many (default: {default})")
        verb.add_argument("--steps", type=int, metavar="N", help="how many, where N could also be a version")

    return add


STARTED = option(
    "--started-statement",
    choices=["done", "again"],
    help="of a statement that a killed process left as started: it took effect, or is to run again",
)
OUT_OF_ORDER = option(
    "--out-of-order", action="store_true", help="apply lower numbers that arrived late, too"
)
SINGLE = option("--single-transaction", action="store_true", help="all of them or none")
CHECK_PENDING = option("--check", action="store_true", help="change nothing; exit 3 if something is pending")
FAIL_ON_DRIFT = option(
    "--fail-on-drift",
    action="store_true",
    help="change nothing if the schema is not as the last migration left it",
)
UP_TO = option("--to", metavar="VERSION", help="up to and with this version")
THROUGH = option("--through", metavar="VERSION", help="this version and all above it")
ONLY = option("--only", metavar="VERSION", help="just this one")
VERSION = option("version", metavar="VERSION")
BACKUP = option(
    "--require-fresh-backup",
    nargs="?",
    const="off",
    metavar="AGE",
    help="take a backup first, unless one is no older than AGE, as 30min (default: a new one)",
)

SCRATCH = option(
    "--scratch-url",
    metavar="URL",
    help="a server to make scratch databases on (default: the database's own; where that is not for it, the private one)",
)
BACKUPS_DIR = option("--backups-dir", metavar="DIR", help="where backups and traces are (default: backups)")
REHEARSAL = option(
    "--require-rehearsal",
    action="store_true",
    help="change nothing unless a trace of the same files on the same schema passed",
)

TERMINATE = option(
    "--terminate-blockers",
    dest="terminate_after",
    nargs="?",
    const=HALF,
    metavar="AFTER",
    help="end sessions that hold a lock which a statement has waited for as long as AFTER, as 10s (default: half the deadline)",
)


def analyze(verb: argparse.ArgumentParser) -> None:
    """`--no-analyze`, or `--vacuum`."""
    one = verb.add_mutually_exclusive_group()
    one.add_argument(
        "--no-analyze",
        dest="analyze_after",
        action="store_const",
        const="off",
        help="leave out the ANALYZE of the tables that were changed",
    )
    one.add_argument(
        "--vacuum",
        dest="analyze_after",
        action="store_const",
        const="vacuum",
        help="VACUUM (ANALYZE) the tables that were changed, instead of ANALYZE",
    )
