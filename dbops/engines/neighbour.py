"""What taking over another tool's history asks of a session, beyond what migrations ask of every engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from dbops.engines.session import Session

if TYPE_CHECKING:
    from psycopg import sql


@runtime_checkable
class Neighbour(Session, Protocol):
    """A session on a database in which other tools keep their own tables."""

    def stand_beside(self) -> None:
        """Where the tracking table's name is taken by another tool's: use tables beside it from here on.

        :raises ConfigError: where the other tool's table is the one that was configured.
        """

    @property
    def rows_table(self) -> sql.Identifier:
        """The tracking table, to be put into a statement."""

    def query(self, statement: Any, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Rows of a query, or of a statement that returns some; the parameters by position or by name."""

    def acquire_foreign_lock(self, key: int, tool: str) -> None:
        """Take the advisory lock by which another tool keeps its runs apart.

        :raises LockNotAcquired: after the deadline of the settings.
        """

    def wait_for(self, attempt: Callable[[], bool], holder: Callable[[], object], tool: str) -> None:
        """Try until it succeeds, where another tool's lock is a row.

        :raises LockNotAcquired: after the deadline of the settings.
        """
