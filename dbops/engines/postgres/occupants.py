"""Who is in a database, and ending their sessions: a database with sessions in it cannot be renamed."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

# The rule of pg_terminate_backend.  Who is asked away by the server itself, autovacuum, does not count; to a role that
# may not see what a session is, only its missing user tells.
_OCCUPANTS: LiteralString = """
select activity.pid, coalesce(activity.usename, ''), coalesce(activity.application_name, ''),
    coalesce(activity.backend_type, ''),
    self.rolsuper or (owner.oid is not null and not owner.rolsuper and (
        pg_catalog.pg_has_role(owner.oid, 'USAGE') or pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))
from pg_catalog.pg_stat_activity as activity
left join pg_catalog.pg_roles as owner on owner.oid = activity.usesysid
join pg_catalog.pg_roles as self on self.rolname = current_user
where activity.datid = any(%s) and activity.pid <> pg_catalog.pg_backend_pid()
    and activity.backend_type is distinct from 'autovacuum worker'
    and not (activity.usesysid is null and activity.backend_type is null)
"""
_END: LiteralString = f"""
select count(*) filter (where pg_catalog.pg_terminate_backend(pid))
from ({_OCCUPANTS}) as found (pid, role, application, kind, may_end) where may_end
"""  # noqa: S608  # two texts of this file


@dataclasses.dataclass(frozen=True)
class Occupant:
    """A session in a database.  `may_end`: this role may end it."""

    pid: int
    user: str
    application: str
    kind: str
    may_end: bool

    def __str__(self) -> str:
        text = f"pid {self.pid}"
        text += f', user "{self.user}"' if self.user else ""
        text += f", {self.kind}" if self.kind not in {"", "client backend"} else ""
        return text + (f", application {self.application!r}" if self.application else "")


def occupants(connection: Connection, oids: Collection[int]) -> list[Occupant]:
    """The sessions in the databases with these oids, but for the connection's own."""
    rows = connection.execute(_OCCUPANTS, [list(oids)]).fetchall()
    return sorted((Occupant(*row) for row in rows), key=lambda occupant: occupant.pid)


def end(connection: Connection, oids: Collection[int]) -> int:
    """End those sessions that this role may end; returns how many were told to."""
    row = connection.execute(_END, [list(oids)]).fetchone()
    return 0 if row is None else int(row[0])
