"""What a script does not do, in words."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.safety.diff.attempt import Attempt
from dbops.safety.diff.likeness import is_order_only


def sentences(up: Attempt, down: Attempt) -> tuple[str, ...]:
    """One for each object that is not as it should be after the way there, or the way back."""
    return tuple(dict.fromkeys((*_of(up, "up"), *_of(down, "down"))))


def _of(one: Attempt, direction: str) -> Iterator[str]:
    for difference in one.left:
        if is_order_only(difference):
            yield (
                f"the order of columns of {difference.object} stays another, since no statement changes it"
            )
        else:
            what = {None: "is missing"}.get(difference.before) or (
                "is left" if difference.after is None else "stays another"
            )
            yield f"{difference.object} {what} after {direction}"
