"""Whether two schemas are the same to a migration: the order of columns cannot be changed, and is no difference."""

from __future__ import annotations

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
