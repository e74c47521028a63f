"""`bin/seed-test-data`: the command line."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable

from dbops.cli.options import AddOption, Parser, add_verbs, add_version, option, shared, with_verb
from dbops.cli.output import Output
from dbops.errors import UsageError

EXAMPLES = """\
examples:
  bin/seed-test-data                           load the set `dev`: users, instruments, accounts, limits
  bin/seed-test-data minimal qa                load other sets of seeds/, in this order
  bin/seed-test-data --scale 100               a trading firm's life, about a million rows
  bin/seed-test-data --rows orders=5_000_000   the same, sized by one table
  bin/seed-test-data generate --rows 1000      rows for every table of a database that dbops has never seen
  bin/seed-test-data --truncate                empty the set's tables first
  bin/seed-test-data list                      the sets, their tables and rows
  bin/seed-test-data check                     whether balances, positions and fills add up
"""

LOAD = "load"
_DEMO = ("scale", "rows", "locale", "fast", "jobs", "random_seed", "as_of")
_MODULES = {LOAD: "dbops.cli.seed_load", "list": "dbops.cli.seed_list", "check": "dbops.cli.seed_demo",
            "generate": "dbops.cli.seed_generate"}  # fmt: skip


def main(argv: list[str], out: Output) -> int:
    """Run one verb; without one, load sets.  Returns the exit code.

    :raises DbopsError: what the verb raises.
    """
    main_parser = parser()
    words = with_verb(argv, main_parser, VERBS, LOAD)
    arguments = main_parser.parse_args(words)
    out.quiet, out.verbose = arguments.quiet, arguments.verbose
    _refuse_others_options(arguments)
    module = importlib.import_module(_MODULES[arguments.verb])
    name = "list_" if arguments.verb == "list" else arguments.verb
    verb: Callable[[argparse.Namespace, Output], int] = getattr(module, name)
    return verb(arguments, out)


def parser() -> Parser:
    """The parser; `verb` is the verb's name.  What making data takes stands before a verb, too."""
    main_parser = Parser(
        prog="bin/seed-test-data",
        description="Fill a database: with fixture sets, with a trading firm's demo data, or with data for any schema.",
        epilog=EXAMPLES,
        usage="bin/seed-test-data [SET ...] [options]\n       bin/seed-test-data VERB [options]",
        parents=[shared(after_verb=False), _folder(after_verb=False), _making(after_verb=False)],
    )
    add_version(main_parser)
    common = [shared(after_verb=True), _folder(after_verb=True)]
    making = [*common, _making(after_verb=True)]
    add_verbs(main_parser, VERBS, lambda verb: making if verb in {LOAD, "generate"} else common)
    return main_parser


def _folder(*, after_verb: bool) -> Parser:
    default = argparse.SUPPRESS if after_verb else None
    options = Parser(add_help=False, argument_default=default)
    options.add_argument("--seeds-dir", metavar="DIR", help="where the fixture sets are (default: seeds)")
    options.add_argument(
        "--lock-timeout", metavar="TIME", help="how long to wait for a table's lock (default: 5s)"
    )
    options.add_argument(
        "--deadline", metavar="TIME", help="how long to wait for a migration that runs (default: 60s)"
    )
    return options


def _making(*, after_verb: bool) -> Parser:
    default = argparse.SUPPRESS if after_verb else None
    off = argparse.SUPPRESS if after_verb else False
    options = Parser(add_help=False, argument_default=default)
    group = options.add_argument_group("options of making data")
    group.add_argument("--scale", metavar="N", help="demo data: 1 is small, 1000 about ten million rows")
    group.add_argument(
        "--rows",
        metavar="[TABLE=]N",
        action="append",
        help="rows of one table, and the others follow (demo); or of each or of one (generate); may be given again",
    )
    group.add_argument("--random-seed", metavar="N", help="the same number gives the same data (default: 42)")
    group.add_argument(
        "--as-of", metavar="TIME", help="the newest moment in the data (default: today 00:00 UTC)"
    )
    group.add_argument("--locale", metavar="LIST", help="demo data: the clients' countries, as de_DE,fr_FR")
    group.add_argument(
        "--jobs", metavar="N", help="processes that make data (default: one a processor, at most 2)"
    )
    for flag, text in (
        ("--truncate", "empty the tables first"),
        ("--cascade", "with --truncate: other tables that refer to them, too"),
        ("--fast", "leave the tables' triggers out (demo data: the audit rows are made alike)"),
    ):
        group.add_argument(flag, action="store_true", default=off, help=text)
    return options


def _refuse_others_options(arguments: argparse.Namespace) -> None:
    """Options stand before the verb too, where the parser cannot know which verb follows.

    :raises UsageError: for one that this verb would leave unused.
    """
    verb, unused = arguments.verb, []
    if verb in {"list", "check"}:
        unused = [name for name in (*_DEMO, "truncate", "cascade") if getattr(arguments, name)]
    elif verb == "generate":
        unused = [name for name in ("scale", "locale") if getattr(arguments, name)]
    elif not (arguments.scale or arguments.rows):
        unused = [name for name in _DEMO if getattr(arguments, name)]
    if arguments.verb == LOAD and arguments.cascade and not arguments.truncate:
        raise UsageError(
            "--cascade says how --truncate goes about it", hint="bin/seed-test-data --truncate --cascade"
        )
    if unused:
        flag = f"--{unused[0].replace('_', '-')}"
        what = "loading sets" if verb == LOAD else verb
        hint = (
            f"bin/seed-test-data --scale 1 {flag} ... makes demo data"
            if verb == LOAD
            else f"bin/seed-test-data {verb} --help"
        )
        raise UsageError(f"{flag} is not for {what}", hint=hint)


VERBS: dict[str, tuple[str, tuple[AddOption, ...]]] = {
    LOAD: (
        "load fixture sets, then make demo data if --scale or --rows asks for it (what happens without a verb, too)",
        (option("sets", nargs="*", metavar="SET", help="folders of seeds/ (default: dev)"),),
    ),
    "generate": (
        "fill the tables of any database with rows that pass their constraints",
        (
            option("--table", metavar="NAME", action="append", help="only this table; may be given again"),
            option("--skip", metavar="NAME", action="append", help="not this table; may be given again"),
            option(
                "--write-set",
                metavar="NAME",
                help="write what was decided as a set of seeds/, and load nothing",
            ),
        ),
    ),
    "list": ("the fixture sets, their tables and rows", ()),
    "check": ("whether the demo data add up: balances, positions, fills", ()),
}
