"""SQLite's side of seeding: one connection, and what fixture sets and generating ask of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.catalog import Catalog, ForeignKey, Table, TableName
from dbops.engines.sqlite import catalog as catalogs
from dbops.engines.sqlite.ddl import is_virtual
from dbops.engines.sqlite.dialect import DIALECT
from dbops.engines.sqlite.errors import told
from dbops.engines.sqlite.protection import read_comment
from dbops.events import Listener, Warned
from dbops.seeding.fixtures import bound
from dbops.seeding.fixtures.model import Problem
from dbops.seeding.fixtures.order import order
from dbops.seeding.fixtures.scripts import problems_of
from dbops.seeding.sqlite import scripts, sql
from dbops.seeding.sqlite.refusal import is_of_rows
from dbops.seeding.sqlite.waiting import SqliteWaiting

# What fills tables is imported late: sets alone do without it.
if TYPE_CHECKING:
    import sqlite3

    from dbops.seeding.fill import Destination, FillOptions, Part
    from dbops.seeding.fill.progress import Progress
    from dbops.seeding.sqlite.probe import SqliteProbe


class Sqlite:
    """A connection to a SQLite database that is to be filled, in autocommit mode.

    Implements `dbops.seeding.engine.SeedingEngine`.  There is one writer at a time: whoever has begun a transaction here
    keeps all others from writing, to any table.

    :param path: of the database file.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._schema = catalogs.Schema(Catalog(()), {})
        self._savepoints = count(1)

    @property
    def database(self) -> str:
        return self._path.stem

    def comment(self) -> str | None:
        return read_comment(self._path)

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """See `FixtureEngine.transaction`; one within another is a savepoint.

        :raises LockNotAcquired: another program writes.
        :raises DbopsError: the file cannot be written.
        """
        import sqlite3

        if self._connection.in_transaction:
            name = f"dbops_{next(self._savepoints)}"
            begin, commit, rollback = f"savepoint {name}", [f"release {name}"], [f"rollback to {name}"]
            rollback += commit
        else:
            begin, commit, rollback = "begin immediate", ["commit"], ["rollback"]
        try:
            self._connection.execute(begin)
            yield
            for statement in commit if keep else rollback:
                self._connection.execute(statement)
        except BaseException as error:
            if self._connection.in_transaction:
                for statement in rollback:
                    self._connection.execute(statement)
            if isinstance(error, sqlite3.Error):
                raise told(error, self._path) from error
            raise

    def begin(self, lock_timeout: float) -> str | None:
        del lock_timeout  # it is the connection's; and the transaction has the lock
        return self.comment()

    # -- the schema ------------------------------------------------------------------------------------

    def catalog(self, without: Collection[TableName] = (), only: Collection[str] | None = None) -> Catalog:
        del only  # all of it costs hardly more
        self._schema = catalogs.read(self._connection, without)
        return self._schema.catalog

    def probe(self) -> SqliteProbe:
        from dbops.seeding.sqlite.probe import SqliteProbe

        return SqliteProbe(self._connection, self._schema.catalog, self._schema.written)

    def misnamed(self, catalog: Catalog, names: Collection[str]) -> dict[str, str]:
        query = "select name, type, sql from sqlite_master where type in ('view', 'table')"
        found = {}
        for name, kind, definition in self._connection.execute(query):
            if kind == "view":
                found[name] = "a view: give rows to the tables beneath it"
            elif is_virtual(definition or ""):
                found[name] = "a virtual table: write to it in a .sql file"
        return {name: found[name] for name in names if name in found and catalog.find(name) is None}

    def grant(self, tables: Sequence[Table]) -> str | None:
        return None

    # -- fixture sets ----------------------------------------------------------------------------------

    def script_problems(self, label: str, text: str) -> list[Problem]:
        return problems_of(label, text, DIALECT)

    def run_script(self, label: str, text: str) -> None:
        scripts.run(self._connection, label, text)

    def waiting(self, parts: Sequence[bound.Part], references: Sequence[bound.Reference]) -> SqliteWaiting:
        return SqliteWaiting(self._connection, parts, references)

    def set_sequences(self, tables: Collection[TableName], listen: Listener) -> None:
        """Nothing: SQLite counts on from the highest number by itself."""

    def lock(self, tables: Sequence[TableName], patience: float, listen: Listener, *, alone: bool) -> None:
        """Nothing: the transaction has the whole file."""

    def counts(self, tables: Sequence[Table]) -> dict[TableName, int]:
        found = {}
        for table in tables:
            (rows,) = self._connection.execute(sql.select("count(*)", table.name)).fetchone()
            if rows:
                found[table.id] = rows
        return found

    def empty(self, tables: Sequence[Table]) -> None:
        by_id = {table.id: table for table in tables}
        self._connection.execute("pragma defer_foreign_keys = on")
        for name in reversed(order(tables).tables):  # children first
            self._connection.execute(f"delete from {sql.name(by_id[name].name)}")  # noqa: S608  # quoted
        self._connection.execute("pragma defer_foreign_keys = off")
        if self._connection.execute("select 1 from sqlite_master where name = 'sqlite_sequence'").fetchone():
            names = [(table.name,) for table in tables]
            self._connection.executemany("delete from sqlite_sequence where name = ?", names)

    # -- many rows -------------------------------------------------------------------------------------

    @contextmanager
    def prepared(
        self, coming: Mapping[TableName, int], options: FillOptions, progress: Progress, listen: Listener
    ) -> Iterator[None]:
        # Every constraint is checked with its row; only a row of a table that refers to itself may come before its parent.
        tables = [self._schema.catalog.by_id[name] for name in coming]
        with ExitStack() as stack:
            for table in tables:
                for key in table.foreign_keys:
                    if key.table == table.id:
                        stack.enter_context(self.until_the_end(table.id, key))
            yield

    def write_rows(self, into: Destination, parts: Iterator[Part], progress: Progress) -> None:
        from dbops.seeding.sqlite import filling

        filling.write_rows(self._connection, self._schema.catalog, into, parts, progress)

    def analyze(self, tables: Iterable[TableName], listen: Listener) -> None:
        import sqlite3

        try:
            for _, table in tables:
                self._connection.execute(f"analyze {sql.name(table)}")
        except sqlite3.Error as error:  # another program writes; the rows are in
            listen(Warned(f"the planner of queries was not told of the rows: {error}"))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        import sqlite3

        from dbops.seeding.fill import SeedFailed

        name = f"dbops_{next(self._savepoints)}"
        self._connection.execute(f"savepoint {name}")
        try:
            yield
        except BaseException as error:
            self._connection.execute(f"rollback to {name}")
            self._connection.execute(f"release {name}")
            if isinstance(error, sqlite3.Error) and is_of_rows(error):
                raise SeedFailed(str(error)) from error
            raise
        self._connection.execute(f"release {name}")

    def reserve(self, sequence: TableName, last: int) -> None:
        """Nothing: SQLite counts on from the highest number by itself."""

    @contextmanager
    def until_the_end(self, table: TableName, key: ForeignKey) -> Iterator[None]:
        from dbops.seeding.fill import SeedFailed

        self._connection.execute("pragma defer_foreign_keys = on")
        yield
        query = "select 1 from pragma_foreign_key_check(?) limit 1"
        if self._connection.execute(query, [table[1]]).fetchone():
            raise SeedFailed(f"{key.name} finds no rows of {key.table[1]}", table=table)
        self._connection.execute("pragma defer_foreign_keys = off")
