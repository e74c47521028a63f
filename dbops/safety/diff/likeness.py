"""Whether two schemas are the same to a migration: what no statement changes is no difference, and is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dbops.engines.schema import Difference, Schema, differences

# What else follows from a type that differs or not, and is nothing of its own.
_FOLLOWS = "owner of function "
_ORDERED = ("table ", "composite type ", "foreign table ")


def unlike(before: Schema, after: Schema) -> tuple[Difference, ...]:
    """What a migration between the two has to change; what differs only in the order of its columns is there, too."""
    return tuple(one for one in differences(before, after) if not one.object.startswith(_FOLLOWS))


def is_order_only(difference: Difference) -> bool:
    """Whether it is a table, or a composite type, with the same columns in another order."""
    before, after = difference.before, difference.after
    if before is None or after is None or not difference.object.startswith(_ORDERED):
        return False
    return sorted(before.split("\n")) == sorted(after.split("\n"))


def apart(found: Sequence[Difference]) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """What a migration has to change, and sentences on what none can: without period."""
    named = _named_otherwise(found)
    order = {f"the order of columns of {one.object}": one for one in found if is_order_only(one)}
    names = {f"the name of an inherited NOT NULL of {one.object.rpartition(' on ')[2]}": one for one in named}
    said = tuple(f"{what} stays another, since no statement changes it" for what in (*order, *names))
    return tuple(one for one in found if one not in (*order.values(), *named)), said


def _named_otherwise(found: Sequence[Difference]) -> list[Difference]:
    """The inherited NOT NULL of tables that have the same under another name: since PostgreSQL 18 it is a constraint."""
    pairs: dict[tuple[str, str], list[Difference]] = defaultdict(list)
    for one in found:
        text = one.before or one.after or ""
        if one.object.startswith("table constraint ") and text.endswith("\ninherited"):
            pairs[one.object.rpartition(" on ")[2], text].append(one)
    return [one for pair in pairs.values() if len(pair) == 2 for one in pair]
