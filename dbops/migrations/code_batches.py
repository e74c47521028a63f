"""`db.batched(...)`: a statement over a large table, range by range of its key, that goes on after a stop."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from dbops.engines.db import Client, Key, Transaction
from dbops.engines.log import LogEntry
from dbops.engines.records import Action
from dbops.errors import DbopsError
from dbops.events import Event, Level, Listener, Note, format_seconds
from dbops.migrations import retry

if TYPE_CHECKING:
    from dbops.engines.session import Session
    from dbops.migrations.planner import Step

_EVERY = 0.2  # seconds between two events for a terminal
_NOTED = 60.0  # and between two lines for everybody: a pipeline takes silence for a hang


@dataclasses.dataclass(frozen=True)
class Batched(Event):
    """How far a batched statement is, in rows of its table; `of` is an estimate, `per_second` of this run."""

    version: str
    table: str
    rows: int
    of: int | None
    per_second: float
    seconds_left: float | None

    level: ClassVar[Level] = Level.PROGRESS

    def sentence(self) -> str:
        text = f"{self.table}: {self.rows:,} rows"
        if self.of:
            text += f" of about {self.of:,}"
        text += f", {self.per_second:,.0f} a second"
        return text if self.seconds_left is None else f"{text}, {format_seconds(self.seconds_left)} left"


@dataclasses.dataclass(frozen=True)
class Over:
    """What is to be run over which rows: the arguments of `Db.batched`."""

    statement: str
    table: str
    key: str
    size: int
    params: Mapping[str, Any]
    pause: float

    @property
    def checksum(self) -> str:
        """Tells it from the others of a migration; another size or other values do not make it another one."""
        return hashlib.sha256(repr((self.table, self.key, self.statement)).encode()).hexdigest()

    def check(self) -> None:
        """:raises DbopsError: where it cannot be run in ranges."""
        if "%(first)s" not in self.statement or "%(last)s" not in self.statement:
            raise DbopsError(
                "a batched statement needs %(first)s and %(last)s, the keys of a batch",
                hint=f"for example: ... WHERE {self.key} BETWEEN %(first)s AND %(last)s",
            )
        if self.size < 1 or {"first", "last"} & set(self.params):
            raise DbopsError("size counts from 1, and first and last are no names for params")


@dataclasses.dataclass(frozen=True)
class _Reached:
    """How far it is: the last key that is done, the rows up to it, and how many of them were changed."""

    last: Key | None = None
    rows: int = 0
    changed: int = 0


class Batches:
    """Runs the batched statements of one migration; the event log keeps how far each is.

    `resumed`: this migration was begun before; `begun`: a batch has been committed.
    """

    def __init__(
        self, session: Session, client: Client, step: Step, *, deadline: float, listen: Listener
    ) -> None:
        self._session = session
        self._client = client
        self._step = step
        self._deadline = deadline
        self._listen = listen
        self.resumed = bool(step.status.journal)
        self.begun = False

    def run(self, over: Over) -> int:
        """Run a statement over all ranges that are left; returns the rows that it changed, former runs' among them.

        :raises StatementFailed: the batches before this one stay, and are known.
        """
        over.check()
        if self._client.transaction is not Transaction.NONE:
            raise DbopsError(
                "batched(...) commits each batch, and a transaction is open", hint="COMMIT before it"
            )
        of = self._client.check_key(over.table, over.key)
        reached = self._reached(over)
        progress = _Progress(self._step.version.text, over.table, reached.rows, of, self._listen)
        while (further := self._next(over, reached)) is not None:
            reached = further
            progress.reached(reached.rows)
            time.sleep(over.pause)
        return reached.changed

    def _reached(self, over: Over) -> _Reached:
        known = self._session.positions(self._step.version.text, self._step.direction).get(over.checksum)
        if known is None:
            return _Reached()
        reached = _Reached(known["last"], known["rows"], known["changed"])
        self._listen(
            Note(f"{over.table}: going on behind {over.key} {reached.last}, {reached.rows:,} rows done")
        )
        return reached

    def _next(self, over: Over, reached: _Reached) -> _Reached | None:
        return retry.with_retries(
            lambda: self._batch(over, reached),
            what=f"{over.table} behind {over.key} {reached.last}",
            deadline=self._deadline,
            listen=self._listen,
        )

    def _batch(self, over: Over, reached: _Reached) -> _Reached | None:
        """One range and the record of it, in one transaction; None where no rows are left."""
        client, session = self._client, self._session
        try:
            session.transaction((), (), commits=False)
            keys = client.key_range(over.table, over.key, reached.last, over.size)
            if keys is None:
                client.roll_back()
                return None
            done = client.execute(over.statement, {**over.params, "first": keys.first, "last": keys.last})
            further = _Reached(keys.last, reached.rows + keys.rows, reached.changed + max(done.rowcount, 0))
            session.transaction((), [self._entry(over, further)], opens=False, last=False)
        except BaseException:
            client.roll_back()
            raise
        self.begun = True
        return further

    def _entry(self, over: Over, reached: _Reached) -> LogEntry:
        step = self._step
        return LogEntry(
            Action.BATCH_DONE,
            step.version.text,
            step.status.name,
            step.direction,
            statement_checksum=over.checksum,
            detail=dataclasses.asdict(reached),
        )


class _Progress:
    """Tells how far a statement is, as often as somebody wants to know."""

    def __init__(self, version: str, table: str, rows: int, of: int | None, listen: Listener) -> None:
        self._version, self._table, self._of, self._listen = version, table, of, listen
        self._before = rows
        self._began = self._told = self._noted = time.monotonic()

    def reached(self, rows: int) -> None:
        """So many rows are done, those of runs before this one among them."""
        now = time.monotonic()
        if now - self._told < _EVERY:
            return
        self._told = now
        rate, of = (rows - self._before) / (now - self._began), self._of
        left = (of - rows) / rate if of is not None and rows < of else None
        event = Batched(self._version, self._table, rows, of, rate, left)
        self._listen(event)
        if now - self._noted >= _NOTED:
            self._noted = now
            self._listen(Note(event.sentence()))
