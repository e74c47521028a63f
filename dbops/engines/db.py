"""What the `db` object of a migration in Python stands on: the calls that each engine answers in its own way."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

Parameters = Sequence[Any] | Mapping[str, Any]
"""Values for `%s`, or for `%(name)s`; where there are some, `%%` is a percent sign."""


class Rows(list[tuple[Any, ...]]):
    """The rows that a statement returned, none where it returns none.

    `rowcount` is how many it returned or changed, -1 where that makes no sense.
    """

    def __init__(self, rows: Iterable[tuple[Any, ...]] = (), rowcount: int = -1) -> None:
        super().__init__(rows)
        self.rowcount = rowcount


class Transaction(enum.Enum):
    """How the session stands to transactions."""

    NONE = "none"
    OPEN = "open"
    FAILED = "failed"
    """A statement failed in it, and nothing but its end is possible (an engine need not know this)."""


Key = str | int
"""A value of a key as JSON may hold it, and as the engine takes it for a value of the key's type."""


@dataclasses.dataclass(frozen=True)
class KeyRange:
    """The keys of a batch, `first` and `last` included."""

    first: Key
    last: Key
    rows: int


class Client(Protocol):
    """Primitives on the session that migrations run on.  Nothing here begins or ends a transaction but `roll_back`.

    All raise `StatementFailed` where the server says no, which leaves an open transaction open, and `SessionLost`.
    """

    engine: str
    """The engine's name, that of its dialect."""

    @property
    def transaction(self) -> Transaction:
        """How the session stands to transactions now."""

    def execute(self, sql: str, parameters: Parameters | None) -> Rows:
        """Run a statement; without parameters also several, of which the last one's rows are returned."""

    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        """Run a statement once for each row of parameters, all or none; how many rows were changed."""

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Load rows as quickly as the engine can, all or none; how many there were.

        :param table: a name as the catalog has it, `schema.name` too; `columns` likewise.
        """

    def check_key(self, table: str, key: str) -> int | None:
        """About how many rows a table has, None where that is not known.

        :raises DbopsError: where no such table, or the column is not unique and not null by itself.
        """

    def key_range(self, table: str, key: str, after: Key | None, size: int) -> KeyRange | None:
        """The next `size` keys in order, behind a key or from the least; None where there are none."""

    def roll_back(self) -> None:
        """End whatever is open, or was left open by an interruption."""
