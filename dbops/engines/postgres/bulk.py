"""Rows by COPY, in ready text, and what a transaction that writes many of them needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import TableName

if TYPE_CHECKING:
    import psycopg

Write = Callable[[bytes | bytearray], None]

_PIECE = 128 * 1024  # bytes that are sent at once


@contextmanager
def copying(connection: psycopg.Connection[Any], table: TableName, columns: Sequence[str]) -> Iterator[Write]:
    """A COPY at work, and the function that sends it whole lines: UTF-8, tabs, `\\N`.

    Leaving it waits until the server has taken all.

    :raises psycopg.Error: the server refuses a row, mostly at the end; the transaction is then to be rolled back.
    """
    from psycopg import sql

    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT text, ENCODING 'UTF8')").format(
        sql.Identifier(*table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:

        def write(text: bytes | bytearray) -> None:
            view = memoryview(text)
            for at in range(0, len(view), _PIECE):
                copy.write(view[at : at + _PIECE])

        yield write


@contextmanager
def settings(connection: psycopg.Connection[Any], values: Mapping[str, str]) -> Iterator[None]:
    """Set them within the transaction, and set them back where the work ends well: else the rollback does."""
    setting = "select pg_catalog.current_setting(%(name)s), pg_catalog.set_config(%(name)s, %(value)s, true)"
    before = {}
    for name, value in values.items():
        row = connection.execute(setting, {"name": name, "value": value}).fetchone()
        assert row is not None
        before[name] = row[0]
    yield
    for name, value in before.items():
        connection.execute(setting, {"name": name, "value": value})


def quoted(name: TableName) -> str:
    """Schema and name as `regclass` takes them."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)


def check_deferred(connection: psycopg.Connection[Any], tables: Collection[TableName]) -> None:
    """Check now what these tables' deferred constraints have put off, and no longer put it off in this transaction.

    :raises psycopg.Error: a row breaks one.
    """
    from psycopg import sql

    query = """
        select distinct n.nspname, con.conname
        from pg_catalog.pg_constraint as con join pg_catalog.pg_namespace as n on n.oid = con.connamespace
        where con.condeferrable and (con.conrelid = any(%(tables)s::regclass[])
            or exists (select from pg_catalog.pg_partition_ancestors(con.conrelid) as up(oid)
                where up.oid = any(%(tables)s::regclass[])))
    """
    names = [sql.Identifier(*row) for row in connection.execute(query, {"tables": list(map(quoted, tables))})]
    if names:
        connection.execute(sql.SQL("set constraints {} immediate").format(sql.SQL(", ").join(names)))
