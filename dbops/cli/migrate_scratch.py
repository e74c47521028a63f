"""Where `plan --trace`, `verify` and `diff` make their scratch databases: one way for all of them."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from dbops.cli import private_server
from dbops.cli.connect import named_by
from dbops.cli.output import Output
from dbops.config.model import Settings, Target
from dbops.engines.marks import is_production
from dbops.engines.postgres import databases
from dbops.errors import UsageError
from dbops.events import Note
from dbops.safety import ground
from dbops.safety.ground import Facts, Place

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session


@dataclasses.dataclass(frozen=True)
class Ground:
    """The server that scratch databases are made on, by any database of it."""

    place: Place
    server: Target

    @property
    def elsewhere(self) -> bool:
        """Whether it is another server than the database's, which does not know who owns what there."""
        return self.place is not Place.BESIDE

    @property
    def own(self) -> bool:
        """Whether it was named for this, so that migrations may change what all its databases share."""
        return self.place is Place.NAMED


def found(
    arguments: argparse.Namespace, settings: Settings, session: Session, what: str, out: Output
) -> Ground:
    """Where they are made; a private server that is down is started, and that it is used is told.

    :param session: in the live database.
    :param what: the verb, for messages.
    :raises UsageError: --scratch-url names no PostgreSQL server.
    :raises Refused: there is no place for them.
    """
    if arguments.scratch_url is not None:
        return Ground(Place.NAMED, _named(arguments, out))
    facts = _facts(session)
    why = ground.hindrance(facts)
    private = private_server.major(settings, out) if why else None
    if ground.decide(facts, private, what) is Place.BESIDE:
        return Ground(Place.BESIDE, settings.target)
    server = private_server.target(settings, out)
    if server is None:  # it does not start, which was told
        ground.decide(facts, None, what)
    assert server is not None  # the line before has raised
    out.event(Note(f"{why}: the scratch databases are made on the private server of the project"))
    return Ground(Place.PRIVATE, server)


def _named(arguments: argparse.Namespace, out: Output) -> Target:
    target = named_by("scratch-url", arguments.scratch_url, arguments, out)
    if target.engine != "postgresql":
        raise UsageError(
            "--scratch-url names no PostgreSQL server",
            hint="--scratch-url postgresql://user@host:port/postgres",
        )
    return target


def _facts(session: Session) -> Facts:
    connection = session.connection
    may_create, is_standby = databases.may_create(connection)
    role = databases.sql_identifier(connection.info.user).as_string(connection)
    return Facts(
        database=session.identity.database,
        role=connection.info.user,
        major=connection.info.server_version // 10000,
        may_create=may_create,
        is_standby=is_standby,
        is_production=is_production(session.comment()),
        remedy=f"ALTER ROLE {role} CREATEDB",
    )
