"""How PostgreSQL's own programs are told where to connect: a service file and the environment, never argv.

https://www.postgresql.org/docs/current/libpq-pgservice.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops.errors import ConfigError
from dbops.process import POSTGRES_ENVIRON

if TYPE_CHECKING:
    import psycopg

_NAME = "dbops"
# What programs of PostgreSQL 14 know, the oldest that is supported; ours may be a newer libpq with more keywords, of
# which each has a default that connects as well (https://www.postgresql.org/docs/14/libpq-connect.html).
_KNOWN = frozenset(
    [
        "hostaddr",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcrl",
        "sslcrldir",
        "sslsni",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "gssencmode",
        "krbsrvname",
        "gsslib",
        "channel_binding",
        "requirepeer",
        "target_session_attrs",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
    ]
)


def environ(
    connection: psycopg.Connection[Any],
    folder: Path,
    *,
    application: str,
    database: str | None = None,
    options: str = "",
) -> dict[str, str]:
    """The whole environment for a program that shall connect as this live connection did.

    Taken from the connection, so that what a service or password file of the
    user's contributed is in it, and the very server of several.  The keywords
    go into a new file in `folder` (mode 0600), the password into the
    environment: a service file cannot hold one that ends in a space.

    :param database: another database on the same server.
    :param options: settings for the session, as `-c name=value`.
    :raises ConfigError: a keyword's value cannot stand in a service file.
    """
    info = connection.info
    keywords = {key: value for key, value in info.get_parameters().items() if key in _KNOWN}
    keywords |= {
        "host": info.host,
        "port": str(info.port),
        "user": info.user,
        "dbname": database or info.dbname,
    }
    path = folder / f"service-{application.replace(' ', '-').replace('/', '-')}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(f"[{_NAME}]\n")
        file.writelines(_line(key, value) for key, value in keywords.items() if value)
    environment = {
        **POSTGRES_ENVIRON,
        "PGSERVICEFILE": str(path),
        "PGSERVICE": _NAME,
        "PGAPPNAME": application,
        "PGCONNECT_TIMEOUT": "10",
    }
    if options:
        environment["PGOPTIONS"] = options
    if info.password:
        environment["PGPASSWORD"] = info.password
    return environment


def _line(key: str, value: str) -> str:
    if "\n" in value or value != value.rstrip():
        raise ConfigError(
            f"the value of {key} ends in a space or has a line end, which PostgreSQL's programs cannot be told",
            hint=f"change {key} in the database URL",
        )
    return f"{key}={value}\n"
