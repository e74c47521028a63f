"""`validate migration V`: whether it could run on this database now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.effects.model import Cost, LockMode
from dbops.events import format_bytes, format_seconds, plural
from dbops.safety.analysis import Analysed
from dbops.safety.checkup import rights
from dbops.safety.checkup.model import Finding, Level
from dbops.safety.checkup.rights import quoted_name
from dbops.safety.risk import Judged

if TYPE_CHECKING:
    import psycopg

# What holds a lock now that conflicts with one of a mode, on the tables of these names.
_HOLDERS = """
select l.relation::regclass::text, l.pid, coalesce(a.usename::text, '?'), coalesce(a.application_name, ''), l.mode,
    extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float
from pg_catalog.pg_locks as l left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where l.granted and l.locktype = 'relation' and l.pid is distinct from pg_catalog.pg_backend_pid() and l.relation = any(%s::regclass[]::oid[])
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
"""
_ACTIVITY = "SELECT * FROM pg_locks JOIN pg_stat_activity USING (pid);"
# Of other roles' sessions a role may not see since when, but that they have a snapshot.
_LONG = """
select pid, coalesce(usename::text, '?'), coalesce(application_name, ''),
    extract(epoch from pg_catalog.clock_timestamp() - xact_start)::float
from pg_catalog.pg_stat_activity
where datname = pg_catalog.current_database() and pid <> pg_catalog.pg_backend_pid()
    and (xact_start < pg_catalog.clock_timestamp() - interval '1 minute'
        or xact_start is null and usename is not null and coalesce(backend_xmin, backend_xid) is not null)
order by xact_start
"""
_REPLICAS = """
select coalesce(application_name, ''), case when state is not null then coalesce(extract(epoch from replay_lag), 0) end::float
from pg_catalog.pg_stat_replication
"""
# Without the right to see it, asking for it is an error.
_DATA_DIRECTORY = """
select case when pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') then pg_catalog.current_setting('data_directory') end
"""
_SLOW_REPLICA = 10.0
"""Seconds of lag from which on a replica is told of."""


def look(
    connection: psycopg.Connection[Any], found: Analysed, statements: Iterable[str], free: int | None
) -> list[Finding]:
    """What stands in the way of one migration.

    :param statements: the same as text.
    :param free: bytes that are free for the server; None where that is not known.
    """
    touched = [one for statement in found.statements for one in statement.effects if one.live is not None]
    return [
        *_space(touched, free),
        *_holders(connection, touched),
        *_long_transactions(connection, touched),
        *rights.look(connection, touched, statements),
        *_replicas(connection, touched),
    ]


def space_needed(touched: Iterable[Judged]) -> int:
    """Bytes that rewrites and new indexes take at most, before what they replace is given back."""
    return sum(one.live.size for one in touched if one.live and one.effect.cost in {Cost.REWRITE, Cost.BUILD})


def free_space(connection: psycopg.Connection[Any]) -> int | None:
    """Bytes that are free where a server on this machine keeps its data; None where it is elsewhere or does not tell."""
    import shutil

    local = connection.info.host in {"", "localhost", "127.0.0.1", "::1"} or connection.info.host.startswith(
        "/"
    )
    row = connection.execute(_DATA_DIRECTORY).fetchone() if local else None
    if row is None or not row[0] or not Path(row[0]).is_dir():
        return None
    return shutil.disk_usage(row[0]).free


def _space(touched: Sequence[Judged], free: int | None) -> Iterator[Finding]:
    needed = space_needed(touched)
    if not needed:
        return
    said = f"rewrites and index builds need up to {format_bytes(needed)}"
    if free is None:
        yield Finding(
            "disk-space", Level.HINT, "free space", f"is unknown; {said}", "", "tell it: --free-space SIZE"
        )
    elif free < needed * 1.2:
        yield Finding(
            "disk-space",
            Level.PROBLEM,
            "free space",
            f"is {format_bytes(free)}, and {said}",
            "",
            "make room on the server's disk",
        )


def _holders(connection: psycopg.Connection[Any], touched: Sequence[Judged]) -> Iterator[Finding]:
    modes = {mode.in_catalog: mode for mode in LockMode}
    wanted: dict[str, LockMode] = {}
    for one in touched:
        mode = LockMode(one.effect.mode)
        wanted[quoted_name(one)] = max(mode, wanted.get(quoted_name(one), mode))
    for name, mode in wanted.items():
        for table, pid, user, application, held, age in connection.execute(_HOLDERS, [[name]]).fetchall():
            if not conflict(mode, modes[held]):
                continue
            who, query = f"pid {pid}, {_who(user, application, age)}", _ACTIVITY
            mend = f"wait for it, or SELECT pg_terminate_backend({pid});"
            if pid is None:
                who, query = "a prepared transaction", "SELECT * FROM pg_prepared_xacts;"
                mend = "COMMIT PREPARED or ROLLBACK PREPARED"
            said = f"is locked ({modes[held].words}) by {who}"
            yield Finding("blocked-now", Level.PROBLEM, table, said, query, mend)


def _who(user: str, application: str, age: float | None) -> str:
    """A session with its transaction; since when it is in that, of other roles' sessions not every role may see."""
    since = (
        "since when this role may not see (GRANT pg_read_all_stats)"
        if age is None
        else f"for {format_seconds(age)}"
    )
    return f"user {user}, {application or 'no application name'}, in a transaction {since}"


# PostgreSQL manual, "Explicit Locking", table "Conflicting Lock Modes": per mode, the weakest one that conflicts.
_CONFLICTS_FROM = {
    LockMode.ACCESS_SHARE: LockMode.ACCESS_EXCLUSIVE,
    LockMode.ROW_SHARE: LockMode.EXCLUSIVE,
    LockMode.ROW_EXCLUSIVE: LockMode.SHARE,
    LockMode.SHARE_UPDATE_EXCLUSIVE: LockMode.SHARE_UPDATE_EXCLUSIVE,
    LockMode.SHARE: LockMode.ROW_EXCLUSIVE,
    LockMode.SHARE_ROW_EXCLUSIVE: LockMode.ROW_EXCLUSIVE,
    LockMode.EXCLUSIVE: LockMode.ROW_SHARE,
    LockMode.ACCESS_EXCLUSIVE: LockMode.ACCESS_SHARE,
}


def conflict(one: LockMode, other: LockMode) -> bool:
    """Whether two sessions cannot hold the two at once; SHARE is the one mode that does not conflict with itself."""
    return not (one is other is LockMode.SHARE) and other >= _CONFLICTS_FROM[one]


def _long_transactions(connection: psycopg.Connection[Any], touched: Sequence[Judged]) -> Iterator[Finding]:
    """CREATE INDEX CONCURRENTLY and its like wait for every older snapshot."""
    waits = any(
        one.effect.cost is Cost.BUILD and one.effect.mode is LockMode.SHARE_UPDATE_EXCLUSIVE
        for one in touched
    )
    for pid, user, application, age in connection.execute(_LONG).fetchall() if waits else ():
        yield Finding(
            "long-transaction",
            Level.HINT if age is None else Level.PROBLEM,
            f"pid {pid}",
            f"({_who(user, application, age)}) is what building an index concurrently waits for",
            "SELECT * FROM pg_stat_activity ORDER BY xact_start;",
            f"wait for it, or SELECT pg_terminate_backend({pid});",
        )


def _replicas(connection: psycopg.Connection[Any], touched: Sequence[Judged]) -> Iterator[Finding]:
    if not any(one.effect.cost in {Cost.REWRITE, Cost.BUILD, Cost.ROWS} for one in touched):
        return
    behind = [
        (name, lag)
        for name, lag in connection.execute(_REPLICAS).fetchall()
        if lag is None or lag > _SLOW_REPLICA
    ]
    for name, lag in behind:
        how_far = (
            "at a lag that this role may not see (GRANT pg_monitor)"
            if lag is None
            else f"{format_seconds(lag)} behind"
        )
        yield Finding(
            "replica-behind",
            Level.HINT,
            f"replica {name}" if name else "a replica",
            f"is {how_far} ({plural(len(behind), 'replica')} in all), and this writes much",
            "SELECT * FROM pg_stat_replication;",
            "wait until it has caught up",
        )
