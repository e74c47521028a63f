"""Which server: what is configured, else one that answers on localhost, else the private one."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable

from dbops.config.model import Settings, Target
from dbops.devdb.record import Record
from dbops.errors import CannotConnect, ConfigError

PROBED = "a server that answers on localhost"
PRIVATE = "the record of the private server"


class Kind(enum.Enum):
    """How the server came to be the one."""

    CONFIGURED = "configured"
    LOCAL = "local"
    PRIVATE = "private"
    FILE = "file"
    """None is needed: the database is a SQLite file."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """The server.  `target` leads to it; while a private one is not made it has the database alone."""

    kind: Kind
    target: Target
    ignored: Target | None = None

    @property
    def private(self) -> bool:
        return self.kind is Kind.PRIVATE


def decide(settings: Settings, record: Record | None, probe: Callable[[], Target | None]) -> Choice:
    """Choose.  `probe` is asked only where nothing is configured and there is no record.

    :raises ConfigError: `--server configured` where none is.
    """
    wanted, target = settings.server.value, settings.target
    ours = record is not None and record.matches(target)
    if wanted == "private":
        return _private(target, record) if ours or not target.names_server else _despite(target, record)
    if target.names_server:
        return _private(target, record) if ours else Choice(Kind.CONFIGURED, target)
    if wanted == "configured":
        raise ConfigError(
            "no server is configured",
            hint="set DATABASE_URL, or DB_HOST; or leave --server out, and one is found or made",
        )
    if record is not None:
        return _private(target, record)
    found = probe()
    if found is not None:
        return Choice(Kind.LOCAL, Target({**target.parts, **found.parts}))
    return Choice(Kind.PRIVATE, target)


def probe_localhost(account: str | None, port: int = 5432) -> Target | None:
    """A login on localhost that may create databases: as the account that runs us, else postgres/postgres."""
    from dbops.devdb.cluster import answers

    if not answers(port, timeout=1.0):
        return None
    server = Target().replace(PROBED, host="localhost", port=str(port))
    logins = [server.replace(PROBED, user="postgres", password="postgres")]  # noqa: S106  # a guess
    if account is not None:
        logins.insert(0, server.replace(PROBED, user=account))
    return next((login for login in logins if _may_create(login)), None)


def _may_create(login: Target) -> bool:
    from dbops.devdb.databases import admin

    try:
        with admin(login.replace(PROBED, connect_timeout="3"), deadline=0) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
            ).fetchone()
    except (CannotConnect, ConfigError):
        return False
    return bool(row and row[0])


def _private(target: Target, record: Record | None) -> Choice:
    return Choice(Kind.PRIVATE, record.complete(target, PRIVATE) if record else target)


def _despite(target: Target, record: Record | None) -> Choice:
    """The private server although another one is configured: of that one only the database's name is used."""
    named = Target({key: value for key, value in target.parts.items() if key == "dbname"})
    return dataclasses.replace(_private(named, record), ignored=target)
