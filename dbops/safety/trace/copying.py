"""What a trace's scratch database is made of: the live schema, a backup, or a copy of the whole database."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.backups import temporary
from dbops.backups.filtering import Options
from dbops.backups.plan import choose_client
from dbops.config.model import Target
from dbops.engines.postgres import databases, servicefile
from dbops.engines.postgres.connection import application_name
from dbops.engines.postgres.making import Making
from dbops.errors import DbopsError
from dbops.events import Listener, Note, ignore
from dbops.process import run
from dbops.programs import Client
from dbops.restore import scratch
from dbops.restore.content import Archive, Reading
from dbops.safety.ground import Place
from dbops.safety.trace.model import Source

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

COMMAND = "migrate plan --trace"
_STATISTICS_SINCE = 18


@dataclasses.dataclass
class Copying:
    """Makes the scratch database; `source` is what it was made of then.

    :param live: the database that migrations are pending on.
    :param server: where the scratch database goes: any database of it; `place` says which one that is.
    :param like: how the live one was made.
    :param backup: what is loaded in place of the live schema.
    :param whole: the live one is for development: all of it is copied, rows included, unless others are connected.
    :param lock_wait: seconds to wait for a table that another session has locked.
    """

    live: Target
    server: Target
    place: Place
    like: Making
    clients: Sequence[Client]
    listen: Listener
    backup: Archive | None = None
    whole: bool = False
    lock_wait: float = 5.0
    source: Source = Source.SCHEMA

    @property
    def elsewhere(self) -> bool:
        """Whether the server is another one, which does not know who owns what here."""
        return self.place is not Place.BESIDE

    def __call__(self, connection: Connection, name: str) -> None:
        """Make it and fill it, from a session in another database of its server.

        :raises DbopsError: the schema or the backup does not load there.
        """
        if self.backup is not None:
            self.source = Source.BACKUP
            self._load(self.backup, connection, name)
        elif self.whole and not self.elsewhere and self._copied(connection, name):
            self.source = Source.TEMPLATE
        else:
            with temporary.folder() as folder:
                self._load(self._schema(self._dumped(folder), connection), connection, name)

    def _copied(self, connection: Connection, name: str) -> bool:
        from psycopg import errors

        try:
            scratch.copy(connection, name, self.live.get("dbname") or "")
        except errors.ObjectInUse:
            self.listen(
                Note("others are connected to the database, so that only its schema is copied, no rows")
            )
            return False
        return True

    def _schema(self, path: Path, connection: Connection) -> Archive:
        """The dumped schema; without owners where the role may not give them, which then is told as a difference."""
        archive = self._archive(path, without_owners=self.elsewhere)
        if self.elsewhere or not archive.check(connection):
            return archive
        return self._archive(path, without_owners=True)

    def _archive(self, path: Path, *, without_owners: bool) -> Archive:
        options = Options(no_owner=without_owners, no_privileges=self.elsewhere)
        return Archive("the schema", path, None, Reading(tuple(self.clients), 1, options), ignore)

    def _dumped(self, folder: Path) -> Path:
        """The live schema; from PostgreSQL 18 on with the live statistics."""
        path = folder / "schema.dump"
        with databases.session(self.live, COMMAND, self.listen) as connection:
            major = connection.info.server_version // 10000
            client, _ = choose_client(self.clients, major)
            what = ["--schema-only"]
            if min(major, client.major) >= _STATISTICS_SINCE:
                what = ["--no-data", "--statistics"]
            words = [
                *(str(client.program("pg_dump")), *what, "--format=custom", "--no-password"),
                *(f"--lock-wait-timeout={self.lock_wait * 1000:.0f}", f"--file={path}"),
            ]
            environ = servicefile.environ(
                connection, folder, application=application_name(COMMAND), options="-c statement_timeout=0"
            )
            run(words, environ=environ)
        return path

    def _load(self, content: Archive, connection: Connection, name: str) -> None:
        problems = content.check(connection)
        if problems:
            raise DbopsError(
                f"{content.label} cannot go into a scratch database on this server: {problems[0].text}",
                hint="--scratch-url postgresql://user@host:port/postgres names another server",
            )
        scratch.empty(connection, name, self.like, self.listen)
        content.load(self.server.replace("the scratch database", dbname=name))
