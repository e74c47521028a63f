"""Displaced databases: which there are, bringing one back, dropping them."""

from __future__ import annotations

import dataclasses
import datetime
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.config.model import Target
from dbops.engines.postgres import databases
from dbops.engines.postgres.databases import Found
from dbops.errors import DbopsError, Refused, UsageError
from dbops.events import Event, Listener
from dbops.restore import carry, names, preflight
from dbops.restore.plan import Exchange, Swapped
from dbops.restore.swap import swap

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection


@dataclasses.dataclass(frozen=True)
class Displaced:
    """A displaced database.  `bytes` is None where the role may not see its size."""

    found: Found
    displacement: names.Displacement
    bytes: int | None

    @property
    def name(self) -> str:
        return self.found.name


@dataclasses.dataclass(frozen=True)
class Discarded(Event):
    """A displaced database is gone for good."""

    database: str
    bytes: int | None

    def sentence(self) -> str:
        return f"dropped {self.database}"


def displaced(connection: Connection, live: str | None = None) -> list[Displaced]:
    """The displaced databases of the server, or of one live database, the newest first."""
    rows = connection.execute(
        """
        select datname, pg_catalog.shobj_description(oid, 'pg_database'),
            case when pg_catalog.has_database_privilege(oid, 'CONNECT')
                    or pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
                then pg_catalog.pg_database_size(oid) end
        from pg_catalog.pg_database where not datistemplate
        """
    ).fetchall()
    found = []
    for name, comment, size in rows:
        displacement = names.read_displaced(comment)
        if displacement is not None and live in {None, displacement.database}:
            found.append(Displaced(Found(name, comment), displacement, size))
    return sorted(found, key=lambda one: (one.displacement.at, one.name), reverse=True)


def newest(there: Sequence[Displaced], live: str) -> Displaced:
    """The one that was displaced last.

    :raises DbopsError: there is none.
    """
    if not there:
        raise DbopsError(
            f"no displaced database of {live} is on this server: nothing can be undone",
            hint="bin/restore lists the backups",
        )
    return there[0]


def named(there: Sequence[Displaced], name: str) -> Displaced:
    """The one of this name, whosever it was.

    :raises UsageError: there is none.
    """
    chosen = next((one for one in there if one.name == name), None)
    if chosen is None:
        known = ", ".join(shlex.quote(one.name) for one in there)
        raise UsageError(
            f"{shlex.quote(name)} is not a displaced database on this server",
            hint=f"there is: {known}" if known else "bin/restore lists what there is",
        )
    return chosen


def new_name(connection: Connection, live: str, at: datetime.datetime) -> str:
    """A name for the live database once it is displaced, that no database has."""
    attempt = 0
    while databases.existing(connection, [name := names.displaced(live, at, attempt)]):
        attempt += 1
    return name


def check(connection: Connection, live: str, returning: str, *, leave_replication: bool = False) -> None:
    """See that the two can change places.

    :raises Refused: with everything that stands in the way.
    :raises DbopsError: there is no live database.
    """
    role, database = preflight.look(connection, live)
    if database is None:
        raise DbopsError(f"there is no database {live} on this server")
    _, other = preflight.look(connection, returning)
    found = preflight.problems(role, database, makes=False, leave_replication=leave_replication)
    found += preflight.problems(role, other, makes=False, leave_replication=True)
    preflight.refuse(list(dict.fromkeys(found)) or carry.rehearse(connection, live, returning), live)


def undo(
    connection: Connection, target: Target, exchange: Exchange, listen: Listener, deadline: float
) -> Swapped:
    """Bring a displaced database back; the live one is displaced in its turn.

    Owner, privileges, limit, settings and comment stay with the live name.  A failure leaves both as they were.

    :raises LockNotAcquired: somebody stayed in one of them.
    """
    done = swap(connection, target, exchange, listen, deadline)
    listen(done)
    return done


def discard(connection: Connection, chosen: Sequence[Displaced], listen: Listener) -> list[Discarded]:
    """Drop displaced databases, one after the other; what was dropped before a failure stays dropped.

    :raises Refused: one of them is no longer marked as displaced: it was brought back meanwhile.
    """
    done = []
    for one in chosen:
        now = databases.existing(connection, [one.name]).get(one.name)
        if now is None:
            continue
        if names.read_displaced(now.comment) != one.displacement:
            raise Refused(
                f"{one.name} is no longer the displaced database that it was", hint="bin/restore discard"
            )
        databases.drop(connection, one.name)
        done.append(Discarded(one.name, one.bytes))
        listen(done[-1])
    return done
