"""PostgreSQL's side of seeding: one connection, and what fixture sets and generating ask of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.catalog import Catalog, ForeignKey, Table, TableName
from dbops.engines.postgres import advance, tablelocks
from dbops.engines.postgres import catalog as catalogs
from dbops.engines.postgres.protection import read_comment
from dbops.events import Listener
from dbops.seeding.fixtures import bound
from dbops.seeding.fixtures.model import Problem
from dbops.seeding.fixtures.scripts import problems_of
from dbops.seeding.postgres import scripts
from dbops.seeding.postgres.fragments import table_name
from dbops.seeding.postgres.misnamed import misnamed
from dbops.seeding.postgres.waiting import PostgresWaiting

# What fills tables is imported late: sets alone do without it.
if TYPE_CHECKING:
    import psycopg

    from dbops.seeding.fill import Destination, FillOptions, Part
    from dbops.seeding.fill.progress import Progress
    from dbops.seeding.postgres.probe import PostgresProbe

# Compiling a query costs more than any of these takes.
_SETTINGS = """
select pg_catalog.set_config('lock_timeout', %s, true), pg_catalog.set_config('timezone', 'UTC', true),
    pg_catalog.set_config('datestyle', 'ISO, MDY', true), pg_catalog.set_config('intervalstyle', 'postgres', true), pg_catalog.set_config('jit', 'off', true),
    (select pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database
        where datname = pg_catalog.current_database())
"""
_RESERVE = """
select setval(c.oid::regclass, case when s.increment_by > 0 then greatest(%(last)s::bigint, s.last_value)
    else least(%(last)s::bigint, s.last_value) end)
from pg_catalog.pg_sequences as s
join pg_catalog.pg_class as c on c.relname = s.sequencename
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = s.schemaname
where s.schemaname = %(schema)s and s.sequencename = %(name)s and %(last)s between s.min_value and s.max_value
"""
# SQLSTATE classes: connection, transaction rollback (deadlock), resources (full disk), operator intervention, system.
_NOT_OF_ROWS = ("08", "40", "53", "57", "58")


class Postgres:
    """A connection to a PostgreSQL database that is to be filled, in autocommit mode.

    Implements `dbops.seeding.engine.SeedingEngine`; what they do not say, psycopg's errors, is raised as it is.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    @property
    def database(self) -> str:
        return self._connection.info.dbname

    def transaction(self, *, keep: bool = True) -> AbstractContextManager[object]:
        return self._connection.transaction(force_rollback=not keep)

    def begin(self, lock_timeout: float) -> str | None:
        row = self._connection.execute(_SETTINGS, [str(round(lock_timeout * 1000))]).fetchone()
        assert row is not None  # a SELECT without FROM has one row
        comment: str | None = row[5]
        return comment

    def comment(self) -> str | None:
        return read_comment(self._connection, self.database)

    # -- the schema ------------------------------------------------------------------------------------

    def catalog(self, without: Collection[TableName] = (), only: Collection[str] | None = None) -> Catalog:
        return catalogs.read(self._connection, without, only)

    def misnamed(self, catalog: Catalog, names: Collection[str]) -> dict[str, str]:
        return misnamed(self._connection, catalog, names)

    def probe(self) -> PostgresProbe:
        """Questions of planning."""
        from dbops.seeding.postgres.probe import PostgresProbe

        return PostgresProbe(self._connection)

    def grant(self, tables: Sequence[Table]) -> str | None:
        if not tables:
            return None
        from psycopg import sql

        statement = sql.SQL("GRANT SELECT, INSERT, UPDATE ON {} TO {}").format(
            sql.SQL(", ").join(table_name(table) for table in tables),
            sql.Identifier(self._connection.info.user),
        )
        return f"have their owner run: {statement.as_string(self._connection)}"

    # -- fixture sets ----------------------------------------------------------------------------------

    def script_problems(self, label: str, text: str) -> list[Problem]:
        from dbops.engines.postgres.dialect import DIALECT

        return problems_of(label, text, DIALECT)

    def run_script(self, label: str, text: str) -> None:
        scripts.run(self._connection, label, text)

    def waiting(self, parts: Sequence[bound.Part], references: Sequence[bound.Reference]) -> PostgresWaiting:
        return PostgresWaiting(self._connection, parts, references)

    def set_sequences(self, tables: Collection[TableName], listen: Listener) -> None:
        advance.set_sequences(self._connection, tables, listen)

    def lock(self, tables: Sequence[TableName], patience: float, listen: Listener, *, alone: bool) -> None:
        mode: tablelocks.Mode = "access exclusive" if alone else "share row exclusive"
        tablelocks.lock(self._connection, tables, mode, patience, listen)

    def counts(self, tables: Sequence[Table]) -> dict[TableName, int]:
        from psycopg import sql

        queries = [
            sql.SQL("select {}, count(*) from {}").format(sql.Literal(at), table_name(table))
            for at, table in enumerate(tables)
        ]
        rows = self._connection.execute(sql.SQL(" union all ").join(queries)).fetchall()
        return {tables[at].id: count for at, count in rows if count}

    def empty(self, tables: Sequence[Table]) -> None:
        from psycopg import sql

        # Only an owner may let a sequence begin anew.
        again = "restart identity" if all(table.owned for table in tables) else "continue identity"
        names = sql.SQL(", ").join(map(table_name, tables))
        self._connection.execute(sql.SQL("truncate {} {}").format(names, sql.SQL(again)))

    # -- many rows -------------------------------------------------------------------------------------

    def prepared(
        self, coming: Mapping[TableName, int], options: FillOptions, progress: Progress, listen: Listener
    ) -> AbstractContextManager[None]:
        from dbops.seeding.postgres import copying

        return copying.prepared(self._connection, coming, options, progress, listen)

    def write_rows(self, into: Destination, parts: Iterator[Part], progress: Progress) -> None:
        from dbops.seeding.postgres import copying

        copying.copy(self._connection, into, parts, progress)

    def analyze(self, tables: Iterable[TableName], listen: Listener) -> None:
        from dbops.engines.postgres.analyze import analyze_tables
        from dbops.engines.postgres.committed import committed

        with committed():
            analyze_tables(self._connection, tables, listen)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        import psycopg

        from dbops.seeding.fill import SeedFailed

        try:
            with self._connection.transaction():
                yield
        except psycopg.DatabaseError as error:
            if self._connection.closed or (error.sqlstate or "").startswith(_NOT_OF_ROWS):
                raise
            raise SeedFailed(" ".join(str(error).split())) from error

    def reserve(self, sequence: TableName, last: int) -> None:
        schema, name = sequence
        self._connection.execute(_RESERVE, {"last": last, "schema": schema, "name": name})

    @contextmanager
    def until_the_end(self, table: TableName, key: ForeignKey) -> Iterator[None]:
        from psycopg import sql

        if not key.deferrable:
            self._alter(table, key, "DEFERRABLE INITIALLY DEFERRED")
        name = sql.Identifier(table[0], key.name)
        self._connection.execute(sql.SQL("SET CONSTRAINTS {} DEFERRED").format(name))
        yield
        if not key.deferrable:  # where the work within failed, it is the rollback that takes it back
            self._alter(table, key, "NOT DEFERRABLE")

    def _alter(self, table: TableName, key: ForeignKey, to: LiteralString) -> None:
        from psycopg import sql

        statement = sql.SQL("ALTER TABLE {} ALTER CONSTRAINT {} " + to)
        self._connection.execute(statement.format(sql.Identifier(*table), sql.Identifier(key.name)))
