"""Options that all commands share, accepted before and after the verb."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from dbops import __version__
from dbops.cli.output import as_typed
from dbops.config.model import Options
from dbops.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError` instead of ending the process.  `verbs` are its subcommands."""

    verbs: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **kwargs)

    def format_help(self) -> str:
        return as_typed(super().format_help())

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def shared(*, after_verb: bool) -> Parser:
    """A parent parser with the shared options.

    After a verb their default is SUPPRESS: otherwise the subparser's default
    would overwrite what was given before the verb.
    """
    default = argparse.SUPPRESS if after_verb else None
    parser = Parser(add_help=False, argument_default=default)
    group = parser.add_argument_group("options of all commands")
    group.add_argument(
        "--database-url", "--conn", metavar="URL", help="the database, as postgresql://user@host:port/name"
    )
    group.add_argument("--env", metavar="NAME", help="use NAME_DATABASE_URL, and nothing else")
    group.add_argument(
        "--confirm",
        metavar="DATABASE",
        help="confirm, by its name, work that can lose data in that database; several: A,B",
    )
    for flags, text in (
        (("--json",), "JSON Lines on stdout, the last line the result"),
        (("-v", "--verbose"), "more narration: notices of the server, statements"),
        (("-q", "--quiet"), "no narration: the result, warnings and errors"),
        (("--yes",), "answer yes to questions that are not about losing data"),
        (("--dry-run",), "show what would be done, change nothing"),
        (("--no-hooks",), "leave out the hooks of [tool.dbops.hooks]"),
    ):
        group.add_argument(
            *flags, action="store_true", default=argparse.SUPPRESS if after_verb else False, help=text
        )
    return parser


AddOption = Callable[[argparse.ArgumentParser], None]
Verbs = Mapping[str, tuple[str, tuple[AddOption, ...]]]
"""The verbs of a command: of each its summary and its own options."""


def option(*flags: str, **settings: Any) -> AddOption:
    """An option or argument of a verb, as `add_argument` has it."""

    def add(verb: argparse.ArgumentParser) -> None:
        verb.add_argument(*flags, **settings)

    return add


def add_verbs(
    main_parser: argparse.ArgumentParser,
    verbs: Verbs,
    parents: Callable[[str], Sequence[Parser]],
) -> None:
    """A parser for each verb; `verb` is then the verb's name.

    :param parents: the parsers whose options the verb of this name has, too.
    """
    subparsers = main_parser.add_subparsers(
        prog=main_parser.prog, metavar="VERB", title="verbs", parser_class=Parser
    )
    for name, (summary, configure) in verbs.items():
        description = f"{summary[:1].upper()}{summary[1:]}."
        verb = subparsers.add_parser(name, help=summary, description=description, parents=list(parents(name)))
        verb.set_defaults(verb=name)
        for add_option in configure:
            add_option(verb)


def own_options(options: Iterable[AddOption]) -> Parser:
    """A parser that knows these and nothing else."""
    parser = Parser(add_help=False)
    for add_option in options:
        add_option(parser)
    return parser


def add_version(parser: argparse.ArgumentParser) -> None:
    """--version, on the main parser alone."""
    parser.add_argument("--version", action="version", version=f"dbops {__version__}")


def settings_options(arguments: argparse.Namespace) -> Options:
    """The part of the command line that `dbops.config.load` wants."""
    names = Options.__dataclass_fields__
    return Options(**{name: getattr(arguments, name, None) for name in names})


def with_verb(
    argv: Sequence[str], parser: argparse.ArgumentParser, verbs: Container[str], default: str
) -> list[str]:
    """The words with the default verb put in where there is none: before the first word that is no option.

    :param parser: the main parser, which knows the options that take a value.
    """
    valued = {flag for action in parser._actions if action.nargs != 0 for flag in action.option_strings}  # noqa: SLF001  # argparse offers no other way
    value_follows = False
    for at, word in enumerate(argv):
        if value_follows:
            value_follows = False
        elif word == "--":  # what follows are names, whatever they look like
            return [*argv[:at], default, *argv[at:]]
        elif word.startswith("-") and word != "-":
            if word in {"-h", "--help", "--version"}:
                return list(argv)
            value_follows = word in valued
        else:
            return list(argv) if word in verbs else [*argv[:at], default, *argv[at:]]
    return [*argv] if value_follows else [*argv, default]
