"""The scratch databases that rounds run in: made beside the target, held by a lock, dropped whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbops.config.model import Settings, Target
from dbops.engines.postgres import databases, making
from dbops.engines.postgres.making import Making
from dbops.engines.postgres.session import Session
from dbops.errors import Refused
from dbops.events import Listener, ignore
from dbops.restore import scratch
from dbops.restore.holding import hold
from dbops.safety.rounds.looking import Looker
from dbops.safety.rounds.rows import Rows

if TYPE_CHECKING:
    from dbops.engines.catalog import TableName
    from dbops.engines.postgres.databases import Connection

PREFIX = "dbops_verify_"
"""What their names begin with."""


@dataclasses.dataclass(frozen=True)
class Copy:
    """A copy of the template: the session in which migrations run, and what looks at it from outside."""

    session: Session
    looker: Looker
    rows: Rows


class Scratch:
    """An empty database with the tracking tables, the template; and a copy of it, to work in as long as it is sound."""

    def __init__(self, settings: Settings, server: Target, name: str) -> None:
        self._settings, self._server, self._name = settings, server, name
        self._template: Session | None = None
        self._copy: Copy | None = None
        self._drops = contextlib.ExitStack()

    def template(self) -> Session:
        """A session in the template; it ends when a copy is made."""
        if self._template is None:
            self._template = self._opened(self._name)
        return self._template

    @property
    def has_copy(self) -> bool:
        """Whether there is a copy; else `copy` makes one of the template as it is then."""
        return self._copy is not None

    def copy(self) -> Copy:
        """The copy."""
        if self._copy is None:
            self._end_template()
            self._copy = self._drops.enter_context(self._copied())
        return self._copy

    def drop_copy(self) -> None:
        """It is not sound any more: the next one is made anew."""
        self._copy = None
        self._drops.close()

    def close(self) -> None:
        """Drop the copy and end the session in the template."""
        self._end_template()
        self.drop_copy()

    def _end_template(self) -> None:
        if self._template is not None:
            self._template.close()
            self._template = None

    @contextmanager
    def _copied(self) -> Iterator[Copy]:
        from psycopg import sql

        name = scratch.new_name(PREFIX)
        with hold(self._server, name, ignore, scratch.PATIENCE) as connection:
            try:
                names = sql.Identifier(name), sql.Identifier(self._name)
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
                with (
                    self._opened(name) as session,
                    contextlib.closing(self._beside(session)) as reading,
                    contextlib.closing(self._beside(session)) as filling,
                ):
                    looker = Looker(reading, _own(session))
                    yield Copy(session, looker, Rows(filling, looker))
            finally:
                scratch.drop(self._server, name, ignore)

    def _beside(self, session: Session) -> Connection:
        """Another session in the same database, which waits for no lock that a migration may have left."""
        target = self._server.replace("the scratch database", dbname=session.identity.database)
        connection = databases.open_session(target, "migrate verify", ignore, scratch.PATIENCE)
        connection.execute(f"set lock_timeout = {self._settings.lock_timeout.value * 1000:.0f}".encode())
        connection.execute("set jit = off")  # compiling the queries takes longer than they do
        connection.prepare_threshold = None
        return connection

    def _opened(self, name: str) -> Session:
        target = self._server.replace("the scratch database", dbname=name)
        session = Session.open(dataclasses.replace(self._settings, target=target), "migrate verify", ignore)
        with contextlib.ExitStack() as stack:
            stack.push(session)  # told and closed, unless all goes well
            session.acquire_lock()
            session.initialise()
            stack.pop_all()
        return session


def _own(session: Session) -> tuple[TableName, ...]:
    tables = session.tables
    return (tables.schema, tables.table), (tables.schema, f"{tables.table}_events")


Make = Callable[["Connection", str], object]
"""Makes a database of a name, from a session in another one."""


@contextmanager
def made(
    settings: Settings, server: Target, like: Making, listen: Listener, make: Make | None = None
) -> Iterator[Scratch]:
    """A scratch database on a server; those that a killed run has left there are dropped first.

    :param server: any database of it.
    :param like: how the target was made.
    :param make: makes it, where it is not to be empty.
    :raises Refused: the role may make no databases.
    """
    scratch.sweep(server, PREFIX, listen)
    name = scratch.new_name(PREFIX)
    with hold(server, name, listen, scratch.PATIENCE) as connection:
        try:
            with _refused(connection):
                if make is None:
                    empty(connection, name, like, listen)
                else:
                    make(connection, name)
            with contextlib.closing(Scratch(settings, server, name)) as scratches:
                yield scratches
        finally:
            scratch.drop(server, name, listen)


def empty(connection: Connection, name: str, like: Making, listen: Listener) -> None:
    """Make it as the target was made, for the role that asks."""
    wanted = dataclasses.replace(like, owner=None, tablespace=None)
    making.anywhere(lambda how: connection.execute(making.statement(name, how)), wanted, listen)


@contextmanager
def _refused(connection: Connection) -> Iterator[None]:
    from psycopg import errors

    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise Refused(
            f"this runs in a scratch database, and {connection.info.user} may make none here: "
            f"{error.diag.message_primary}",
            hint=f"name another server: --scratch-url postgresql://user@host:port/postgres; or as a superuser: "
            f"ALTER ROLE {databases.sql_identifier(connection.info.user).as_string(connection)} CREATEDB",
        ) from error
