"""The side database: made beside the live one, marked as ours, dropped whatever becomes of the restore.

It is made under a name that only dbops uses and gets its own name with its
mark, so that a killed run leaves nothing that the next one does not know as
its own.  A database of that name without the mark is somebody else's.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dbops.config.model import Target
from dbops.engines.postgres import databases, making, property_changes
from dbops.engines.postgres.making import Making
from dbops.errors import CannotConnect, Refused
from dbops.events import Listener, Note
from dbops.restore import names
from dbops.restore.holding import COMMAND
from dbops.restore.preflight import Problem

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection


def sweep(connection: Connection, live: str, listen: Listener) -> None:
    """Drop what a killed restore of this database left; its lock must be held.

    :raises Refused: a database of the side database's name has no mark of ours.
    """
    ours, unnamed = names.side(live), names.unnamed(live)
    found = databases.existing(connection, [ours, unnamed])
    if ours in found and not names.is_restoring(found[ours].comment, live):
        raise Refused(
            f"a database {ours} is there that no restore of {live} has made",
            hint=f"rename or drop it: its name is needed (it has no comment {names.mark_restoring(live)!r})",
        )
    for name in found:
        databases.drop(connection, name)
        listen(Note(f"dropped {name}, which an interrupted restore had left"))


def create(connection: Connection, live: str, wanted: Making) -> str:
    """Make the side database, empty; returns its name.  Killed in between: see `sweep`.

    :raises psycopg.Error: the server refused; nothing is left.
    """
    unnamed, name = names.unnamed(live), names.side(live)
    connection.execute(making.statement(unnamed, wanted))
    connection.execute(property_changes.set_comment(unnamed, names.mark_restoring(live)))
    databases.rename(connection, unnamed, name)
    return name


def closed_to_us(target: Target, live: str, listen: Listener) -> list[Problem]:
    """See that the role is let into the side database, which pg_hba.conf may know nothing of."""
    name = names.side(live)
    try:
        with databases.session(target.replace("the restore", dbname=name), COMMAND, listen):
            return []
    except CannotConnect as error:
        return [
            Problem(
                f"the server does not let this role into the side database {name}: {error.message}",
                f"give pg_hba.conf a line for {shlex.quote(name)} like the one for {shlex.quote(live)} "
                "(then SELECT pg_reload_conf()), or add --in-place",
            )
        ]


def drop(target: Target, live: str, listen: Listener) -> None:
    """Drop the side database if it is there and ours, on a session of its own: the former one may be broken."""
    from dbops.restore.holding import outside

    with outside(target, live, listen, 10.0) as connection:
        found = databases.existing(connection, [names.side(live), names.unnamed(live)])
        for name, database in found.items():
            if name == names.unnamed(live) or names.is_restoring(database.comment, live):
                databases.drop(connection, name)
