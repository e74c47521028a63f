"""What statements really do to relations: the locks that they take, the tables that get new files, the indexes built.

In a transaction the same connection is asked after each statement: locks are held until the commit, so that nothing is
missed.  A statement outside a transaction gives its locks back when it ends, and is looked at from a second connection
while it runs; what it holds only for a moment may be missed then.  Nobody else may be at work in the database.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from dbops.engines.base import Stage
from dbops.engines.postgres import sampling
from dbops.engines.postgres.effects.model import LockMode

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.postgres.looking import Subject
    from dbops.engines.postgres.sending import Command
    from dbops.engines.postgres.tracking import Tables

# What a server made itself is numbered below 16384: the system catalogs.
_OWN_LOCKS = """
select l.relation::bigint, l.mode, n.nspname::text, c.relname::text, c.relkind::text, c.relfilenode::bigint
from pg_catalog.pg_locks as l
left join pg_catalog.pg_class as c on c.oid = l.relation
left join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where l.locktype = 'relation' and l.granted and l.relation >= 16384 and l.pid = pg_catalog.pg_backend_pid()
"""
_RELATIONS = """
select c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, c.relfilenode::bigint
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where c.oid >= 16384
"""
_LEFT_OUT = """
with own as (select pg_catalog.to_regclass(name) as oid from unnest(%s::text[]) as name)
select oid::bigint from own where oid is not null
union all select indexrelid::bigint from pg_catalog.pg_index where indrelid in (select oid from own)
union all select objid::bigint from pg_catalog.pg_depend
    where classid = 'pg_catalog.pg_class'::regclass and refobjid in (select oid from own)
"""
_INVALID = """
select 'index ' || n.nspname || '.' || c.relname
from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not i.indisvalid and i.indexrelid >= 16384 order by 1
"""
_KINDS = {
    "r": "table",
    "p": "partitioned table",
    "m": "materialized view",
    "v": "view",
    "i": "index",
    "I": "partitioned index",
    "S": "sequence",
    "f": "foreign table",
}
_MODES = {mode.in_catalog: mode for mode in LockMode}


class _Relation(NamedTuple):
    schema: str
    name: str
    kind: str
    file: int


@dataclasses.dataclass
class Lock:
    """A lock that a statement took; the times are those of the watcher's clock.

    :param new: the relation was not there when the watching began.
    """

    relation: str
    kind: str
    mode: LockMode
    began: float
    ended: float
    sampled: bool
    new: bool


@dataclasses.dataclass
class Seen:
    """A statement as it ran; what it did is known where it succeeded.

    :param of: which migration it belongs to, "002 price".
    """

    of: str
    text: str
    in_transaction: bool
    began: float = 0.0
    seconds: float = 0.0
    locks: list[Lock] = dataclasses.field(default_factory=list)
    rewritten: tuple[str, ...] = ()
    built: tuple[str, ...] = ()


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
        self._left_out = {oid for (oid,) in connection.execute(_LEFT_OUT, [names])}
        self._known = self._relations()
        self._there = dict(self._known)  # as of the last commit
        self._original = frozenset(self._known)
        self._held: dict[tuple[int, str], Lock] = {}
        self._committed, self._rolled_back = 0, False
        self._only_set: Collection[str] = ()
        self.seen: list[Seen] = []
        self.subject = ""
        """Which migration is running, or ran last."""

    def about(self, subject: Subject) -> None:
        """What the next statements belong to."""
        self.subject = subject.what or self.subject

    def begin(self, only_set: Collection[str]) -> None:
        """Forget what was seen: what is to be told together begins.

        :param only_set: the texts of its SET statements, which are not looked at: a query before SET TRANSACTION would
            make it fail.
        """
        self.seen, self.subject, self._committed, self._rolled_back = [], "", 0, False
        self._only_set = only_set

    def close(self) -> None:
        """End the second connection."""
        if self._sampler is not None:
            self._sampler.close()

    @contextlib.contextmanager
    def __call__(self, command: Command) -> Iterator[None]:
        """Around the sending of a command."""
        try:
            if command.stage is Stage.STATEMENT:
                with self._statement(command.text):
                    yield
            else:
                yield
        except BaseException:
            self._rolled_back = True  # its statements stay to be seen, unless they are tried again
            self._known = dict(self._there)
            self._given_back()
            raise
        if command.stage is Stage.COMMIT:
            self._given_back()
            self._settle()

    def _settle(self) -> None:
        """What was seen so far stays."""
        self._committed, self._there = len(self.seen), dict(self._known)

    @contextlib.contextmanager
    def _statement(self, text: str) -> Iterator[None]:
        from psycopg.pq import TransactionStatus

        if self._rolled_back:
            del self.seen[self._committed :]
            self._rolled_back = False
        outside = self._connection.info.transaction_status is TransactionStatus.IDLE
        seen = Seen(self.subject, text, not outside)
        self.seen.append(seen)
        if outside:
            with self._sampled(seen):
                yield
            self._settle()
            return
        with self._timed(seen):
            yield
        if text not in self._only_set:
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
        now: dict[int, _Relation] = {}
        ended = self._clock()
        for oid, mode, *columns in self._connection.execute(_OWN_LOCKS).fetchall():
            if columns[0] is not None:
                now[oid] = _Relation(*columns)
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
        now: dict[int, _Relation],
        span: tuple[float, float],
        *,
        sampled: bool,
    ) -> Lock | None:
        """None for what nobody waits for by itself: dbops' own tables, TOAST, temporary ones, what has gone again."""
        relation = self._known.get(oid) or now.get(oid)
        if oid in self._left_out or relation is None or relation.schema.startswith("pg_"):
            return None
        name, kind = f"{relation.schema}.{relation.name}", _KINDS.get(relation.kind, "relation")
        return Lock(name, kind, _MODES[mode], *span, sampled=sampled, new=oid not in self._original)

    def _changed(self, seen: Seen, now: dict[int, _Relation]) -> None:
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

    def _relations(self) -> dict[int, _Relation]:
        return {oid: _Relation(*columns) for oid, *columns in self._connection.execute(_RELATIONS)}


def invalid(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """The indexes that are not valid, "index public.orders_note"."""
    return tuple(name for (name,) in connection.execute(_INVALID))
