"""The calls of a migration in Python, by the standard library's driver."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.base import ServerError, Stage, StatementFailed, Trouble
from dbops.engines.db import Key, KeyRange, Parameters, Rows, Transaction
from dbops.engines.dialect import SQLITE
from dbops.engines.sqlite.dialect import BEFORE_TRANSACTION, DIALECT, pragma
from dbops.engines.sqlite.tokens import texts
from dbops.engines.sqlite.tracking import quoted
from dbops.engines.statements import Kind, UnreadableSql
from dbops.errors import DbopsError

if TYPE_CHECKING:
    import sqlite3

    from dbops.engines.sqlite.running import Runner
    from dbops.engines.sqlite.session import Session

_PLACEHOLDER = re.compile(r"%(?:%|s|\((\w+)\)s)")
_AS_TEXT = (decimal.Decimal, uuid.UUID)

# A column that is the rowid or the whole primary key, or not null with a unique index of its own.
_IS_KEY = """
select (info.pk = 1 and (select max(pk) from pragma_table_info(:table)) = 1 and (info."notnull" or upper(info.type) = 'INTEGER'))
    or (info."notnull" and exists (
        select 1 from pragma_index_list(:table) as list
        where list."unique" and not list.partial
            and (select group_concat(name, char(0)) from pragma_index_info(list.name)) = info.name))
from pragma_table_info(:table) as info where info.name = :key collate nocase
"""


class SqliteClient:
    """See `dbops.engines.db.Client`."""

    engine = SQLITE

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._session.connection

    @property
    def _runner(self) -> Runner:
        return self._session.runner

    @property
    def transaction(self) -> Transaction:
        """As the connection knows it; a statement that fails is undone by itself."""
        return Transaction.OPEN if self._connection.in_transaction else Transaction.NONE

    def execute(self, sql: str, parameters: Parameters | None) -> Rows:
        """One by one; several that do not say how they commit are all or none."""
        if parameters is not None:
            return self._run(*_bound(sql, parameters))
        texts, controlled = _split(sql)
        rows = Rows()
        with contextlib.nullcontext() if controlled or len(texts) < 2 else self._all_or_none():
            for text in texts:
                rows = self._run(text)
        return rows

    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        """All or none."""
        if not rows:
            return 0
        text, _ = _bound(sql, rows[0])
        with self._all_or_none():
            return self._runner.many(text, (_bound(sql, row)[1] for row in rows))

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """By INSERT, all or none."""
        names, marks = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
        text = f"insert into {_named(table)} ({names}) values ({marks})"  # noqa: S608  # quoted
        with self._all_or_none():
            return max(self._runner.many(text, ([_value(one) for one in row] for row in rows)), 0)

    def check_key(self, table: str, key: str) -> int | None:
        """By the schema; the rows are counted."""
        found = self._connection.execute(_IS_KEY, {"table": table.rpartition(".")[2], "key": key}).fetchone()
        if found is None:
            raise DbopsError(f"there is no column {key} in a table {table}")
        if not found[0]:
            raise DbopsError(
                f"{table}.{key} is not a key: a batch needs a column that is unique and not null by itself",
                hint="name the primary key's column, or update such a table without batches",
            )
        ((count,),), _ = self._runner.rows(f"select count(*) from {_named(table)}")  # noqa: S608  # quoted
        return int(count)

    def key_range(self, table: str, key: str, after: Key | None, size: int) -> KeyRange | None:
        """One scan of the key's index."""
        column = quoted(key)
        behind = f"where {column} > ?" if after is not None else ""
        ((first, last, count),), _ = self._runner.rows(
            f"select min(key), max(key), count(*) from "  # noqa: S608  # quoted
            f"(select {column} as key from {_named(table)} {behind} order by {column} limit {size:d})",
            [] if after is None else [after],
        )
        if not count:
            return None
        if not isinstance(first, str | int) or not isinstance(last, str | int):
            raise DbopsError(
                f"{table}.{key} holds what is neither text nor a whole number, which batches need"
            )
        return KeyRange(first, last, count)

    def roll_back(self) -> None:
        """Nothing to do where nothing is open."""
        if self._connection.in_transaction:
            self._connection.execute("rollback")

    def _run(self, text: str, parameters: Parameters = ()) -> Rows:
        name, has_value = pragma(texts(text)) if text[:6].lower() == "pragma" else ("", False)
        if has_value and name in BEFORE_TRANSACTION and self._connection.in_transaction:
            words = f"PRAGMA {name.lower()} counts only before a transaction"
            raise StatementFailed(ServerError(words, trouble=Trouble.NEEDS_NO_TRANSACTION))
        return Rows(*self._runner.rows(text, parameters))

    @contextlib.contextmanager
    def _all_or_none(self) -> Iterator[None]:
        """In the transaction that is open, else in one of their own.  A savepoint takes back what a failure has left."""
        runner = self._runner
        if inside := self._connection.in_transaction:
            runner.run("savepoint dbops", 0)
        else:
            runner.begin(None, ())
        try:
            yield
            if inside:
                runner.run("release dbops", 0)
            else:
                runner.check(Stage.COMMIT)
                runner.commit()
        except BaseException:
            undo = ("rollback to dbops", "release dbops") if inside else ("rollback",)
            for text in undo if self._connection.in_transaction else ():
                self._connection.execute(text)
            raise


def _split(sql: str) -> tuple[list[str], bool]:
    """The statements of a text, and whether they begin or end transactions; what cannot be read SQLite shall judge."""
    try:
        found = DIALECT.split(sql).statements
    except UnreadableSql:
        return [sql], True
    controlled = any(one.kind not in (Kind.TRANSACTIONAL, Kind.UNKNOWN) for one in found)
    return [one.text for one in found], controlled


def _bound(sql: str, parameters: Parameters) -> tuple[str, Parameters]:
    """A statement with SQLite's placeholders, and the values in types that SQLite has."""
    if isinstance(parameters, Mapping):
        text = _PLACEHOLDER.sub(lambda match: f":{match[1]}" if match[1] else match[0][1:], sql)
        return text, {name: _value(value) for name, value in parameters.items()}
    return _PLACEHOLDER.sub(lambda match: "?" if match[0] == "%s" else "%", sql), [
        _value(value) for value in parameters
    ]


def _value(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value) if isinstance(value, _AS_TEXT) else value


def _named(table: str) -> str:
    return ".".join(map(quoted, table.split(".")))
