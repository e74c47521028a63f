"""The `db` object that a migration in Python is given; docs/python-migrations.md is its handbook page."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from dbops import usercode
from dbops.engines.base import Settled, StatementFailed
from dbops.engines.db import Client, Parameters, Rows, Transaction
from dbops.engines.dialect import by_name
from dbops.engines.statements import Kind, Statement, UnreadableSql
from dbops.errors import DbopsError
from dbops.events import Listener, Note
from dbops.migrations import retry
from dbops.migrations.code_batches import Batches, Over
from dbops.migrations.script import CONTROL

if TYPE_CHECKING:
    from dbops.engines.session import Session

Result = TypeVar("Result")

NO_TRANSACTION = "write transactional = False at the module's top level; then each call commits by itself"
"""What helps where a transaction is in the way."""

_SHORT = 10_000  # characters of a text that is worth remembering: it may be run for every row


@dataclasses.dataclass(frozen=True)
class Failed:
    """What the server said no to, and from which line of the module it came.

    `exact`: the text was sent as it is, so that places in it mean something.
    """

    failure: StatementFailed
    line: int | None
    sql: str
    exact: bool


class Calls:
    """Between a module and the engine: what is not let through, what is tried again, what has failed."""

    def __init__(
        self, client: Client, *, transactional: bool, file: str, deadline: float, listen: Listener
    ) -> None:
        self.client = client
        self.transactional = transactional
        self.deadline = deadline
        self.listen = listen
        self.failed: Failed | None = None
        self.changed = False
        """Whether something may be in the database already that no rollback takes away."""
        self._file = file
        self._stdout = sys.stdout

    def allowed(self, sql: str) -> tuple[Statement, ...]:
        """The statements of a text.

        :raises DbopsError: for one that the module must not run.
        """
        split = _split if len(sql) <= _SHORT else _split.__wrapped__  # what is long is not worth its memory
        statements = split(self.client.engine, sql)
        for statement in statements:
            _refuse(statement, transactional=self.transactional)
        return statements

    def run(
        self,
        call: Callable[[], Result],
        sql: str = "",
        *,
        exact: bool = False,
        again: bool = True,
        inside: bool = False,
    ) -> Result:
        """Make a call of the engine.

        :param again: it may be made again after a lock timeout, where it is a transaction of its own.
        :param inside: it runs code of the module, whose prints do not go where ours go.
        :raises StatementFailed: which is remembered, since the module may swallow it.
        """
        home = contextlib.nullcontext() if inside else contextlib.redirect_stdout(self._stdout)
        alone = again and not self.transactional and self.client.transaction is Transaction.NONE
        try:
            with home:
                result = self.retried(call) if alone else call()
        except StatementFailed as failure:
            self.failed = Failed(failure, usercode.calling_line(self._file), sql, exact)
            raise
        self.changed = not self.transactional
        return result

    def retried(self, call: Callable[[], Result]) -> Result:
        """Make a call until it gets its locks."""
        return retry.with_retries(call, what=self._file, deadline=self.deadline, listen=self.listen)


@functools.lru_cache(maxsize=64)
def _split(engine: str, sql: str) -> tuple[Statement, ...]:
    try:
        return by_name(engine).split(sql).statements
    except UnreadableSql:
        return ()  # the server says what is wrong


def _refuse(statement: Statement, *, transactional: bool) -> None:
    words = " ".join(statement.text.split()[:2]).rstrip(";")
    if statement.reason == "DISCARD ALL":
        raise DbopsError(
            "DISCARD ALL would give the migration lock away",
            hint="take it out: every migration starts with a clean session anyway",
        )
    if statement.facts.refused is not None:
        message, hint = statement.facts.refused
        raise DbopsError(message, hint=hint)
    if statement.kind is Kind.COPY_FROM_CLIENT:
        raise DbopsError("COPY FROM STDIN without its data", hint="use db.copy(table, columns, rows)")
    if not transactional:
        return
    if statement.kind in CONTROL:
        raise DbopsError(
            f"{words}: the transaction of a migration is dbops' to end",
            hint=f"take it out, or {NO_TRANSACTION}",
        )
    if statement.kind is Kind.ALONE:
        raise DbopsError(f"{statement.reason or words} cannot run in a transaction", hint=NO_TRANSACTION)


class Db:
    """The database as `up(db)` and `down(db)` see it.

    In a transactional module all that it runs is one transaction, which dbops
    commits with the record; otherwise each call commits by itself.

    - `engine`: "postgresql" or "sqlite"
    - `version`: of the migration
    - `Error`: what every call raises where the server says no
    """

    Error = StatementFailed

    def __init__(self, session: Session, version: str, calls: Calls, batches: Batches | None) -> None:
        self.engine = calls.client.engine
        self.version = version
        self._session = session
        self._calls = calls
        self._batches = batches

    def execute(self, sql: str, params: Parameters | None = None) -> Rows:
        """Run a statement and return its rows, a list of tuples with `rowcount`.

        :param params: for `%s` a list, for `%(name)s` a dictionary; with them `%%` is a percent sign.
            Without them several statements may stand in the text, and the rows are those of the last.
        :raises Error: the server says no.
        """
        calls, client = self._calls, self._calls.client
        statements = calls.allowed(sql)
        if len(statements) == 1 and statements[0].kind is Kind.ALONE and params is None:
            return calls.run(lambda: self._alone(statements[0]), sql, again=False)
        return calls.run(lambda: client.execute(sql, params), sql, exact=params is None)

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a statement once for each row of parameters, all or none of them; returns how many rows it changed."""
        calls, given = self._calls, list(rows)
        calls.allowed(sql)
        return calls.run(lambda: calls.client.execute_many(sql, given), sql)

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Load rows as quickly as the engine can, all or none of them; returns how many there were.

        :param table: `name` or `schema.name`, written as the catalog has it; `columns` likewise.
        """
        calls = self._calls
        # An iterator that has been used up cannot be loaded a second time.
        return calls.run(lambda: calls.client.copy(table, columns, rows), again=False, inside=True)

    def batched(
        self,
        statement: str,
        *,
        table: str,
        key: str,
        size: int = 5000,
        params: Mapping[str, Any] | None = None,
        pause: float = 0.0,
    ) -> int:
        """Run a statement over a table in ranges of its key, each committed by itself; only with transactional = False.

        After a stop the migration goes on behind the last range that was committed.

        :param statement: with `%(first)s` and `%(last)s`, the least and the greatest key of the batch.
        :param key: a column that is unique and not null.
        :param size: rows per batch.
        :param params: further values, by name.
        :param pause: seconds between batches.
        :returns: how many rows the statement changed, those of runs that were stopped among them.
        """
        if self._batches is None:
            raise DbopsError(
                "batched(...) commits each batch, which the transaction of a migration forbids",
                hint=NO_TRANSACTION,
            )
        self._calls.allowed(statement)
        over = Over(statement, table, key, size, params or {}, pause)
        batches = self._batches
        return self._calls.run(lambda: batches.run(over), statement, again=False)

    def _alone(self, statement: Statement) -> Rows:
        """A statement that cannot be in a transaction; what an interrupted run of it left is cleared away first."""
        session, calls = self._session, self._calls
        again = self._batches is not None and self._batches.resumed
        for name, drop in session.clearing(statement, again=again):
            calls.listen(Note(f"dropping the invalid index {name} that an interrupted statement left"))
            session.alone(drop, calls.deadline)
        try:
            session.alone(session.completing(statement), calls.deadline)
        except StatementFailed:
            calls.changed = calls.changed or session.settle(statement) is not Settled.LEFT_NOTHING
            raise
        invalid = session.left_invalid(statement)
        if invalid is not None:
            raise DbopsError(f"the index {invalid} is there, but invalid", hint="drop it and build it again")
        return Rows()
