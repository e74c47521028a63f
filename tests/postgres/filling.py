"""Sources of rows for the tests of filling; importable, since other processes make the blocks."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Mapping

from dbops.engines.catalog import TableName
from dbops.errors import UsageError
from dbops.seeding.fill import Destination, Part

PARENT: TableName = ("public", "parent")
CHILD: TableName = ("public", "child")
TABLES = """
create table parent (id int primary key, name text not null unique);
create table child (
    id int generated always as identity primary key, parent int not null references parent, note text check (note <> 'bad')
);
create index child_parent on child (parent);
comment on index child_parent is 'kept';
"""
MANY = 1_000_000


@dataclasses.dataclass(frozen=True)
class Family:
    """Blocks of parents, each with as many children.

    :param expected: what it says of its rows: many make it worth while to take indexes away and to start processes.
    :param wrong: the number of the first row that is wrong: `name`, `parent`, `note`, `integer`, or the block that
        fails: `bug`, `told`, `killed`, `slow`.
    """

    blocks: int = 4
    size: int = 100
    expected: int = MANY
    wrong: str = ""
    at: int = 250

    destinations = (Destination(PARENT, ("id", "name")), Destination(CHILD, ("id", "parent", "note")))

    @property
    def rows(self) -> Mapping[TableName, int]:
        return {PARENT: self.expected, CHILD: self.expected}

    def make(self, block: int) -> list[Part]:
        """The rows of one block."""
        numbers = range(block * self.size + 1, (block + 1) * self.size + 1)
        if self.at in numbers:
            self._fail()
        parents = "".join(f"{self._number(n)}\tname {self._name(n)}\n" for n in numbers)
        children = "".join(f"{n}\t{self._parent(n)}\t{self._note(n)}\n" for n in numbers)
        return [(0, self.size, parents.encode()), (1, self.size, children.encode())]

    def _fail(self) -> None:
        match self.wrong:
            case "bug":
                raise ValueError("no such pool")
            case "told":
                raise UsageError("this cannot be made", hint="leave it out")
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "slow":
                time.sleep(600)

    def _number(self, n: int) -> int | str:
        return "x" if self.wrong == "integer" and n == self.at else n

    def _name(self, n: int) -> int:
        return 1 if self.wrong == "name" and n == self.at else n

    def _parent(self, n: int) -> int:
        return -1 if self.wrong == "parent" and n == self.at else n

    def _note(self, n: int) -> str:
        return "bad" if self.wrong == "note" and n == self.at else f"note {n}"


class Large:
    """Blocks that no pipe holds."""

    destinations = (Destination(PARENT, ("id", "name")),)
    rows: Mapping[TableName, int] = {PARENT: 1}  # never changed
    blocks = 6

    def make(self, block: int) -> list[Part]:
        """One part."""
        return [(0, 1, b"x" * 3_000_000)]
