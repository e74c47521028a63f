"""The scratch databases that rounds run in: made beside the target, held by a lock, dropped whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbops.config.model import Settings, Target
from dbops.engines.postgres import databases
from dbops.engines.postgres.making import Making
from dbops.engines.postgres.session import Session
from dbops.events import Listener, ignore
from dbops.restore import scratch
from dbops.safety.rounds.looking import Looker
from dbops.safety.rounds.postgres.reading import Reading
from dbops.safety.rounds.postgres.tables import Tables
from dbops.safety.rounds.rows import Rows
from dbops.safety.rounds.scratch import Copy, Scratch, made_ready

if TYPE_CHECKING:
    from dbops.engines.catalog import TableName
    from dbops.engines.postgres.databases import Connection

PREFIX = "dbops_verify_"
"""What their names begin with."""


class _Server:
    """Where the template is, and how it is opened and copied."""

    def __init__(self, settings: Settings, server: Target, name: str) -> None:
        self._settings, self._server, self._name = settings, server, name

    def opened(self) -> Session:
        """A session in the template."""
        return self._opened(self._name)

    @contextmanager
    def copied(self) -> Iterator[Copy[Session]]:
        """A copy of the template, dropped at the end."""

        def make(connection: Connection, name: str) -> None:
            scratch.copy(connection, name, self._name)

        with (
            scratch.held(self._server, PREFIX, make, ignore) as name,
            self._opened(name) as session,
            contextlib.closing(self._beside(session)) as reading,
            contextlib.closing(self._beside(session)) as filling,
        ):
            looker = Looker(Reading(reading, _own(session)))
            yield Copy(session, looker, Rows(Tables(filling), looker))

    def _beside(self, session: Session) -> Connection:
        """Another session in the same database, which waits for no lock that a migration may have left."""
        target = self._server.replace("the scratch database", dbname=session.identity.database)
        connection = databases.open_session(target, "migrate verify", ignore, scratch.PATIENCE)
        wait = f"{self._settings.lock_timeout.value * 1000:.0f}"
        connection.execute("select pg_catalog.set_config('lock_timeout', %s, false)", [wait])
        connection.execute("set jit = off")  # compiling the queries takes longer than they do
        connection.prepare_threshold = None
        return connection

    def _opened(self, name: str) -> Session:
        target = self._server.replace("the scratch database", dbname=name)
        settings = dataclasses.replace(self._settings, target=target)
        return made_ready(Session.open(settings, "migrate verify", ignore))


def _own(session: Session) -> tuple[TableName, ...]:
    tables = session.tables
    return (tables.schema, tables.table), (tables.schema, f"{tables.table}_events")


@contextmanager
def made(
    settings: Settings,
    server: Target,
    like: Making,
    what: str,
    listen: Listener,
    make: scratch.Make | None = None,
) -> Iterator[Scratch[Session]]:
    """A scratch database on a server; those that a killed run has left there are dropped first.

    :param server: any database of it.
    :param like: how the target was made.
    :param what: the verb that needs it, for messages.
    :param make: makes it, where it is not to be empty.
    :raises Refused: the role may make no databases.
    """

    def empty(connection: Connection, name: str) -> None:
        scratch.empty(connection, name, like, listen)

    with (
        scratch.made(server, PREFIX, what, make or empty, listen, elsewhere=True) as name,
        contextlib.closing(_scratch(_Server(settings, server, name))) as scratches,
    ):
        yield scratches


def _scratch(of: _Server) -> Scratch[Session]:
    return Scratch(of.opened, of.copied)
