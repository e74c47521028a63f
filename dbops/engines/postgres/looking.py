"""What a backend is doing at this moment, asked by another session."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from dbops.engines.base import Blocker
from dbops.events import Event, Level, format_seconds

if TYPE_CHECKING:
    import psycopg

_SHOWN, _READ = 60, 1000
"""Characters of a statement: that are shown, and that are looked through for passwords."""

_LOOK = """
select activity.query, coalesce(activity.wait_event_type = 'Lock', false), progress.phase, progress.percent::float8,
    case when activity.wait_event_type = 'Lock' then (
        select coalesce(upper(regexp_replace(replace(wanted.mode, 'Lock', ''), '([a-z])([A-Z])', '\\1 \\2', 'g'))
            || ' on ' || wanted.relation::regclass::text, 'the end of a transaction')
        from pg_catalog.pg_locks as wanted where wanted.pid = activity.pid and not wanted.granted limit 1) end,
    pg_catalog.pg_blocking_pids(activity.pid)
from pg_catalog.pg_stat_activity as activity
left join (
    select pid, phase, 100.0 * case when blocks_total > 0 then blocks_done::numeric / blocks_total
        when tuples_total > 0 then tuples_done::numeric / tuples_total end as percent
    from pg_catalog.pg_stat_progress_create_index
    union all select pid, phase, 100.0 * sample_blks_scanned / nullif(sample_blks_total, 0)
    from pg_catalog.pg_stat_progress_analyze
    union all select pid, phase, 100.0 * heap_blks_scanned / nullif(heap_blks_total, 0)
    from pg_catalog.pg_stat_progress_vacuum
    union all select pid, phase, 100.0 * heap_blks_scanned / nullif(heap_blks_total, 0)
    from pg_catalog.pg_stat_progress_cluster
) as progress using (pid)
where activity.pid = %s and activity.state = 'active'
"""

_BLOCKERS = """
select pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(query, ''),
    extract(epoch from clock_timestamp() - xact_start)::float8
from pg_catalog.pg_stat_activity where pid = any(%(pids)s)
"""

# A prepared transaction has no process, so that it counts as the blocker 0.
_PREPARED = """
union all select 0, owner::text, '', 'ROLLBACK PREPARED ' || pg_catalog.quote_literal(gid),
    extract(epoch from clock_timestamp() - prepared)::float8
from pg_catalog.pg_prepared_xacts where database = current_database() and exists (
    select from pg_catalog.pg_locks as own join pg_catalog.pg_locks as held using (virtualtransaction)
    join pg_catalog.pg_locks as wanted on wanted.locktype = held.locktype
        and (wanted.database, wanted.relation, wanted.transactionid::text)
        is not distinct from (held.database, held.relation, held.transactionid::text)
    where own.transactionid = transaction and own.pid is null and held.pid is null
        and wanted.pid = %(pid)s and not wanted.granted)
"""


class Subject(NamedTuple):
    """What is being run: a migration for instance, the number of the next statement (from 1) and how many there are.

    `matters`: so much that who is in its way may be ended, where that was asked for.
    """

    what: str = ""
    first: int = 1
    of: int = 0
    matters: bool = True


class Sent(NamedTuple):
    """The statements of one message by their numbers in it, from 0; the text only where it is one."""

    first: int
    last: int
    text: str


class Look(NamedTuple):
    """What one look has shown.  `percent` is of the phase; `wanted` is the lock that is waited for, in words."""

    query: str
    waits: bool
    phase: str | None
    percent: float | None
    wanted: str | None
    blockers: tuple[Blocker, ...]


@dataclasses.dataclass(frozen=True)
class StatementRuns(Event):
    """What a statement is doing right now.

    `statement` to `last` are the numbers of what was sent in one message, of `of` statements; both are None where no
    statement of a migration runs.  `seconds` since it was sent; `percent` of the phase, where the server tells.
    """

    migration: str
    statement: int | None
    last: int | None
    of: int
    query: str
    seconds: float
    phase: str | None
    percent: float | None
    waits_on: str | None
    blockers: tuple[Blocker, ...]

    level = Level.PROGRESS

    def sentence(self) -> str:
        text = f"{self._which()}{format_seconds(self.seconds)}: "
        if self.waits_on or self.blockers:
            held = f", held by {'; '.join(map(str, self.blockers))}" if self.blockers else ""
            text += f"waits for {self.waits_on or 'a lock'}{held}: "
        if self.phase:
            text += f"{self.phase}" + (f", {self.percent:.0f} %" if self.percent is not None else "") + ": "
        return text.removesuffix(": ") + (f": {self.query}" if self.query else "")

    def _which(self) -> str:
        if not self.migration:
            return ""
        if self.statement is None or self.last is None or self.of < 2:
            return f"{self.migration}, "
        several = self.last > self.statement
        numbers = f"statements {self.statement} to {self.last}" if several else f"statement {self.statement}"
        return f"{self.migration}, {numbers} of {self.of}, "


class StatementLasts(StatementRuns):
    """The same of one that has run for so long that a log should tell of it, too."""

    level = Level.LASTING


def look(connection: psycopg.Connection[Any], pid: int) -> Look | None:
    """What the backend is doing; None where it does nothing.  Where it waits, this asks a second time.

    :raises psycopg.Error: it cannot be asked.
    """
    row = connection.execute(_LOOK.encode(), [pid]).fetchone()
    if row is None:
        return None
    query, waits, phase, percent, wanted, pids = row
    blockers = _BLOCKERS + (_PREPARED if 0 in pids else "")
    found = connection.execute(blockers.encode(), {"pids": pids, "pid": pid}).fetchall() if pids else ()
    return Look(query, waits, phase, percent, wanted, tuple(Blocker(*blocker) for blocker in found))


def told(found: Look, subject: Subject, sent: Sent | None, seconds: float, *, lasting: bool) -> StatementRuns:
    """One look as people are told of it, without passwords.

    :param sent: what the message holds; None for what the server says, which cuts it off.
    """
    from dbops.engines.postgres.literals import redacted  # late: mostly nothing takes so long

    text = found.query if sent is None else sent.text[:_READ]
    kind = StatementLasts if lasting else StatementRuns
    return kind(
        migration=subject.what,
        statement=None if sent is None else subject.first + sent.first,
        last=None if sent is None else subject.first + sent.last,
        of=subject.of,
        query=" ".join(redacted(text).split())[:_SHOWN],
        seconds=seconds,
        phase=found.phase,
        percent=found.percent,
        waits_on=found.wanted,
        blockers=found.blockers if found.waits else (),
    )
