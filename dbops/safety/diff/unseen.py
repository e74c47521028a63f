"""What a script does not do, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbops.engines.schema import Change, Difference
from dbops.safety.diff.attempt import Attempt
from dbops.safety.diff.likeness import apart

_ENDS = re.compile(r"[\s(),;]+")
_WORDS = {
    Change.GONE: "is still there",
    Change.ADDED: "is not made",
    Change.CHANGED: "does not become what it should be",
}


def sentences(up: Attempt, down: Attempt) -> tuple[str, ...]:
    """One for each object that is not as it should be after the way there, or the way back."""
    found = [*_of(up, "up"), *_of(down, "down")]
    found += sorted({said for one in (up, down) for said in apart(one.left)[1]})
    return tuple(found)


def _of(one: Attempt, direction: str) -> Iterator[str]:
    for difference in apart(one.left)[0]:
        yield f"{difference.object} {_WORDS[difference.change]} by {direction}{_why(one, difference)}"


def _why(one: Attempt, difference: Difference) -> str:
    """The server's words on the first statement about it that it refused to the end; empty where there is none."""
    names = [word.partition("(")[0] for word in difference.object.replace('"', "").split() if "." in word]
    said = [
        words
        for statement, words in one.refused
        if names and set(names) <= set(_ENDS.split(statement.replace('"', "")))
    ]
    return f": {said[0]}" if said else ""
