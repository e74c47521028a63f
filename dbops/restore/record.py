"""The entry in a restored database's event log that says what it was restored from, and what it displaced."""

from __future__ import annotations

from dbops.config.model import Target
from dbops.engines.log import LogEntry
from dbops.engines.postgres import connection as connections
from dbops.engines.postgres import databases, tracking
from dbops.engines.records import Action
from dbops.events import Listener, Warned
from dbops.restore.holding import COMMAND


def restored(
    target: Target, table: str | None, *, label: str, displaced: str | None, listen: Listener
) -> bool:
    """Write the entry into the target's event log, in a transaction of its own; False where it has no such log.

    :param table: the configured tracking table.
    :param label: the backup, the file, or the displaced database that was brought back.
    :param displaced: what the live database is called afterwards, None where there is none.
    """
    from psycopg import errors

    from dbops.engines.postgres.writing import Writer

    with databases.session(target, COMMAND, listen) as connection:
        found = tracking.find(connection, table)
        if not found.exist:
            return False
        text = Writer(connection, found.tables, connections.application_name("").split(maxsplit=1)[1])
        try:
            with connection.transaction():
                connection.execute("set transaction read write")
                connection.execute(text.text(entry(label, displaced)).encode())
        except errors.InsufficientPrivilege as error:
            listen(Warned(f"the event log has no entry of this restore: {error.diag.message_primary}"))
            return False
    return True


def entry(label: str, displaced: str | None) -> LogEntry:
    """The entry itself; see `restored`."""
    former = f"the former database is {displaced}" if displaced else "there was no such database before"
    return LogEntry(
        Action.RESTORED,
        name=label[:255],
        message=f"from {label}; {former}",
        detail={"from": label, "displaced": displaced},
        duration_ms=0,
    )
