"""`bin/migrate`: the command line."""

from __future__ import annotations

import argparse
import functools
import importlib
from collections.abc import Callable

from dbops.cli import misplaced, spellings
from dbops.cli.migrate_common_options import folder_options
from dbops.cli.migrate_options import VERBS
from dbops.cli.options import Parser, add_verbs, add_version, own_options, shared
from dbops.cli.output import Output
from dbops.errors import UsageError

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

MODULES = {
    **dict.fromkeys(("status", "current", "heads", "history"), "migrate_read"),
    **dict.fromkeys(("init", "force", "baseline", "mark", "repair", "new", "unlock"), "migrate_records"),
    "adopt": "migrate_adopt",
    "drift": "migrate_drift",
    "schema": "migrate_schema",
    "diff": "migrate_diff",
    "diagram": "migrate_diagram",
    "renumber": "migrate_renumber",
    "lint": "migrate_lint",
    "validate": "migrate_validate",
    "verify": "migrate_verify",
    "plan": "migrate_plan",
}
"""Where the functions of verbs are that are not in `migrate_verbs`."""
Verb = Callable[[argparse.Namespace, Output], int]


def main(argv: list[str], out: Output) -> int:
    """Run one verb; returns its exit code.

    :raises DbopsError: what the verb raises.
    """
    words = spellings.migrate(ordered(spellings.long_options(argv)))
    at = spellings.verb_at(words)
    wanted = None if at is None else words[at]
    if wanted is not None and wanted not in VERBS:
        raise _unknown(wanted)
    main_parser = parser(wanted)
    arguments, unknown = main_parser.parse_known_args(words)
    if unknown:
        misplaced.refuse(unknown, wanted, _parsers)
        main_parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    out.quiet, out.verbose = arguments.quiet, arguments.verbose
    if arguments.verb is None:
        raise UsageError("what shall be done?", hint="bin/migrate --help")
    module = MODULES.get(arguments.verb, "migrate_verbs")
    verbs = importlib.import_module(f"dbops.cli.{module}")  # one of them: each start pays for what it loads
    verb: Verb = getattr(verbs, arguments.verb)
    return verb(arguments, out)


def parser(wanted: str | None = None) -> Parser:
    """The parser; `verb` is set to the name of a function in the module that `MODULES` names.

    :param wanted: build the parser of this verb alone, since all of them take as long as the rest of a start.
    """
    main_parser = _without_verbs()
    parents = [shared(after_verb=True), folder_options(after_verb=True)]
    verbs = VERBS if wanted is None else {wanted: VERBS[wanted]}
    add_verbs(main_parser, verbs, lambda verb: parents)
    return main_parser


def _without_verbs() -> Parser:
    main_parser = Parser(
        prog="bin/migrate",
        description="Apply, undo and inspect the migrations of a database.",
        epilog=EXAMPLES,
        parents=[shared(after_verb=False), folder_options(after_verb=False)],
    )
    add_version(main_parser)
    main_parser.set_defaults(verb=None)
    return main_parser


def ordered(words: list[str]) -> list[str]:
    """The words, with the options of the verb behind it wherever they were typed."""
    if not words or not words[0].startswith("-"):
        return words
    return misplaced.behind_the_verb(words, _without_verbs(), VERBS.keys() | spellings.VERBS.keys(), _parsers)


@functools.cache
def _parsers() -> dict[str, Parser]:
    """Of each verb a parser of its own options alone."""
    return {verb: own_options(options) for verb, (_, options) in VERBS.items()}


def _unknown(verb: str) -> UsageError:
    """argparse would answer with the whole list of verbs."""
    from difflib import get_close_matches

    near = get_close_matches(verb, VERBS, n=1)
    meant = f"did you mean bin/migrate {near[0]}? " if near else ""
    return UsageError(f"{verb!r} is not a verb", hint=f"{meant}bin/migrate --help lists the verbs")
