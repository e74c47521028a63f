"""`bin/migrate`: the command line."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.cli import spellings
from dbops.cli.options import Parser, add_version, settings_options, shared
from dbops.cli.output import Output
from dbops.errors import UsageError
from dbops.events import Warned

if TYPE_CHECKING:
    from dbops.config.model import Settings
    from dbops.engines.postgres.session import Session

EXAMPLES = """\
examples:
  bin/migrate up                     apply all pending migrations
  bin/migrate up --dry-run           show what would be applied
  bin/migrate status                 every migration and how it stands
  bin/migrate down                   undo the newest one
  bin/migrate goto 004               go up or down until 004 is the current version
  bin/migrate new add_order_notes    write the next migration file
  DB_NAME=staging_db bin/migrate up  the same server, another database

The spellings of other tools work, too: migrate -cmd up, -path DIR -database URL up,
upgrade head, downgrade -1, stamp V, rollback V.
"""

READING = frozenset({"status", "current", "heads", "history"})
Verb = Callable[[argparse.Namespace, Output], int]


def main(argv: list[str], out: Output) -> int:
    """Run one verb; returns its exit code.

    :raises DbopsError: what the verb raises.
    """
    arguments = parser().parse_args(spellings.migrate(argv))
    out.quiet, out.verbose = arguments.quiet, arguments.verbose
    if arguments.verb is None:
        raise UsageError("what shall be done?", hint="bin/migrate --help")
    if arguments.verb in READING:
        from dbops.cli import migrate_read as verbs
    else:
        from dbops.cli import migrate_verbs as verbs  # type: ignore[no-redef]  # one of the two is loaded
    verb: Verb = getattr(verbs, arguments.verb)
    return verb(arguments, out)


def parser() -> Parser:
    """The parser of all verbs; `verb` is the name of a function in `migrate_verbs`."""
    main_parser = Parser(
        prog="bin/migrate",
        description="Apply, undo and inspect the migrations of a database.",
        epilog=EXAMPLES,
        parents=[shared(after_verb=False), _folder_options(after_verb=False)],
    )
    add_version(main_parser)
    main_parser.set_defaults(verb=None)
    verbs = main_parser.add_subparsers(metavar="VERB", title="verbs", parser_class=Parser)
    parents = [shared(after_verb=True), _folder_options(after_verb=True)]

    def add(name: str, summary: str, *, aliases: tuple[str, ...] = ()) -> Parser:
        verb: Parser = verbs.add_parser(name, help=summary, description=summary, parents=parents, aliases=list(aliases))
        verb.set_defaults(verb=name)
        return verb

    add("init", "make the tracking tables")
    _add_running_verbs(add)
    _add_reading_verbs(add)
    _add_recording_verbs(add)
    return main_parser


def _folder_options(*, after_verb: bool) -> Parser:
    default = argparse.SUPPRESS if after_verb else None
    options = Parser(add_help=False, argument_default=default)
    options.add_argument("--migrations-dir", metavar="DIR", help="the migrations folder (default: migrations)")
    options.add_argument("--tracking-table", metavar="NAME", help="schema.table of the applied migrations")
    options.add_argument("--lock-timeout", metavar="TIME", help="how long a statement waits for a lock (default: 5s)")
    options.add_argument("--statement-timeout", metavar="TIME", help="how long a statement may run (default: off)")
    options.add_argument("--deadline", metavar="TIME", help="how long to try to get locks (default: 60s)")
    return options


def _add_running_verbs(add: Callable[..., Parser]) -> None:
    up = add("up", "apply pending migrations")
    up.add_argument("count", nargs="?", metavar="N", help="how many (default: all)")
    up.add_argument("--steps", type=int, metavar="N", help="how many, where N could also be a version")
    up.add_argument("--to", metavar="VERSION", help="up to and with this version")
    up.add_argument("--only", metavar="VERSION", help="just this one")
    down = add("down", "undo applied migrations, the newest first")
    down.add_argument("count", nargs="?", metavar="N", help="how many (default: 1)")
    down.add_argument("--steps", type=int, metavar="N", help="how many, where N could also be a version")
    down.add_argument("--to", metavar="VERSION", help="all above this version; 0 is all")
    down.add_argument("--through", metavar="VERSION", help="this version and all above it")
    goto = add("goto", "go up or down until a version is the current one")
    goto.add_argument("to", metavar="VERSION")
    redo = add("redo", "undo the newest migrations and apply them again")
    redo.add_argument("count", nargs="?", metavar="N", help="how many (default: 1)")
    plan = add("plan", "show what up would run, in order")
    plan.add_argument("count", nargs="?", metavar="N", help="how many (default: all)")
    plan.add_argument("--steps", type=int, metavar="N", help="how many, where N could also be a version")
    plan.add_argument("--to", metavar="VERSION", help="up to and with this version")
    plan.add_argument("--only", metavar="VERSION", help="just this one")
    for verb in (up, goto, plan):
        verb.add_argument("--out-of-order", action="store_true", help="apply lower numbers that arrived late, too")
        verb.add_argument("--single-transaction", action="store_true", help="all of them or none")
    for verb in (up, plan):
        verb.add_argument("--check", action="store_true", help="change nothing; exit 3 if something is pending")
    for verb in (up, down, goto, redo):
        verb.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
        verb.add_argument(
            "--started-statement",
            choices=["done", "again"],
            help="of a statement that a killed process left as started: it took effect, or is to run again",
        )


def _add_reading_verbs(add: Callable[..., Parser]) -> None:
    status = add("status", "every migration and how it stands")
    status.add_argument("--check", action="store_true", help="exit 3 unless all are applied")
    current = add("current", "the newest applied version")
    current.add_argument("--check", action="store_true", help="exit 3 unless it is the newest of the folder")
    add("heads", "the newest version of the folder")
    history = add("history", "what was done, when, by whom")
    history.add_argument("--markdown", action="store_true", help="as a table for a deployment log")


def _add_recording_verbs(add: Callable[..., Parser]) -> None:
    new = add("new", "write the files of a new migration")
    new.add_argument("words", nargs="+", metavar="[VERSION] NAME")
    for name, summary in (
        ("force", "record exactly the versions up to this one as applied; runs no SQL"),
        ("baseline", "record all up to this version on a database without history; runs no SQL"),
        ("mark", "record one version as applied, or not; runs no SQL"),
    ):
        verb = add(name, summary)
        verb.add_argument("version", metavar="VERSION")
        verb.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
        if name == "mark":
            verb.add_argument("--not-applied", action="store_true", help="take the record away")
    repair = add("repair", "accept applied files that were changed, by taking over their checksums")
    repair.add_argument("version", nargs="?", metavar="VERSION", help="of one version (default: of all)")
    repair.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    add("unlock", "end the dbops session that holds the migration lock")


def load_settings(arguments: argparse.Namespace, out: Output) -> Settings:
    """The settings of this command line; libpq's own variables are taken out of the environment afterwards."""
    from dbops import config

    settings = config.load(settings_options(arguments), os.environ, Path.cwd())
    config.neutralise(os.environ)
    for warning in settings.warnings:
        out.event(Warned(warning))
    return settings


@contextlib.contextmanager
def connected(arguments: argparse.Namespace, out: Output) -> Iterator[tuple[Session, Settings]]:
    """A session on the configured database; a private server that is down is started."""
    settings = load_settings(arguments, out)
    if (settings.project / ".dbops").exists():
        from dbops.devdb.private import ensure_running

        settings = dataclasses.replace(settings, target=ensure_running(settings, out.event))
    from dbops.engines.postgres.session import Session

    with Session.open(settings, f"migrate {arguments.verb}", out.event) as session:
        yield session, settings
