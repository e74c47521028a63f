"""What a comparison of two schemas gives: statements there and back, what they cannot say, and what may be a rename."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable


class Of(enum.Enum):
    """What can have been renamed; the words are part of the JSON contract."""

    TABLE = "table"
    COLUMN = "column"
    ENUM_VALUE = "enum value"


@dataclasses.dataclass(frozen=True)
class Rename:
    """One thing that has another name there; of names, the parts as the catalog has them, not quoted.

    :param owner: what it is in, as that is called there (after the renames): of a table its schema, of a column
        schema and table, of an enum's value schema and type.
    """

    of: Of
    owner: tuple[str, ...]
    old: str
    new: str

    def __str__(self) -> str:
        """As it is asked and told: "table public.orders to purchases", "column public.orders.sum to total"."""
        return f"{self.of.value} {'.'.join((*self.owner, self.old))} to {self.new}"


Renames = tuple[Rename, ...]
"""Those that were said to be ones: of tables first, then of what is in them."""


@dataclasses.dataclass(frozen=True)
class Change:
    """One statement of a script.

    :param sql: without semicolon at its end.
    :param destructive: what it destroys for good, in words: "the table public.orders"; empty for nothing.
    """

    sql: str
    destructive: str = ""


@dataclasses.dataclass(frozen=True)
class Script:
    """What leads from one schema to another, and back; each runs in its order, in one transaction.

    :param unseen: what cannot be compared, or be reached by statements, one sentence without period each.
    """

    up: tuple[Change, ...]
    down: tuple[Change, ...]
    unseen: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be done."""
        return not (self.up or self.down)


def ordered(renames: Iterable[Rename]) -> Renames:
    """In the order in which they are made: tables first."""
    return tuple(sorted(renames, key=lambda one: (one.of is not Of.TABLE, one.owner, one.old)))


def inverted(renames: Renames) -> Renames:
    """The way back: a table has its old name there, for what is in it, too."""
    tables = {(*one.owner, one.new): (*one.owner, one.old) for one in renames if one.of is Of.TABLE}
    return ordered(
        Rename(one.of, tables.get(one.owner, one.owner), old=one.new, new=one.old) for one in renames
    )
