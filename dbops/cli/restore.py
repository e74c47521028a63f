"""`bin/restore`: the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from dbops.cli.options import AddOption, Parser, add_verbs, add_version, option, shared, with_verb
from dbops.cli.output import Output
from dbops.errors import UsageError

EXAMPLES = """\
examples:
  bin/restore                                       what can be restored
  bin/restore latest                                the newest proven backup of this database
  bin/restore before_release_7 --dry-run            what would be done
  bin/restore before_release_7 --confirm orders     on a database that is not marked as development
  bin/restore before_release_7 --to orders_copy     into another database
  bin/restore /mnt/old/orders.sql.gz --trust-sql    a dump from elsewhere
  bin/restore undo                                  the former database back in its place
  bin/restore discard                               drop the databases that restores have displaced
"""

FROM = "from"
LIST = "list"


def main(argv: list[str], out: Output) -> int:
    """Run one verb; with a name alone, restore it; with nothing, list.  Returns the exit code.

    :raises DbopsError: what the verb raises.
    """
    main_parser = parser()
    words = with_verb(argv, main_parser, VERBS, FROM)
    arguments = main_parser.parse_args(words)
    out.quiet, out.verbose = arguments.quiet, arguments.verbose
    if arguments.verb == FROM and arguments.name is None:
        arguments.verb = LIST
    if arguments.verb != FROM:
        _refuse_options_of_from(arguments)
    from dbops.cli import restore_verbs

    verb: Callable[[argparse.Namespace, Output], int] = restore_verbs.FUNCTIONS[arguments.verb]
    return verb(arguments, out)


def parser() -> Parser:
    """The parser; `verb` is the verb's name."""
    main_parser = Parser(
        prog="bin/restore",
        description="Put a backup in the place of the database, which is kept and can be brought back.",
        epilog=EXAMPLES,
        usage="bin/restore [NAME|PATH|latest] [options]\n       bin/restore VERB [options]",
        parents=[shared(after_verb=False), _common(after_verb=False), _restoring(after_verb=False)],
    )
    add_version(main_parser)
    common = [shared(after_verb=True), _common(after_verb=True)]
    whole = [*common, _restoring(after_verb=True)]
    add_verbs(main_parser, VERBS, lambda verb: whole if verb == FROM else common)
    return main_parser


def _common(*, after_verb: bool) -> Parser:
    default = argparse.SUPPRESS if after_verb else None
    options = Parser(add_help=False, argument_default=default)
    options.add_argument("--backups-dir", metavar="DIR", help="where the backups are (default: backups)")
    options.add_argument("--migrations-dir", metavar="DIR", help="the migrations folder, for --migrate")
    options.add_argument("--tracking-table", metavar="NAME", help="schema.table of the applied migrations")
    options.add_argument("--deadline", metavar="TIME", help="how long to wait for locks (default: 60s)")
    options.add_argument(
        "--leave-replication",
        action="store_true",
        default=argparse.SUPPRESS if after_verb else False,
        help="leave subscriptions and logical slots with the displaced database",
    )
    return options


SWITCHES = {
    "--schema-only": "definitions, no rows; with --to",
    "--migrate": "run the pending migrations before the swap",
    "--pre-backup": "back the database up as it is now, too",
    "--create-missing-roles": "make the roles that the archive names and the server lacks, without login",
    "--no-owner": "everything belongs to the role that restores",
    "--trust-sql": "plain SQL from elsewhere may run; it could do anything that the role may do",
    "--keep-side": "where it fails, keep the side database for a look",
    "--in-place": "without CREATEDB: empty the database and load, in one transaction",
}


def _restoring(*, after_verb: bool) -> Parser:
    default = argparse.SUPPRESS if after_verb else None
    options = Parser(add_help=False, argument_default=default)
    group = options.add_argument_group("options of restoring")
    group.add_argument("--to", metavar="DB", help="restore into this database instead of the configured one")
    group.add_argument(
        "--table",
        metavar="PATTERN",
        action="append",
        help="only tables like this; with --to; may be given again",
    )
    group.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="how many tables at once (default: one per processor, at most 8)",
    )
    for flag, text in SWITCHES.items():
        off = argparse.SUPPRESS if after_verb else False
        group.add_argument(flag, action="store_true", default=off, help=text)
    return options


def _refuse_options_of_from(arguments: argparse.Namespace) -> None:
    """Options stand before the verb too, where the parser cannot know which verb follows.

    :raises UsageError: for one that another verb would leave unused.
    """
    for flag in ("--to", "--table", "--jobs", *SWITCHES):
        if getattr(arguments, flag[2:].replace("-", "_"), None):
            hint = "bin/restore NAME" if arguments.verb == LIST else f"bin/restore {arguments.verb} --help"
            raise UsageError(f"{flag} is for restoring, and no backup is named", hint=hint)


_DISPLACED = "a displaced database of any database, as list shows it (default: the newest of this one)"
VERBS: dict[str, tuple[str, tuple[AddOption, ...]]] = {
    FROM: (
        "restore (what happens with a name alone, too)",
        (option("name", nargs="?", metavar="NAME", help="a backup, a path, or latest"),),
    ),
    LIST: ("the backups and the displaced databases (what happens without a name, too)", ()),
    "undo": (
        "bring a displaced database back; the present one is displaced in its turn",
        (option("database", nargs="?", metavar="DATABASE", help=_DISPLACED),),
    ),
    "discard": (
        "drop displaced databases for good",
        (option("databases", nargs="*", metavar="DATABASE", help="which (default: all of this database)"),),
    ),
}
