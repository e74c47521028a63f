"""Scratch databases: with a name at random, and a lock on it as long as they are used; the next run drops what is left."""

from __future__ import annotations

import re
import secrets

from dbops.config.model import Target
from dbops.engines.postgres import databases
from dbops.errors import LockNotAcquired
from dbops.events import Listener, Note
from dbops.restore.holding import COMMAND, hold, outside

PATIENCE = 10.0
"""Seconds to wait for a connection."""


def new_name(prefix: str) -> str:
    """A name that no other database has."""
    return f"{prefix}{secrets.token_hex(6)}"


def sweep(target: Target, prefix: str, listen: Listener, what: str = "verify") -> None:
    """Drop those of runs that were killed: nobody holds their lock.  Those of other roles are for these roles.

    :param target: any database of the server.
    :param what: the verb that makes them, for messages.
    """
    with outside(target, prefix, listen, PATIENCE) as connection:
        rows = connection.execute(
            "select datname from pg_catalog.pg_database where pg_catalog.starts_with(datname, %s)"
            " and pg_catalog.pg_has_role(datdba, 'USAGE')",
            [prefix],
        ).fetchall()
    for (name,) in rows:
        if re.fullmatch(rf"{prefix}[0-9a-f]{{12}}", name):
            try:
                with hold(target, name, listen, 0) as connection:
                    databases.drop(connection, name)
            except LockNotAcquired:  # another run is at work in it
                continue
            listen(Note(f"dropped {name}, which an interrupted {what} had left"))


def drop(target: Target, name: str, listen: Listener) -> None:
    """On a session of its own: the former one may be broken."""
    with databases.admin(target, COMMAND, listen, PATIENCE) as connection:
        databases.drop(connection, name)
