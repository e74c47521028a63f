"""What is restored: one of our backups, or a dump that pg_dump made anywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.backups import archive, load, source, unpacking
from dbops.backups.filtering import Options
from dbops.backups.load import LoadPlan
from dbops.backups.manifest import PostgresManifest
from dbops.backups.proof import Proof
from dbops.backups.source import Kind, Source
from dbops.backups.sqlscript import SqlScript
from dbops.backups.tocbytes import Damaged
from dbops.config.model import Target
from dbops.engines.contents import Contents, Name
from dbops.engines.inventory import DatabaseProperties
from dbops.engines.postgres import databases, destination
from dbops.engines.postgres.connection import application_name
from dbops.engines.postgres.making import BUILTIN, ICU, LIBC, Making
from dbops.errors import Refused, UsageError
from dbops.events import Listener, Note, Warned
from dbops.programs import Client
from dbops.restore.holding import COMMAND
from dbops.restore.preflight import Problem

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

_PROVIDERS = {"libc": LIBC, "icu": ICU, "builtin": BUILTIN}
_ROWS = "TABLE DATA"


@dataclasses.dataclass(frozen=True)
class Reading:
    """How an archive is read: which part of it, with which programs, how many jobs at once.

    `trust_sql`: plain SQL from elsewhere may run.  `before`: SQL that runs first, in one transaction with the load.
    """

    clients: tuple[Client, ...]
    jobs: int
    options: Options = dataclasses.field(default_factory=Options)
    trust_sql: bool = False
    before: str = ""


class Archive:
    """An archive, with its manifest where it is one of our backups; a `Content` of `dbops.restore.restore`."""

    def __init__(
        self, label: str, path: Path, manifest: PostgresManifest | None, reading: Reading, listen: Listener
    ) -> None:
        self.label = label
        self._manifest = manifest
        self._reading = reading
        self._listen = listen
        self._source = _recognised(path, manifest)
        if self._source.kind is Kind.SQLITE:
            raise UsageError(
                f"{label} is a SQLite database, and no PostgreSQL server can hold it",
                hint="restore it into a file: --database-url sqlite:///copy.db",
            )
        self._path = path
        self._plan: LoadPlan | None = None
        self._roles: tuple[str, ...] = ()
        proof = None if manifest is None or reading.options.schema_only else manifest.proof
        self._proof = None if proof is None else Proof.from_json(proof)

    @property
    def partial(self) -> str | None:
        """Why this is not a whole database; None where it is one."""
        if self._reading.options.tables or self._reading.options.schema_only:
            return "only a part of the archive is asked for"
        if self._manifest is not None and self._manifest.archive.options:
            return f"{self.label} holds a part of its database ({' '.join(self._manifest.archive.options)})"
        return None

    @property
    def proven(self) -> bool:
        """Whether there is a proof to compare with."""
        return self._proof is not None

    @property
    def server_major(self) -> int | None:
        """The major version of the server that it was made of; None where no manifest tells."""
        return None if self._manifest is None else self._manifest.inventory.server_major

    @property
    def making(self) -> Making:
        """Encoding and locale as the manifest has them; the owner is who restores."""
        if self._manifest is None:
            return Making(encoding="UTF8")
        return _making(self._manifest.inventory.database)

    @property
    def only(self) -> frozenset[Name] | None:
        """The tables whose rows are restored; None for all."""
        if not self._reading.options.tables or self._plan is None or self._plan.filtered is None:
            return self._backed_up
        used = set(self._plan.filtered.use_list)
        entries = self._source.toc.entries
        return frozenset(
            (one.namespace, one.tag) for one in entries if one.desc == _ROWS and one.dump_id in used
        )

    @property
    def _backed_up(self) -> frozenset[Name] | None:
        """The tables whose rows are in a backup of a part; other tables may be in it without rows.  None for all."""
        if self._proof is None or self._manifest is None or not self._manifest.archive.options:
            return None
        return frozenset((one.schema, one.name) for one in self._proof.contents.tables)

    @property
    def expected(self) -> Proof | None:
        """What must be there afterwards; of a selection of tables, their rows."""
        if self._proof is None or not self._reading.options.tables or (only := self.only) is None:
            return self._proof
        tables = (one for one in self._proof.contents.tables if (one.schema, one.name) in only)
        return dataclasses.replace(self._proof, contents=Contents(tuple(tables)))

    def check(self, connection: Connection) -> Sequence[Problem]:
        """Read it whole and decide how it is loaded.

        :raises AnswerIsNo: a file is not what the manifest says.
        :raises Refused: it is SQL from elsewhere, which nobody has said to trust, or which reaches beyond its database.
        :raises DbopsError: it cannot be read, or cannot go to this server.
        """
        if self._source.kind is Kind.PLAIN and self._manifest is None and not self._reading.trust_sql:
            raise Refused(
                f"{self.label} is plain SQL, which is a program that could do anything the role may do",
                hint="if you know where it comes from, add --trust-sql",
            )
        self._read_whole()
        reading = self._reading
        facts = destination.read(connection, fresh=not reading.before)
        made = load.plan(
            self._source, facts, reading.clients, reading.options, jobs=reading.jobs,
            one_transaction=bool(reading.before), before=reading.before,
        )  # fmt: skip
        self._plan = made
        return [Problem(text, "") for text in made.obstacles]

    @property
    def jobs(self) -> int:
        """How many load it at once, once it has been checked."""
        assert self._plan is not None
        return self._plan.jobs

    def load(self, target: Target, *, one_by_one: bool = False) -> None:
        """Load it into an empty database.

        :param one_by_one: with one job, whatever was planned.
        :raises DbopsError: the first error; what is in the database is unknown.
        """
        assert self._plan is not None  # it has been checked
        if one_by_one:
            self._plan = dataclasses.replace(self._plan, jobs=1)
        total = self._manifest.archive.raw_bytes if self._manifest is not None else None
        with databases.session(target, COMMAND, self._listen) as connection:
            load.load(
                self._plan,
                connection,
                application=application_name(COMMAND),
                listen=self._listen,
                total=total,
                on_roles=self._created,
            )

    def _created(self, roles: tuple[str, ...]) -> None:
        self._roles = roles

    def abandon(self, target: Target) -> None:
        """Drop the roles that `load` has created, once what it loaded is gone; those that stay are told."""
        if not self._roles:
            return
        with databases.admin(target, COMMAND, self._listen) as connection:
            stay = destination.drop_roles(connection, self._roles)
        for name, reason in stay.items():
            self._listen(Warned(f"the role {name}, which this restore has created, stays: {reason}"))
        if gone := [name for name in self._roles if name not in stay]:
            self._listen(Note(f"dropped the roles again that were created: {', '.join(gone)}"))
        self._roles = ()

    def _read_whole(self) -> None:
        if self._manifest is not None:
            archive.check(self._path, self._manifest.archive, threads=self._reading.jobs)
            return
        self._listen(Note(f"{self.label} has no manifest: nothing tells whether it holds what it should"))
        if self._source.kind is Kind.DIRECTORY:
            return
        try:
            with self._source.open() as stream:
                for _ in self._followed(unpacking.chunks(stream)):
                    continue
        except unpacking.damaged() as error:
            raise Damaged(f"{self.label} is damaged: {error}") from error

    def _followed(self, portions: Iterator[memoryview]) -> Iterator[bytes | memoryview]:
        """What is read; of SQL from elsewhere, statement by statement."""
        return SqlScript(self.label).passed(portions) if self._source.kind is Kind.PLAIN else portions


def _recognised(path: Path, manifest: PostgresManifest | None) -> Source:
    """What a path is; where there is a manifest, what cannot be recognised is a damaged backup.

    :raises Damaged: it is one.
    """
    try:
        return source.recognise(path)
    except UsageError as error:
        if manifest is None:
            raise
        raise Damaged(error.message, hint="bin/backup list shows the other backups") from error


def _making(of: DatabaseProperties) -> Making:
    return Making(
        encoding=of.encoding,
        collate=of.collate,
        ctype=of.ctype,
        provider=_PROVIDERS.get(of.locale_provider, LIBC),
        locale=of.locale,
        rules=of.icu_rules,
    )
