"""What statements really do to relations: the locks that they take, the tables that get new files, the indexes built.

In a transaction the same connection is asked after each statement: locks are held until the commit, so that nothing is
missed.  A statement outside a transaction gives its locks back when it ends, and is looked at from a second connection
while it runs; what it holds only for a moment may be missed then.  Nobody else may be at work in the database.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dbops.engines.base import Stage
from dbops.engines.postgres import sampling
from dbops.engines.postgres.statements import split
from dbops.engines.postgres.traced import (
    KINDS,
    LEFT_OUT,
    MODES,
    OWN_LOCKS,
    RELATIONS,
    Lock,
    Relation,
    Seen,
)
from dbops.engines.statements import Kind, UnreadableSql

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.postgres.looking import Subject
    from dbops.engines.postgres.sending import Command
    from dbops.engines.postgres.tracking import Tables


class Watcher:
    """Watches the statements of one session (`Session.observe`), from the first to the last.

    :param second: opens the second connection, to the same database.
    :param clock: seconds since the trace began.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        tables: Tables,
        second: Callable[[], psycopg.Connection[Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection, self._open_second, self._clock = connection, second, clock
        self._sampler: psycopg.Connection[Any] | None = None
        names = [name.as_string(connection) for name in (tables.rows, tables.events)]
        self._left_out = {oid for (oid,) in connection.execute(LEFT_OUT, [names])}
        self._known = self._relations()
        self._there = dict(self._known)  # as of the last commit
        self._original = frozenset(self._known)
        self._held: dict[tuple[int, str], Lock] = {}
        self._committed, self._rolled_back = 0, False
        self._line: Callable[[], int | None] = lambda: None
        self.seen: list[Seen] = []
        self.subject = ""
        """Which migration is running, or ran last."""

    def about(self, subject: Subject) -> None:
        """What the next statements belong to."""
        self.subject = subject.what or self.subject

    def begin(self, line: Callable[[], int | None] = lambda: None) -> None:
        """Forget what was seen: what is to be told together begins.

        :param line: asked while a statement is sent, which line of a migration's code that is.
        """
        self.seen, self.subject, self._committed, self._rolled_back = [], "", 0, False
        self._line = line

    def close(self) -> None:
        """End the second connection."""
        if self._sampler is not None:
            self._sampler.close()

    @contextlib.contextmanager
    def __call__(self, command: Command) -> Iterator[None]:
        """Around the sending of a command."""
        if self._idle and not self._rolled_back and (self._held or len(self.seen) > self._committed):
            self._roll_back()  # what code had begun, by no command
        try:
            if command.stage is Stage.STATEMENT:
                with self._statement(command.text):
                    yield
            else:
                yield
        except BaseException:
            if not self._failed:  # where it has, code may go on from a savepoint
                self._roll_back()
            raise
        if command.stage is Stage.COMMIT:
            self._given_back()
            self._settle()

    @property
    def _idle(self) -> bool:
        from psycopg.pq import TransactionStatus

        return self._connection.info.transaction_status is TransactionStatus.IDLE

    @property
    def _failed(self) -> bool:
        from psycopg.pq import TransactionStatus

        return self._connection.info.transaction_status is TransactionStatus.INERROR

    def _roll_back(self) -> None:
        """The transaction was; its statements stay to be seen, unless they are tried again."""
        self._rolled_back = True
        self._known = dict(self._there)
        self._given_back()

    def _settle(self) -> None:
        """What was seen so far stays."""
        self._committed, self._there = len(self.seen), dict(self._known)

    @contextlib.contextmanager
    def _statement(self, text: str) -> Iterator[None]:
        if self._rolled_back:
            del self.seen[self._committed :]
            self._rolled_back = False
        outside = self._idle
        seen = Seen(self.subject, text, not outside, self._line())
        self.seen.append(seen)
        if outside:
            with self._sampled(seen):
                yield
            self._settle()
            return
        with self._timed(seen):
            yield
        if self._idle:  # the statement has ended the transaction
            self._known = self._relations()
            self._given_back()
            self._settle()
        elif not self._failed and not _only_sets(text):
            self._look(seen)

    @contextlib.contextmanager
    def _timed(self, seen: Seen) -> Iterator[None]:
        seen.began = self._clock()
        try:
            yield
        finally:
            seen.seconds = self._clock() - seen.began

    def _look(self, seen: Seen) -> None:
        """What the transaction holds now and did not hold before this statement."""
        now: dict[int, Relation] = {}
        ended = self._clock()
        for oid, mode, *columns in self._connection.execute(OWN_LOCKS).fetchall():
            if columns[0] is not None:
                now[oid] = Relation(*columns)
            if (oid, mode) not in self._held:
                lock = self._lock(oid, mode, now, (seen.began, ended), sampled=False)
                if lock is not None:
                    self._held[oid, mode] = lock
                    seen.locks.append(lock)
        self._changed(seen, now)

    @contextlib.contextmanager
    def _sampled(self, seen: Seen) -> Iterator[None]:
        if self._sampler is None:
            self._sampler = self._open_second()
        pid = self._connection.info.backend_pid
        with sampling.sampled(self._sampler, pid, self._clock) as looks, self._timed(seen):
            yield
        now = self._relations()
        for (oid, mode), span in looks().items():
            lock = self._lock(oid, mode, now, span, sampled=True)
            if lock is not None:
                seen.locks.append(lock)
        self._changed(seen, now)

    def _lock(
        self,
        oid: int,
        mode: str,
        now: dict[int, Relation],
        span: tuple[float, float],
        *,
        sampled: bool,
    ) -> Lock | None:
        """None for what nobody waits for by itself: dbops' own tables, TOAST, temporary ones, what has gone again."""
        relation = self._known.get(oid) or now.get(oid)
        if oid in self._left_out or relation is None or relation.schema.startswith("pg_"):
            return None
        name, kind = f"{relation.schema}.{relation.name}", KINDS.get(relation.kind, "relation")
        return Lock(name, kind, MODES[mode], *span, sampled=sampled, new=oid not in self._original)

    def _changed(self, seen: Seen, now: dict[int, Relation]) -> None:
        """Which of these have other files than before, or are new."""
        rewritten, built = [], []
        for oid, relation in now.items():
            before = self._known.get(oid)
            if oid in self._left_out or relation.schema.startswith("pg_"):
                continue
            name = f"{relation.schema}.{relation.name}"
            if relation.kind in {"r", "m"} and before is not None and before.file != relation.file:
                rewritten.append(name)
            if relation.kind in {"i", "I"} and (before is None or before.file != relation.file):
                built.append(name)
        seen.rewritten, seen.built = tuple(sorted(rewritten)), tuple(sorted(built))
        self._known.update(now)

    def _given_back(self) -> None:
        """The transaction has ended, with all its locks."""
        for lock in self._held.values():
            lock.ended = self._clock()
        self._held.clear()

    def _relations(self) -> dict[int, Relation]:
        return {oid: Relation(*columns) for oid, *columns in self._connection.execute(RELATIONS)}


def _only_sets(text: str) -> bool:
    """Whether a query after it would make a SET TRANSACTION fail that may follow."""
    try:
        return all(one.kind is Kind.SET for one in split(text).statements)
    except UnreadableSql:
        return False
