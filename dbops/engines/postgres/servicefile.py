"""How PostgreSQL's programs are told where to connect: by files for our eyes only, never by argv.

What they get is what an open connection of ours really used, whichever service, password file or variable it came
from, so that they reach the same server as the same role.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.config.model import DEFAULT, Setting, Target
from dbops.errors import ConfigError

if TYPE_CHECKING:
    import psycopg

CONNECTION = "service=dbops"
"""What `-d` of pg_dump, pg_restore and psql is given; it names nothing that has to be kept secret."""

# What libpq 16 and later reports although nobody set it, and an older pg_restore's libpq does not know.
_IMPLIED = {("sslcertmode", "allow")}
# Files that were read already, and what programs are told by other means.
_SETTLED = frozenset({"service", "servicefile", "passfile", "password", "dbname", "user", "application_name"})


class ServiceFile:
    """A service file and a password file for one connection, mode 0600, in a folder of the caller's.

    They go with the folder.  The names of database and user travel as variables, where every character is allowed.

    :param folder: of mode 0700 and on a local disk.
    :raises ConfigError: a value has a line break, which libpq's files cannot hold.
    :raises OSError: they cannot be written, or are there already.
    """

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]], folder: Path) -> None:
        parameters = _parameters(connection)
        self._database = parameters.get("dbname", "")
        self._user = parameters.get("user", "")
        self._options = parameters.get("options", "")
        self._service = folder / "pg_service.conf"
        settled = _SETTLED | {"options"}
        lines = [f"{key}={_line(key, value)}" for key, value in parameters.items() if key not in settled]
        password = connection.info.password
        if password:
            # a service file would lose a space at the end of a password
            passfile = folder / "pgpass"
            escaped = _line("password", password).replace("\\", "\\\\").replace(":", "\\:")
            _write(passfile, f"*:*:*:*:{escaped}\n")
            lines.append(f"passfile={_line('passfile', str(passfile))}")
        _write(self._service, "\n".join(["[dbops]", *lines, ""]))

    def environ(
        self,
        base: Mapping[str, str],
        *,
        database: str | None = None,
        application: str | None = None,
        options: str = "",
    ) -> dict[str, str]:
        """The environment of a program that is given `CONNECTION`.

        :param base: what else is in it; nothing of the user's PG* variables.
        :param database: instead of the connection's own.
        :param options: settings (`-c name=value`) after the connection's own; the last one wins.
        """
        environ = {
            **base,
            "HOME": os.path.expanduser("~"),  # libpq looks for certificates there
            "PGSERVICEFILE": str(self._service),
            "PGDATABASE": self._database if database is None else database,
            "PGUSER": self._user,
            "PGOPTIONS": f"{self._options} {options}".strip(),
        }
        if application:
            environ["PGAPPNAME"] = application
        return {key: value for key, value in environ.items() if value}


def same_server(connection: psycopg.Connection[tuple[object, ...]], database: str) -> Target:
    """A target that leads to where a connection is, with another database; it holds the password.

    Where several hosts were configured, it is the one that answered.
    """
    parameters = _parameters(connection)
    for key in ("service", "servicefile", "passfile", "options", "application_name", "client_encoding"):
        parameters.pop(key, None)
    parameters["dbname"] = database
    if connection.info.password:
        parameters["password"] = connection.info.password
    return Target({key: Setting(value, DEFAULT) for key, value in parameters.items()})


def _parameters(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, str]:
    """What the connection was made with, without the password; of several hosts the one that answered."""
    info = connection.info
    parameters = {key: value for key, value in info.get_parameters().items() if (key, value) not in _IMPLIED}
    if "," in parameters.get("host", "") + parameters.get("hostaddr", ""):
        parameters["host"], parameters["port"] = info.host, str(info.port)
        parameters.pop("hostaddr", None)
    return parameters


def _line(key: str, value: str) -> str:
    if "\n" in value or "\r" in value or "\0" in value:
        raise ConfigError(
            f"the connection's {key} has a line break, and PostgreSQL's programs cannot be told of it",
            hint="give a value without line breaks",
        )
    return value


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
