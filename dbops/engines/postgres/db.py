"""The calls of a migration in Python, by psycopg."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.pq import TransactionStatus

from dbops.engines.db import Key, KeyRange, Parameters, Rows, Transaction
from dbops.engines.dialect import POSTGRESQL
from dbops.errors import DbopsError

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.postgres.sending import Sender

_KEY = """
select attnotnull and exists (
    select from pg_catalog.pg_index where indrelid = attrelid and indisunique and indisvalid and indpred is null
        and indnkeyatts = 1 and indkey[0] = attnum
), (
    select sum(reltuples) filter (where reltuples >= 0)
    from pg_catalog.pg_class where relkind = 'r' and oid in (
        select attrelid union all select relid from pg_catalog.pg_partition_tree(attrelid::regclass))
)::bigint
from pg_catalog.pg_attribute
where attrelid = pg_catalog.to_regclass(%s) and attname = %s and attnum > 0 and not attisdropped
"""

# As text, which holds values that Python cannot, and which the server takes as one of the column's type.
_RANGE = """
with batch as materialized (select {key} as key from {table} {behind} order by {key} limit {size})
select first.key::text, last.key::text, (select count(*) from batch)
from (select key from batch order by key limit 1) as first,
    (select key from batch order by key desc limit 1) as last
"""


class PostgresClient:
    """See `dbops.engines.db.Client`."""

    engine = POSTGRESQL

    def __init__(self, connection: psycopg.Connection[Any], sender: Sender, lock_timeout: float) -> None:
        self._connection = connection
        self._sender = sender
        self._lock_timeout = lock_timeout

    @property
    def transaction(self) -> Transaction:
        """As libpq knows it."""
        status = self._connection.info.transaction_status
        if status is TransactionStatus.INERROR:
            return Transaction.FAILED
        return Transaction.NONE if status is TransactionStatus.IDLE else Transaction.OPEN

    def execute(self, sql: str, parameters: Parameters | None) -> Rows:
        """In one message."""
        with self._sender.watching(self._lock_timeout, sql):
            cursor = self._connection.execute(sql, parameters)
            while cursor.nextset():
                pass
            return Rows(cursor.fetchall() if cursor.description else (), cursor.rowcount)

    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        """In a pipeline, which is all or none also outside of a transaction."""
        with self._sender.watching(self._lock_timeout, sql), self._connection.cursor() as cursor:
            cursor.executemany(sql, rows)
            return cursor.rowcount

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """By COPY."""
        statement = sql.SQL("copy {} ({}) from stdin").format(
            _named(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        text = statement.as_string(self._connection)
        with self._sender.watching(self._lock_timeout, text), self._connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
            return cursor.rowcount

    def check_key(self, table: str, key: str) -> int | None:
        """By the catalog: a column that is not null, and a unique index on it alone; rows as last analysed."""
        with self._sender.watching(self._lock_timeout):
            name = _named(table).as_string(self._connection)
            row = self._connection.execute(_KEY, [name, key]).fetchone()
        if row is None:
            raise DbopsError(f"there is no column {key} in a table {table}")
        if not row[0]:
            raise DbopsError(
                f"{table}.{key} is not a key: a batch needs a column that is unique and not null by itself",
                hint="name the primary key's column, or update such a table without batches",
            )
        estimate: int | None = row[1] or None
        return estimate

    def key_range(self, table: str, key: str, after: Key | None, size: int) -> KeyRange | None:
        """One scan of the key's index."""
        column = sql.Identifier(key)
        behind = sql.SQL("where {} > %s").format(column) if after is not None else sql.SQL("")
        query = sql.SQL(_RANGE).format(key=column, table=_named(table), behind=behind, size=sql.Literal(size))
        with self._sender.watching(self._lock_timeout):
            row = self._connection.execute(query, [] if after is None else [str(after)]).fetchone()
        return None if row is None else KeyRange(*row)

    def roll_back(self) -> None:
        """As the sender does it."""
        self._sender.roll_back()


def _named(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))
