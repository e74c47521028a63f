"""The variables that dbops understands, in the environment and in `.env`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping

from dbops.config.model import Setting, Target
from dbops.errors import ConfigError

DIRECT_URL = "DBOPS_DIRECT_URL"
URL_VARIABLES = ("DATABASE_URL", "POSTGRES_DSN")

PART_VARIABLES: Mapping[str, str] = {
    "DB_HOST": "host",
    "DB_PORT": "port",
    "DB_USER": "user",
    "DB_PASSWORD": "password",
    "DB_NAME": "dbname",
    "DB_SSLMODE": "sslmode",
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "dbname",
    "PGSERVICE": "service",
    "PGSSLMODE": "sslmode",
    "PGSSLNEGOTIATION": "sslnegotiation",
    "PGOPTIONS": "options",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGLOADBALANCEHOSTS": "load_balance_hosts",
}
"""Variables that give one part of the target, with libpq's keyword for that part."""

FILE_VARIABLES: Mapping[str, str] = {
    "PGPASSFILE": "passfile",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGSSLCRL": "sslcrl",
}
"""Files that libpq reads by itself, so these are parts only where libpq cannot see them: in `.env`."""

TARGET_VARIABLES = (DIRECT_URL, *URL_VARIABLES, *PART_VARIABLES, *FILE_VARIABLES)

# dbops speaks UTF-8 and names its own sessions, whatever these two say.
_OVERRULED = ("PGCLIENTENCODING", "PGAPPNAME")


def neutralise(environ: MutableMapping[str, str]) -> None:
    """Remove the libpq variables that `load` has weighed, so that libpq does not weigh them again.

    Without this libpq would fill a part that `load` left out on purpose, for
    instance send PGPASSWORD to the server that `--env prod` names.  The names
    of files (PGPASSFILE, PGSERVICEFILE, PGSYSCONFDIR, PGSSLROOTCERT,
    PGSSLCERT, PGSSLKEY, PGSSLCRL) stay, and so do this machine's rules for
    every connection (PGTZ, PGDATESTYLE, PGREQUIREAUTH, PGCHANNELBINDING, ...).

    Call it after `load`, on `os.environ`, before anything connects or starts a program.
    Source: PostgreSQL manual, "libpq - Environment Variables".
    """
    for name in (*PART_VARIABLES, *_OVERRULED):
        if name.startswith("PG"):
            environ.pop(name, None)


# What libpq would do if there were no variable.  Where an empty value does that, it also keeps libpq from looking.
_AS_IF_UNSET = {
    "sslmode": "prefer",
    "sslnegotiation": "postgres",
    "connect_timeout": "10",
    "target_session_attrs": "any",
    "load_balance_hosts": "disable",
}


def shielded(target: Target, environ: Mapping[str, str]) -> Target:
    """The same target for a process whose environment has to stay as it is: the other way to `neutralise`.

    Every part that libpq would take from the environment, and that `load` has left out on purpose, has a value.
    A service cannot be kept away like that: PGSERVICE still adds what is no part, a certificate for instance.
    """
    if target.engine != "postgresql" or "service" in target.parts:
        return target
    missing = {
        part: _AS_IF_UNSET.get(part, "")
        for name, part in PART_VARIABLES.items()
        if name.startswith("PG") and environ.get(name) and part not in target.parts and part != "service"
    }
    return target.replace("the default", **missing)


def from_environment(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, Setting[str]]:
    """Those of the variables that are set and not empty.

    :raises ConfigError: a value is not text in UTF-8.
    """
    found: dict[str, Setting[str]] = {}
    for name in names:
        if value := environ.get(name):
            origin = f"environment variable {name}"
            require_utf8(value, origin)
            found[name] = Setting(value, origin)
    return found


def require_utf8(value: str, origin: str) -> None:
    """Refuse a value with bytes that are no text, which Python keeps as lone surrogates.

    :raises ConfigError: there are such bytes; says where.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"the value from {origin} is not UTF-8, at character {error.start + 1}",
            hint="set it again in a UTF-8 terminal, or percent-encode the character in a URL",
        ) from None
