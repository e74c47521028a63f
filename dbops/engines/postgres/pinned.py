"""Sessions that read a database as a dump does: in one snapshot, with every setting pinned that changes what is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from dbops.config.model import Target
from dbops.engines.postgres.connection import connect
from dbops.engines.postgres.errors import raise_told
from dbops.errors import DbopsError
from dbops.events import Listener

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

# What changes the text of a value, what hides rows, and what could end a session that works or waits for hours.
# Index-only scans are off: the heap is read, as COPY reads it, and not an index that may be damaged.
PINNED = {
    "search_path": "pg_catalog",
    "extra_float_digits": "3",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "xmloption": "content",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "quote_all_identifiers": "off",
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "jit": "off",
    "enable_indexonlyscan": "off",
}

_PER_STATEMENT = 200

_PIN = """
select pg_catalog.set_config(pinned.name, pinned.value, %s)
from unnest(%s::text[], %s::text[]) as pinned(name, value)
join pg_catalog.pg_settings as known on pg_catalog.lower(known.name) = pinned.name
"""


@contextmanager
def join(
    target: Target, snapshot_id: str, application: str, listen: Listener, deadline: float = 60.0
) -> Iterator[psycopg.Connection[Any]]:
    """A session in a read-only transaction that sees this snapshot, with all settings pinned.

    :param deadline: seconds to wait for a connection where the server has none left.

    :raises DbopsError: the snapshot is gone, because the session that took it has ended.
    """
    connection = connect(target, application=application, listen=listen, deadline=deadline)
    try:
        with told():
            pin(connection)
            enter(connection, snapshot_id)
        yield connection
    finally:
        connection.close()


def pin(connection: psycopg.Connection[Any]) -> None:
    """Set what changes the text of values, and what hides rows, for the rest of the session."""
    connection.prepare_threshold = None
    connection.execute(_PIN, [False, list(PINNED), list(PINNED.values())])


def pin_transaction(connection: psycopg.Connection[Any]) -> None:
    """The same until the transaction ends; its timeouts stay as they are."""
    pinned = {name: value for name, value in PINNED.items() if not name.endswith("_timeout")}
    connection.execute(_PIN, [True, list(pinned), list(pinned.values())])


def enter(connection: psycopg.Connection[Any], snapshot_id: str) -> None:
    """Begin a read-only transaction in the snapshot."""
    from psycopg import sql

    connection.execute("begin isolation level repeatable read read only")
    connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot_id)))


@contextmanager
def told() -> Iterator[None]:
    """Failures of the server or the connection become errors for people."""
    import psycopg

    try:
        yield
    except psycopg.errors.OutOfMemory as error:
        raise DbopsError(
            f"the server has no room to lock all tables at once: {error.diag.message_primary}",
            hint="raise max_locks_per_transaction in postgresql.conf and restart the server",
        ) from error
    except psycopg.Error as error:
        raise_told(error)
        raise


def chunks(items: Sequence[T], size: int = _PER_STATEMENT) -> Iterator[Sequence[T]]:
    """The items, so many at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))
