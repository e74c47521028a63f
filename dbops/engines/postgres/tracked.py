"""What a session on PostgreSQL knows of the tracking tables: where they are, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbops.config.model import Settings
from dbops.engines.base import Stage
from dbops.engines.postgres import connection as connections
from dbops.engines.postgres import recorded, tracking
from dbops.engines.postgres.sending import Command, Sender
from dbops.engines.postgres.tracking import Tables
from dbops.engines.records import Direction, Recorded
from dbops.engines.tracking import BESIDE_ANOTHER_TOOL, Found, foreign_table
from dbops.errors import ConfigError, Refused

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    from dbops.engines.log import LogEntry, LoggedEvent
    from dbops.engines.postgres.writing import Writer
    from dbops.engines.schema import Left, Schema


class Tracked:
    """A connection with the tracking tables of its database, looked up once.

    :param begin: the statement that begins a transaction of dbops' own.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], sender: Sender, settings: Settings, begin: str
    ) -> None:
        self.connection = connection
        self._sender = sender
        self._settings = settings
        self.drift_ignore = settings.drift_ignore
        self._begin = begin
        self._found: Found[Tables] | None = None
        self._beside = False
        self._written_with: Writer | None = None
        self._who = connections.application_name("").split(maxsplit=1)[1]

    @property
    def tables(self) -> Tables:
        """Where the tracking tables are, or will be."""
        return self._look().tables

    @property
    def table(self) -> str:
        """The tracking table as `schema.table`."""
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
            self._found = tracking.find(self.connection, self._settings.tracking_table.value)
        if self._found.foreign is not None and self._beside:
            beside = Tables(self._found.tables.schema, BESIDE_ANOTHER_TOOL)
            self._found = Found(beside, exist=False)
        if self._found.foreign is not None:
            raise foreign_table(self._found.foreign, adopts=True)
        return self._found

    def read(self) -> Recorded:
        """Rows and journal; empty where the tables are not there yet.

        :raises Refused: where the table belongs to another tool.
        """
        if self._found is not None and not self._found.exist:
            self._found = None  # whoever held the lock may have made them
        if self._found is None:
            wanted = Tables.named(self._settings.tracking_table.value)
            known = recorded.read_if_ours(self.connection, wanted)
            if known is not None:
                self._found = Found(wanted, exist=True)
                return known
        found = self._look()
        if not found.exist:
            return Recorded(initialised=False, elsewhere=tracking.elsewhere(self.connection))
        return recorded.read(self.connection, found.tables)

    def initialise(self) -> bool:
        """Make the tables unless they are there, under the lock; True if this call made them."""
        if self._found is None or not self._found.exist:
            self._found = None
        if self.initialised:
            return False
        statements = tracking.create(self.tables, self.connection)
        commands = [Command(Stage.RECORD, text.as_string(self.connection)) for text in statements]
        self._sender.run([Command(Stage.RECORD, self._begin), *commands, Command(Stage.COMMIT, "commit")])
        self._found = Found(self.tables, exist=True)
        return True

    def stand_beside(self) -> None:
        """Where the table of that name is another tool's: use tables beside it from here on.

        :raises ConfigError: where the other tool's table is the one that was configured.
        """
        self._beside = self._settings.tracking_table.value is None
        try:
            self._look()
        except Refused as refused:
            setting = self._settings.tracking_table
            raise ConfigError(
                f"{refused.message}: it cannot be dbops' own tracking table ({setting.origin})",
                hint="leave tracking-table out, or name another one",
            ) from None

    @property
    def rows_table(self) -> sql.Identifier:
        """The tracking table, to be put into a statement."""
        return self.tables.rows

    def down_sql(self, version: str) -> str | None:
        """The stored down section of an applied version."""
        return recorded.read_down_sql(self.connection, self.tables, version)

    def positions(self, version: str, direction: Direction) -> dict[str, dict[str, Any]]:
        """Of each batched statement of a migration that stopped in the middle, by checksum."""
        return recorded.read_positions(self.connection, self.tables, version, direction)

    def events(self) -> list[LoggedEvent]:
        """The event log, oldest first; empty where the tables are not there yet."""
        return recorded.read_events(self.connection, self.tables) if self.initialised else []

    def schema_left(self) -> Left | None:
        """The schema that was stored last; None where none ever was.

        :raises DbopsError: it cannot be read.
        """
        from dbops.engines.postgres.pinned import told

        with told():
            return recorded.read_schema(self.connection, self.tables) if self.initialised else None

    def schema(self) -> Schema:
        """What is there now, but for the tracking tables.

        :raises DbopsError: it cannot be read, because another session has locked a view for instance.
        """
        from dbops.engines.postgres.pinned import told
        from dbops.engines.postgres.schema import reader

        with told():
            return reader.read(self.connection, self._own_tables() if self.initialised else ())

    def log(self, entry: LogEntry) -> None:
        """Write one event, lock or no lock: a failure is logged even when the lock was lost."""
        if not self.connection.closed and self.initialised:
            self._sender.run([Command(Stage.RECORD, self._writer().text(entry))])

    def _writer(self) -> Writer:
        if self._written_with is None:
            from dbops.engines.postgres.writing import Writer

            self._written_with = Writer(self.connection, self.tables, self._who)
        return self._written_with

    def _own_tables(self) -> list[str]:
        return [name.as_string(self.connection) for name in (self.tables.rows, self.tables.events)]
