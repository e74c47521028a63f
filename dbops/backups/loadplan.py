"""How a source will be loaded into a server, decided before anything is changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import BinaryIO

from dbops.backups import clients as choosing
from dbops.backups import filtering, temporary
from dbops.backups.compression import Compression
from dbops.backups.filtering import Filtered, Options
from dbops.backups.source import Kind, Source
from dbops.engines.postgres.destination import ServerFacts
from dbops.errors import UsageError
from dbops.process import POSTGRES_ENVIRON, run
from dbops.programs import Client

_PARALLEL = frozenset({Kind.DIRECTORY, Kind.CUSTOM})


@dataclasses.dataclass(frozen=True)
class LoadPlan:
    """What will be loaded, and how.

    :param client: the pg_restore; for plain SQL, the psql.
    :param sql_client: the psql for SQL, None where pg_restore connects itself.
    :param filtered: what is left out, None for plain SQL.
    :param one_transaction: all of it in one, which `before` begins.
    :param before: SQL that runs first in that transaction.
    :param warnings: sentences about versions.
    """

    source: Source
    client: Client
    sql_client: Client | None
    filtered: Filtered | None
    options: Options
    jobs: int
    one_transaction: bool
    before: str
    warnings: tuple[str, ...]

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why the load would fail, each with what helps; empty where nothing is known."""
        if self.filtered is None:
            return ()
        missing = () if self.options.create_missing_roles else self.filtered.missing_roles
        return self.filtered.obstacles + tuple(
            f"the server has no role {role.name} ({', '.join(role.needed_by)}):"
            " restore with --create-missing-roles" + ("" if self.options.no_owner else " or --no-owner")
            for role in missing
            if role.needed_by
        )

    @property
    def roles_to_create(self) -> tuple[str, ...]:
        """Roles that the load makes first."""
        if self.filtered is None or not self.options.create_missing_roles:
            return ()
        return tuple(role.name for role in self.filtered.missing_roles)


def plan(
    source: Source,
    server: ServerFacts,
    clients: Sequence[Client],
    options: Options,
    *,
    jobs: int,
    one_transaction: bool = False,
    before: str = "",
) -> LoadPlan:
    """Decide how to load a source into a server, and what is left out.  Nothing is changed.

    :param clients: as `dbops.programs.clients` found them.
    :raises ProgramFailed: "this archive cannot go back to this server, because ...", or no psql that is safe.
    :raises Damaged: the table of contents cannot be read.
    :raises UsageError: what is asked for is not possible with this format.
    """
    if source.kind is Kind.PLAIN:
        return _plan_plain(source, server, clients, options, before=before)
    choice = choosing.can_go(
        source.toc.header, server.major, clients, able=lambda client: _can_unpack(client, source)
    )
    through_psql = choice.through_psql or one_transaction
    parallel = source.kind in _PARALLEL and source.compression is Compression.NONE
    return LoadPlan(
        source,
        choice.client,
        choosing.sql_client(server.major, clients) if through_psql else None,
        filtering.decide(source.toc, server, options),
        options,
        jobs if parallel and not through_psql else 1,
        one_transaction,
        before,
        (choice.warning,) if choice.warning else (),
    )


def _plan_plain(
    source: Source,
    server: ServerFacts,
    clients: Sequence[Client],
    options: Options,
    *,
    before: str,
) -> LoadPlan:
    """In one transaction, in which no statement reaches another database."""
    if options != Options():
        raise UsageError(
            f"{source.path} is plain SQL, which can only be restored as a whole",
            hint="leave out --table, --schema-only, --no-owner and the like",
        )
    client = choosing.sql_client(server.major, clients)
    return LoadPlan(
        source, client, client, filtered=None, options=options, jobs=1, one_transaction=True, before=before,
        warnings=(),
    )  # fmt: skip


def _can_unpack(client: Client, source: Source) -> bool:
    """Whether a pg_restore was built with what the archive's data need; it says so when it lists one."""
    used = source.toc.header.compression
    if used == "none" or (source.kind is Kind.DIRECTORY and used == "zstd"):  # these are unpacked here
        return True
    with temporary.folder() as folder:
        if source.kind is Kind.CUSTOM:
            place = folder / "beginning"
            with source.open() as stream:
                place.write_bytes(_first(stream, source.toc.length))
        else:
            place = source.archive
        said = run([client.program("pg_restore"), "--list", place], environ=POSTGRES_ENVIRON, check=False)
    return said.code == 0 and "support compression" not in said.stderr


def _first(stream: BinaryIO, count: int) -> bytes:
    data = b""
    while len(data) < count and (part := stream.read(count - len(data))):
        data += part
    return data
