"""What a script does not do, in words."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.schema import Change, Difference
from dbops.safety.diff import verifying
from dbops.safety.diff.attempt import Attempt
from dbops.safety.diff.likeness import is_order_only

_WORDS = {
    Change.GONE: "is still there",
    Change.ADDED: "is not made",
    Change.CHANGED: "does not become what it should be",
}


def sentences(up: Attempt, down: Attempt) -> tuple[str, ...]:
    """One for each object that is not as it should be after the way there, or the way back."""
    found = [*_of(up, "up"), *_of(down, "down")]
    reordered = {one.object for one in (*up.left, *down.left) if is_order_only(one)}
    found += verifying.sentences(sorted(reordered))
    return tuple(found)


def _of(one: Attempt, direction: str) -> Iterator[str]:
    for difference in one.left:
        if not is_order_only(difference):
            yield f"{difference.object} {_WORDS[difference.change]} by {direction}{_why(one, difference)}"


def _why(one: Attempt, difference: Difference) -> str:
    """The server's words on the first statement that names the object's columns, where it refused one to the end."""
    name = difference.object.removeprefix("table ")
    said = [
        words
        for statement, words in one.refused
        if statement.replace('"', "").startswith(f"alter table {name} ")
    ]
    return f": {said[0]}" if said else ""
