"""Options of a verb that stand before it: they are put behind it, where its own parser knows them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Container, Iterator, Mapping, Sequence

from dbops.errors import UsageError

Parsers = Callable[[], Mapping[str, argparse.ArgumentParser]]
"""Of each verb the parser of its own options; asked only where they matter, since building them takes its time."""


def behind_the_verb(
    words: Sequence[str], main: argparse.ArgumentParser, verbs: Container[str], parsers: Parsers
) -> list[str]:
    """The words in an order that argparse understands; what is no verb's option stays where it is.

    A value goes with its option, as `--name=value`, so that it is not taken for an argument of the verb.

    :param main: knows what may stand before the verb.
    :param verbs: what is one, in any spelling; a value that need not be there is none of them.
    """
    kept: list[str] = []
    moved: list[str] = []
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        name, equals, _ = words[at].partition("=")
        known = action_of(main, name)
        action = known or _of_a_verb(parsers, name)
        values = [] if equals or action is None else list(_values(words[at + 1 :], action, verbs))
        if known or action is None:
            kept += words[at : at + 1 + len(values)]
        else:
            moved += [words[at]] if equals else _spelled(name, action, values)
        at += 1 + len(values)
    return [*kept, *words[at : at + 1], *moved, *words[at + 1 :]]


def refuse(unknown: Sequence[str], verb: str | None, parsers: Parsers) -> None:
    """Say whose option it is that one verb has and this one has not.

    :raises UsageError: where there is such a verb.
    """
    name = unknown[0].partition("=")[0]
    others = [other for other, parser in parsers().items() if action_of(parser, name)]
    if others:
        listed = " and ".join(filter(None, [", ".join(others[:-1]), others[-1]]))
        raise UsageError(
            f"{name} is an option of {listed}" + (f", not of {verb}" if verb else ", and no verb is given"),
            hint=f"bin/migrate {verb or others[0]} --help",
        )


def action_of(parser: argparse.ArgumentParser, name: str) -> argparse.Action | None:
    """What a parser does with an option of this name."""
    return parser._option_string_actions.get(name)  # noqa: SLF001  # argparse offers no other way


def _of_a_verb(parsers: Parsers, name: str) -> argparse.Action | None:
    """What the first verb does with it that has it: all take as many values."""
    return next(filter(None, (action_of(parser, name) for parser in parsers().values())), None)


def _values(rest: Sequence[str], action: argparse.Action, verbs: Container[str]) -> Iterator[str]:
    """Those of the words that follow an option which are its values."""
    if action.nargs is None:
        yield from rest[:1]
    elif action.nargs in {"?", "+"}:
        for word in rest if action.nargs == "+" else rest[:1]:
            if word.startswith("-") or word in verbs:
                return
            yield word


def _spelled(name: str, action: argparse.Action, values: Sequence[str]) -> list[str]:
    if values:
        return [f"{name}={value}" for value in values]
    # Without its value it would take the verb's first argument for one.
    return [f"{name}={action.const}" if action.nargs == "?" else name]
