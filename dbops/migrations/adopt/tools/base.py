"""What is asked of a tool whose history can be taken over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString

from dbops.errors import Refused
from dbops.migrations.adopt.model import Entry, FoundTable, History, TableName
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.config.model import Settings
    from dbops.migrations.adopt.model import Mirrored
    from dbops.migrations.model import MigrationFile

Ask = Callable[[Any, Any], list[tuple[Any, ...]]]
"""Runs a query with its parameters and returns its rows."""


class Tool(ABC):
    """One tool.  Implementations hold no state.

    `tables` are the names that its table has unless somebody changed them, `schema` where it is then None for any;
    `columns` are those that such a table must have, `exactly` where it must have no others; `distinctive` where no
    other table could have them, so that it is found under any name.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[str, ...]]
    schema: ClassVar[str | None] = None
    columns: ClassVar[frozenset[str]]
    exactly: ClassVar[bool] = False
    distinctive: ClassVar[bool] = True
    keyed_by_name: ClassVar[bool] = False
    """Rows are found by the tool's whole id, not by the version alone."""
    lock_note: ClassVar[str] = "takes no lock of its own, so that nothing keeps it from running now"

    def recognises(self, found: FoundTable) -> bool:
        """Whether a table, of whatever name, has the columns of this tool's."""
        columns = found.columns.keys()
        return columns == self.columns if self.exactly else columns >= self.columns

    def finds(self, found: FoundTable) -> bool:
        """Whether a table is this tool's, where nobody has said so."""
        named = found.table.name in self.tables and self.schema in {None, found.table.schema}
        return (named or self.distinctive) and self.recognises(found)

    def of_project(self, settings: Settings) -> Tool:
        """The tool as it is used in a project, where reading its table needs more than the table.

        :raises DbopsError: where the project does not have what is needed.
        """
        return self

    @abstractmethod
    def read(self, ask: Ask, table: TableName) -> History:
        """What the table says.

        :raises Refused: where it is of a kind that cannot be taken over.
        """

    def history(self, table: TableName, entries: Iterable[Entry], upto: Version | None = None) -> History:
        """A history of this tool."""
        return History(self.name, table, tuple(entries), upto)

    def holds(self, file: MigrationFile) -> bool:
        """Whether the tool knows of such a file; what it does not know is no concern of its table."""
        return True

    def id(self, file: MigrationFile) -> str:
        """What the tool calls the migration of a file."""
        return number(file.version.text)

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """The keys of the advisory locks that the tool takes while it migrates."""
        return ()

    def lock_row(self, table: TableName, neighbours: frozenset[str]) -> LockRow | None:
        """The row by which the tool locks, where it does so."""
        return None

    def checksums(self, files: Sequence[MigrationFile], entries: Sequence[Entry] = ()) -> Mapping[str, str]:
        """By id, the checksum that the tool would compute of each file; empty where it keeps none.

        :param entries: what the table holds, where only that tells how they were computed.
        :raises DbopsError: where a file cannot be read.
        """
        return {}

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """The statements by which the tool itself would record a migration as applied.

        :raises Refused: where it cannot be told in the tool's terms.
        """
        raise self.no_mirror()

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """The statements by which the tool itself would record a migration as no longer applied."""
        raise self.no_mirror()

    def settled(self, one: Mirrored, *, applied: bool) -> list[sql.Composed]:
        """What makes a row that was in doubt say what is true."""
        return [*self.reverted(one), *(self.applied(one) if applied else ())]

    def no_mirror(self) -> Refused:
        """Its table cannot be written by another."""
        return Refused(
            f"the table of {self.name} cannot be kept in step", hint="bin/migrate adopt --no-mirror"
        )


class LockRow:
    """How a tool locks by a row: statements that take it (and return a row if they did), free it, and tell who has it."""

    def __init__(self, take: sql.Composed, free: sql.Composed, holder: sql.Composed) -> None:
        self.take, self.free, self.holder = take, free, holder


def number(text: str) -> str:
    """A version as a tool that keeps numbers has it: `001` is `1`."""
    return str(int(text)) if text.isascii() and text.isdigit() else text


def select(ask: Ask, columns: LiteralString, table: TableName, order: LiteralString) -> list[tuple[Any, ...]]:
    """The rows of the tool's table."""
    from psycopg import sql

    query = sql.SQL("select {} from {} order by {}").format(
        sql.SQL(columns), table.identifier, sql.SQL(order)
    )
    return ask(query, ())


def statement(text: LiteralString, table: TableName, **values: Any) -> sql.Composed:
    """SQL with `{table}` for the table and `{name}` for values: as literals, unless they are SQL already."""
    from psycopg import sql

    composed = {
        name: value if isinstance(value, sql.Composable) else sql.Literal(value)
        for name, value in values.items()
    }
    return sql.SQL(text).format(table=table.identifier, **composed)


def claimed(format_name: str, file_name: str) -> tuple[Version, str]:
    """The version and the name that a format reads from the name of a file that need not be there."""
    from dbops.migrations.formats import by_name

    claim = by_name(format_name).claim(file_name, (file_name,))
    if claim is None:
        stem = file_name.removesuffix(".sql")
        return Version.named(stem), stem
    return Version.named(claim.version), claim.name
