"""Ending the sessions that a statement has waited for, where that was asked for."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dbops.engines.base import Blocker
from dbops.engines.log import LogEntry
from dbops.engines.postgres.errors import first_line
from dbops.engines.postgres.literals import redacted
from dbops.engines.postgres.looking import Subject
from dbops.engines.records import Action
from dbops.events import Listener, Warned, format_seconds

if TYPE_CHECKING:
    import psycopg

# Those that hold what is waited for; who only stands before us in the queue is not meant.  A transaction is known by
# its number in pg_locks, which shows it to every role.
_HOLDING = """
select distinct held.virtualtransaction, activity.backend_type, coalesce(role.rolsuper, false),
    activity.pid, coalesce(activity.usename, ''), coalesce(activity.application_name, ''),
    coalesce(activity.query, ''), extract(epoch from clock_timestamp() - activity.xact_start)::float8
from pg_catalog.pg_locks as wanted
join pg_catalog.pg_locks as held on held.granted and held.pid = any(pg_catalog.pg_blocking_pids(wanted.pid))
    and (held.locktype, held.database, held.relation, held.page, held.tuple, held.virtualxid,
        held.transactionid::text, held.classid, held.objid, held.objsubid)
    is not distinct from (wanted.locktype, wanted.database, wanted.relation, wanted.page, wanted.tuple,
        wanted.virtualxid, wanted.transactionid::text, wanted.classid, wanted.objid, wanted.objsubid)
join pg_catalog.pg_stat_activity as activity on activity.pid = held.pid
left join pg_catalog.pg_roles as role on role.oid = activity.usesysid
where wanted.pid = %s and not wanted.granted
"""

# Asked once more in the statement that ends it: meanwhile it may have let go, or be another one of the same number.
_END = """
select pg_catalog.pg_terminate_backend(held.pid) from (
    select distinct pid from pg_catalog.pg_locks
    where pid = %s and virtualtransaction = %s and pid = any(pg_catalog.pg_blocking_pids(%s))
) as held
"""


class Ender:
    """Ends a session once one and the same transaction of it has been in the way for so long.

    :param after: seconds, counted over all tries of a statement.
    :param log: writes into the event log, over the connection that is given.
    """

    def __init__(
        self, after: float, log: Callable[[psycopg.Connection[Any], LogEntry], None], listen: Listener
    ) -> None:
        self._after = after
        self._log = log
        self._listen = listen
        self._since: dict[tuple[int, str], float] = {}
        self._settled: dict[tuple[int, str], str] = {}

    def attend(
        self, connection: psycopg.Connection[Any], waiting: int, subject: Subject
    ) -> tuple[Blocker, ...]:
        """Look who holds what the backend `waiting` waits for, and end who has held it for too long.

        :returns: all of them, with why one was spared.
        :raises psycopg.Error: they cannot be looked at.
        """
        now, found, since = time.monotonic(), [], self._since
        self._since = {}
        for transaction, kind, is_superuser, *who in connection.execute(_HOLDING.encode(), [waiting]):
            blocker = Blocker(*who)
            key = (blocker.pid, transaction)
            self._since[key] = since.get(key, now)
            held = now - self._since[key]
            if held >= self._after and key not in self._settled:
                reason, ended = _untouchable(blocker, kind, connection.info.user), False
                if not reason:
                    reason, ended = self._end(connection, blocker, key, waiting, is_superuser)
                self._settled[key] = reason
                if reason:
                    self._listen(Warned(f"not ended: {blocker}; {reason}"))
                elif ended:
                    self._note(connection, blocker, held, subject)
            found.append(dataclasses.replace(blocker, spared=self._settled.get(key, "")))
        return tuple(found)

    def _end(
        self,
        connection: psycopg.Connection[Any],
        blocker: Blocker,
        key: tuple[int, str],
        waiting: int,
        is_superuser: bool,
    ) -> tuple[str, bool]:
        """End one that was told of; returns why that is not possible, and whether it was still there to be ended."""
        import psycopg

        self._listen(Warned(f"ending the session that blocks for {format_seconds(self._after)}: {blocker}"))
        try:
            row = connection.execute(_END, [*key, waiting]).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            if is_superuser:
                return "only a superuser may end a superuser's session", False
            return (
                f"role {connection.info.user} may not end sessions of {blocker.user}: "
                f'a superuser can GRANT pg_signal_backend TO "{connection.info.user}"'
            ), False
        return "", row is not None and bool(row[0])

    def _note(
        self, connection: psycopg.Connection[Any], blocker: Blocker, held: float, subject: Subject
    ) -> None:
        import psycopg

        detail = {
            "pid": blocker.pid,
            "user": blocker.user,
            "application": blocker.application,
            "query": redacted(blocker.query),
            "transaction_seconds": blocker.age,
            "blocked_seconds": round(held, 1),
            "migration": subject.what,
        }
        try:
            self._log(connection, LogEntry(Action.BLOCKER_ENDED, detail=detail, duration_ms=0))
        except psycopg.Error as error:
            self._listen(
                Warned(f"that pid {blocker.pid} was ended is not in the event log: {first_line(error)}")
            )


def _untouchable(blocker: Blocker, kind: str | None, me: str) -> str:
    """Why a session is never ended; nothing where it may be."""
    if blocker.application.startswith("dbops "):
        return "it is dbops at work"
    if kind is None:
        return (
            "what it does is hidden from this role, and nothing is ended unseen: "
            f'a superuser can GRANT pg_read_all_stats, pg_signal_backend TO "{me}"'
        )
    if kind != "client backend":
        return f"it is no client's session, but a {kind}"
    return ""
