"""What a session on a file of SQLite knows of the tracking tables: where they are, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbops.config.model import Settings
from dbops.engines.records import Direction, Recorded
from dbops.engines.sqlite import recorded, tracking
from dbops.engines.sqlite.connected import Connected
from dbops.engines.sqlite.tracking import Tables
from dbops.engines.tracking import Found, foreign_table
from dbops.events import Listener

if TYPE_CHECKING:
    from dbops.engines.log import LoggedEvent
    from dbops.engines.schema import Left, Schema


class Tracked(Connected):
    """A connection with the tracking tables of its file, looked up once."""

    def __init__(self, settings: Settings, listen: Listener) -> None:
        super().__init__(settings, listen)
        self._found: Found[Tables] | None = None

    @property
    def tables(self) -> Tables:
        """Where the tracking tables are, or will be."""
        return self._look().tables

    @property
    def table(self) -> str:
        """The name of the tracking table."""
        return str(self.tables)

    @property
    def initialised(self) -> bool:
        """Whether they are there."""
        return self._look().exist

    def _look(self) -> Found[Tables]:
        """Where the tables are, looked up once.

        :raises Refused: where the table belongs to another tool.
        """
        if self._found is None:
            with self.told():
                self._found = tracking.find(self.connection, self._settings.tracking_table.value)
        if self._found.foreign is not None:
            raise foreign_table(self._found.foreign, adopts=False)
        return self._found

    def read(self) -> Recorded:
        """Rows and journal; empty where the tables are not there yet."""
        found = self._look()
        with self.told():
            return (
                recorded.read(self.connection, found.tables) if found.exist else Recorded(initialised=False)
            )

    def comment(self) -> str | None:
        """The marks of the database."""
        from dbops.engines.sqlite.protection import read_comment

        return read_comment(self._path)

    def down_sql(self, version: str) -> str | None:
        """The stored down section of an applied version."""
        with self.told():
            return recorded.read_down_sql(self.connection, self.tables, version)

    def positions(self, version: str, direction: Direction) -> dict[str, dict[str, Any]]:
        """Of each batched statement of a migration that stopped in the middle, by checksum."""
        with self.told():
            return recorded.read_positions(self.connection, self.tables, version, direction)

    def events(self) -> list[LoggedEvent]:
        """The event log, oldest first; empty where the tables are not there yet."""
        with self.told():
            return recorded.read_events(self.connection, self.tables) if self.initialised else []

    def schema_left(self) -> Left | None:
        """The schema that was stored last; None where none ever was.

        :raises DbopsError: it cannot be read.
        """
        with self.told():
            return recorded.read_schema(self.connection, self.tables) if self.initialised else None

    def schema(self) -> Schema:
        """What is there now, but for the tracking tables.

        :raises DbopsError: it cannot be read.
        """
        with self.told():
            return tracking.schema(self.connection, self.tables)
