"""The one place that opens connections to PostgreSQL."""

from __future__ import annotations

import random
import socket
import time
import traceback
from typing import TYPE_CHECKING, Any

from dbops.config.model import Target
from dbops.engines.account import account_name
from dbops.errors import CannotConnect, ConfigError
from dbops.events import Listener, Note

if TYPE_CHECKING:
    import psycopg

# Given at the start of the session, so that RESET ALL comes back to them.  The first makes the server notice within a
# second that a killed client is gone, and free its locks; not every platform has it.
GONE_CLIENT = "-c client_connection_check_interval=1000"
# Files are split, and records quoted, as if backslashes meant nothing in strings.
SESSION = (
    "-c standard_conforming_strings=on -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0"
)

# A failed connect carries no SQLSTATE, so these are recognised by what the server says.
TRANSIENT = (
    "too many clients",
    "too many connections",
    "remaining connection slots",
    "the database system is starting up",
    "the database system is not yet accepting connections",
    "the database system is in recovery mode",
    "the database system is shutting down",
)
POOLER_REFUSES = ("unsupported startup parameter",)
SINCE_14 = "idle_session_timeout"  # of SESSION; what does not know it is older than dbops works with


def connect(
    target: Target,
    *,
    application: str,
    listen: Listener,
    deadline: float = 60.0,
    default_options: str = "",
    forced_options: str = "",
) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a session in autocommit mode that is fit to hold the migration lock.

    "Too many connections" and "starting up" are tried again until `deadline`
    (seconds); everything else fails at once.  Settings (`-c name=value`) are
    taken from `default_options`, then from the URL, then from `forced_options`; the last one wins.

    :raises CannotConnect: with the remedy for the reasons that newcomers meet.
    """
    began = time.monotonic()
    told = False
    options = " ".join((GONE_CLIENT, SESSION, default_options, target.get("options") or "", forced_options))
    while True:
        try:
            return _open(target, application, options)
        except CannotConnect as error:
            reason = error.message
            if "client_connection_check_interval" in reason and GONE_CLIENT in options:
                options = options.replace(GONE_CLIENT, "")
                continue
            left = deadline - (time.monotonic() - began)
            error.passing = any(text in reason for text in TRANSIENT)
            if left <= 0 or not error.passing:
                raise
        if not told:
            listen(Note(f"{target.describe()}: {reason.splitlines()[-1]}; trying again for {deadline:.0f} s"))
            told = True
        time.sleep(min(left, random.uniform(0.1, 0.6)))  # noqa: S311  # jitter, not a secret


def application_name(command: str) -> str:
    """`dbops migrate up alice@laptop`: since other roles see little else of a session, it names verb, user and host."""
    return f"dbops {command} {account_name() or '?'}@{socket.gethostname()}".encode(
        "ascii", "replace"
    ).decode()[:63]


def refuse_pooler(connection: psycopg.Connection[tuple[Any, ...]], backend_pid: int) -> None:
    """A session lock means nothing behind a pooler that changes servers between statements.

    A pooler answers the handshake with a process id of its own, so that it differs from `pg_backend_pid()`.

    :raises ConfigError: where it does.
    """
    if connection.info.backend_pid != backend_pid:
        raise _pooler_error()


def _pooler_error() -> ConfigError:
    return ConfigError(
        "a connection pooler stands between dbops and the server, and the migration lock would not hold behind it",
        hint="give the server's own address, for instance as DBOPS_DIRECT_URL=postgresql://user@server:5432/database",
    )


def _open(target: Target, application: str, options: str) -> psycopg.Connection[tuple[Any, ...]]:
    import psycopg

    keywords = target.keywords()
    keywords["options"] = options
    keywords.setdefault("connect_timeout", "10")
    keywords.setdefault("keepalives_idle", "30")
    keywords["application_name"] = application
    keywords["client_encoding"] = "UTF8"
    try:
        return psycopg.connect(**keywords, autocommit=True)  # type: ignore[arg-type]  # libpq's keywords are all strings
    except psycopg.Error as error:
        raise connect_error(target, str(error)) from None
    except KeyboardInterrupt as interrupt:
        # Else the half-made connection lives as long as the traceback, and a DROP DATABASE waits for its login.
        traceback.clear_frames(interrupt.__traceback__)
        raise
    except UnicodeError:
        raise CannotConnect(
            f"the host name in {target.describe()!r} is not a valid one", hint="check DATABASE_URL or DB_HOST"
        ) from None


def connect_error(target: Target, message: str) -> CannotConnect | ConfigError:
    """Turn libpq's report into one cause and one next command."""
    from dbops.engines.postgres.remedies import connect_hint

    reason = message.replace("connection failed: ", "").strip()
    if any(text in reason for text in POOLER_REFUSES):
        return _pooler_error()
    if SINCE_14 in reason:
        return ConfigError(
            f"the server of {target.describe()} is older than PostgreSQL 14, the oldest that dbops works with",
            hint="give a newer server as DATABASE_URL; bin/setup-dev-db --server private makes one",
        )
    password = target.get("password")
    if password and len(password) > 2:
        reason = reason.replace(password, "***")
    return CannotConnect(
        f"cannot connect to {target.describe()}: {reason}", hint=connect_hint(target, reason)
    )
