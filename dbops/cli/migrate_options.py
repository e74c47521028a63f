"""The verbs of `bin/migrate` and their options."""

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


def _count(default: str) -> AddOption:
    def add(verb: argparse.ArgumentParser) -> None:
        verb.add_argument("count", nargs="?", metavar="N", help=f"how many (default: {default})")
        verb.add_argument("--steps", type=int, metavar="N", help="how many, where N could also be a version")

    return add


_STARTED = option(
    "--started-statement",
    choices=["done", "again"],
    help="of a statement that a killed process left as started: it took effect, or is to run again",
)
_OUT_OF_ORDER = option(
    "--out-of-order", action="store_true", help="apply lower numbers that arrived late, too"
)
_SINGLE = option("--single-transaction", action="store_true", help="all of them or none")
_CHECK_PENDING = option("--check", action="store_true", help="change nothing; exit 3 if something is pending")
_FAIL_ON_DRIFT = option(
    "--fail-on-drift",
    action="store_true",
    help="change nothing if the schema is not as the last migration left it",
)
_UP_TO = option("--to", metavar="VERSION", help="up to and with this version")
_THROUGH = option("--through", metavar="VERSION", help="this version and all above it")
_ONLY = option("--only", metavar="VERSION", help="just this one")
_VERSION = option("version", metavar="VERSION")
_BACKUP = option(
    "--require-fresh-backup",
    nargs="?",
    const="off",
    metavar="AGE",
    help="take a backup first, unless one is no older than AGE, as 30min (default: a new one)",
)

_SCRATCH = option(
    "--scratch-url",
    metavar="URL",
    help="a server to make the scratch database on (default: the one that the database is on)",
)
_REHEARSAL = option(
    "--require-rehearsal",
    action="store_true",
    help="change nothing unless a trace of the same files on the same schema passed",
)

_TERMINATE = option(
    "--terminate-blockers",
    dest="terminate_after",
    nargs="?",
    const=HALF,
    metavar="AFTER",
    help="end sessions that hold a lock which a statement has waited for as long as AFTER, as 10s (default: half the deadline)",
)


def _analyze(verb: argparse.ArgumentParser) -> None:
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


VERBS: dict[str, tuple[str, tuple[AddOption, ...]]] = {
    "init": ("make the tracking tables", ()),
    "up": (
        "apply pending migrations",
        (
            _count("all"),
            _UP_TO,
            _ONLY,
            _OUT_OF_ORDER,
            _SINGLE,
            _CHECK_PENDING,
            _FAIL_ON_DRIFT,
            _STARTED,
            _REHEARSAL,
            _BACKUP,
            _analyze,
            _TERMINATE,
        ),
    ),
    "down": (
        "undo applied migrations, the newest first",
        (
            _count("1"),
            option("--to", metavar="VERSION", help="all above this version; 0 is all"),
            _THROUGH,
            _STARTED,
            _analyze,
            _TERMINATE,
        ),
    ),
    "goto": (
        "go up or down until a version is the current one",
        (option("to", metavar="VERSION"), _OUT_OF_ORDER, _SINGLE, _STARTED, _BACKUP, _analyze, _TERMINATE),
    ),
    "redo": (
        "undo the newest migrations and apply them again",
        (_count("1"), _THROUGH, _STARTED, _analyze, _TERMINATE),
    ),
    "plan": (
        "what up would run, and what each statement locks, reads, writes anew and destroys",
        (
            _count("all"),
            _UP_TO,
            _ONLY,
            _OUT_OF_ORDER,
            _SINGLE,
            option("--check", action="store_true", help="exit 3 if something is pending"),
            option(
                "--fail-on",
                choices=["safe", "brief", "blocking", "destructive"],
                help="with --check: exit 3 only if a statement is as risky as that",
            ),
            option("--markdown", action="store_true", help="as a table for a pull request"),
            option(
                "--trace",
                action="store_true",
                help="run them on a scratch database, and tell what each statement really locks and writes anew",
            ),
            option(
                "--from-backup",
                metavar="NAME",
                help="with --trace: on a backup, or on the latest (default: a copy of the schema, without rows)",
            ),
            _SCRATCH,
        ),
    ),
    "status": (
        "every migration and how it stands",
        (
            option("--check", action="store_true", help="exit 3 unless all are applied"),
            option(
                "--drift",
                action="store_true",
                help="tell, too, whether the schema is as the last migration left it; with --check, exit 3 if not",
            ),
        ),
    ),
    "drift": (
        "whether the schema still is what the last migration left, and what differs",
        (option("--accept", action="store_true", help="take the schema as it is now for what is right"),),
    ),
    "schema": (
        "write the schema as SQL into a file beside the migrations, for reviews",
        (
            option(
                "--output",
                metavar="FILE",
                help="another file; - prints it (default: schema.sql of the folder)",
            ),
            option(
                "--check",
                action="store_true",
                help="write nothing; exit 3 with the difference if there is one",
            ),
        ),
    ),
    "diff": (
        "write the migration that leads from the database's schema to another one",
        (
            option(
                "--to",
                metavar="TARGET",
                help="a file with the schema, the URL of a database, git:REV, or models:package.module:Base.metadata",
            ),
            option("name", nargs="?", metavar="NAME", help="of the migration (default: change_schema)"),
            option(
                "--rename",
                action="append",
                metavar="OLD=NEW",
                help="this was renamed, as public.orders.note=remark; several times for several",
            ),
            option(
                "--no-rename", action="store_true", help="nothing else was renamed: what is gone is dropped"
            ),
            option("--check", action="store_true", help="write nothing; exit 3 if there is a difference"),
        ),
    ),
    "diagram": (
        "draw the tables and what refers to what: Mermaid for a README, or SVG",
        (
            option(
                "--output", metavar="FILE", help="into a file; in a .md between its marks (default: print it)"
            ),
            option(
                "--format-out",
                choices=["mermaid", "svg"],
                help="what it is written as (default: svg for a FILE.svg, else mermaid)",
            ),
            option(
                "--schema",
                dest="schemas",
                metavar="NAME",
                action="append",
                help="only this schema; several times for several",
            ),
            option(
                "--table",
                dest="tables",
                metavar="NAME",
                action="append",
                help="only this table; several times for several",
            ),
            option(
                "--check",
                action="store_true",
                help="write nothing; exit 3 with the difference if FILE is not what it would be",
            ),
        ),
    ),
    "current": (
        "the newest applied version",
        (option("--check", action="store_true", help="exit 3 unless it is the newest of the folder"),),
    ),
    "heads": ("the newest version of the folder", ()),
    "verify": (
        "run migrations up, down and up again on a scratch database; or the verify sections of what is applied",
        (
            option("--all", action="store_true", help="the applied ones, too (default: what is pending)"),
            option("--empty", action="store_true", help="with empty tables (default: with generated rows)"),
            option("--twice", action="store_true", help="run each up a second time: it must change nothing"),
            _SCRATCH,
            option(
                "--applied",
                nargs="?",
                const="",
                metavar="VERSION",
                help="run the verify sections of all applied migrations, or of one; changes nothing",
            ),
        ),
    ),
    "history": (
        "what was done, when, by whom",
        (option("--markdown", action="store_true", help="as a table for a deployment log"),),
    ),
    "new": (
        "write the files of a new migration",
        (
            option("words", nargs="+", metavar="[VERSION] NAME"),
            option("--timestamp", action="store_true", help="number it with the present time"),
        ),
    ),
    "renumber": (
        "give a migration another number, where two branches took the same one",
        (
            option(
                "which", nargs="?", metavar="VERSION|FILE", help="which one (default: all that came second)"
            ),
            option("--to", metavar="VERSION", help="its new number (default: the next free one)"),
        ),
    ),
    "force": ("record exactly the versions up to this one as applied; runs no SQL", (_VERSION,)),
    "baseline": (
        "record all up to this version on a database without history; runs no SQL",
        (_VERSION,),
    ),
    "mark": (
        "record one version as applied, or not; runs no SQL",
        (_VERSION, option("--not-applied", action="store_true", help="take the record away")),
    ),
    "repair": (
        "accept applied files that were changed, by taking over their checksums",
        (option("version", nargs="?", metavar="VERSION", help="of one version (default: of all)"),),
    ),
    "adopt": (
        "take over the history that another tool has recorded; runs no SQL of migrations",
        (
            option(
                "--from",
                dest="tool",
                default="auto",
                metavar="TOOL",
                help="whose history it is (default: auto, what the tables of the database look like)",
            ),
            option(
                "--table", metavar="SCHEMA.NAME", help="the tool's table, where it was given another name"
            ),
            option(
                "--dirty-applied",
                nargs="+",
                action="extend",
                metavar="VERSION",
                help="of a row that the tool itself is not sure of: the migration is applied",
            ),
            option(
                "--dirty-reverted",
                nargs="+",
                action="extend",
                metavar="VERSION",
                help="of a row that the tool itself is not sure of: nothing of the migration is left",
            ),
            option(
                "--accept-changed",
                action="store_true",
                help="take files as they are whose checksums the tool has otherwise",
            ),
            option(
                "--mirror",
                action=argparse.BooleanOptionalAction,
                help="from now on write the tool's table, too, or no longer (default: as it is, at first not)",
            ),
        ),
    ),
    "validate": (
        "look for what is wrong with the database, or with one migration before it runs or is undone",
        (
            option(
                "words",
                nargs="*",
                metavar="[schema | migration VERSION | rollback VERSION]",
                help="what to look at (default: schema, the whole database)",
            ),
            option(
                "--free-space",
                metavar="SIZE",
                help="what is free on the server's disk, as 20GB, where dbops cannot see it",
            ),
        ),
    ),
    "lint": (
        "look for what is wrong with migration files: squawk's rules, and what only dbops can know",
        (
            option(
                "versions", nargs="*", metavar="VERSION", help="which ones (default: all that are pending)"
            ),
            option("--all", action="store_true", help="the applied ones, too"),
            option(
                "--level",
                choices=["note", "warning", "error"],
                default="warning",
                help="show what is as bad as that, and exit 3 if there is any (default: warning)",
            ),
            option(
                "--format-out",
                choices=["terminal", "json", "github", "sarif"],
                help="how to write it: for people, as --json does, as annotations of GitHub, as SARIF 2.1.0",
            ),
            option(
                "--no-database",
                action="store_true",
                help="ask no database; without VERSION, look at all files",
            ),
        ),
    ),
    "unlock": ("end the dbops session that holds the migration lock", ()),
}
