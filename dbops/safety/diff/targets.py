"""What `--to` names, and how its schema is made in a scratch database."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.config.model import Settings, Target
from dbops.engines.postgres.beyond import reaches_beyond
from dbops.errors import Refused, UsageError
from dbops.safety import schema_copy
from dbops.safety.diff import models, revision

if TYPE_CHECKING:
    from dbops.engines.postgres.nodes import Node
    from dbops.engines.postgres.session import Session
    from dbops.engines.statements import Statement
    from dbops.events import Listener
    from dbops.programs import Client

_HINT = "--to schema.sql, postgresql://user@host/database, git:REV, or models:package.module:Base.metadata"
_URL = re.compile(r"\w[\w+.-]*://")
_GIT, _MODELS = "git:", "models:"
_REACHES_BEYOND = "reaches beyond the scratch database that the file is run in, so it is not run"


@dataclasses.dataclass(frozen=True)
class Goal:
    """What to get to: one of the four is not None.

    :param database: the target of a URL.
    """

    file: Path | None = None
    database: Target | None = None
    revision: str | None = None
    models: models.Place | None = None

    def __str__(self) -> str:
        """In words; no password."""
        if self.database is not None:
            return f"database {self.database.describe()}"
        if self.revision is not None:
            return f"revision {self.revision}"
        return f"models {self.models}" if self.models else str(self.file)


def is_url(text: str) -> bool:
    """Whether it is the URL of a database, which the settings have to read."""
    return _URL.match(text) is not None


def parse(text: str) -> Goal:
    """What is no URL.

    :raises UsageError: it is nothing of what there is.
    """
    if text.startswith(_GIT):
        return Goal(revision=revision.checked(text.removeprefix(_GIT)))
    if text.startswith(_MODELS):
        return Goal(models=models.Place.parse(text.removeprefix(_MODELS)))
    path = Path(text)
    if not path.is_file():
        why = "is a folder" if path.is_dir() else "is not there"
        raise UsageError(f"{text!r} {why}", hint=_HINT)
    return Goal(file=path)


@dataclasses.dataclass(frozen=True)
class Maker:
    """Makes the schema of a goal in an empty scratch database.

    :param live: a session in the database that is to be changed.
    :param here: the scratch database with its schema.
    """

    settings: Settings
    live: Session
    here: Target
    clients: Sequence[Client]
    listen: Listener

    def make(self, goal: Goal, target: Target) -> list[str]:
        """Returns what was left out, as sentences without period.

        :raises DbopsError: with the place, where something cannot be made.
        """
        if goal.database is not None:
            return self._database(goal.database, target)
        if goal.revision is not None:
            revision.make(self.settings, goal.revision, target, self.listen)
            return []
        if goal.models is not None:
            models.make(self.settings, goal.models, self.here, target, self.dump(self.live), self.listen)
            return []
        assert goal.file is not None  # one of the four
        return schema_copy.load(
            read(goal.file), str(goal.file), target, self.listen, check=refuse_what_reaches_beyond
        )

    def dump(self, session: Session) -> str:
        """The schema of a session's database, without dbops' own tables."""
        from dbops.safety.schema_file import text_of

        return text_of(session, self.clients, self.settings.lock_timeout.value)

    def _database(self, database: Target, target: Target) -> list[str]:
        from dbops.engines.postgres.session import Session

        settings = dataclasses.replace(self.settings, target=database)
        with Session.open(settings, "migrate diff", self.listen) as session:
            session.stand_beside()
            if session.connection.info.server_version // 10000 != self._major:
                raise Refused(
                    f"{session.identity} is of another version of PostgreSQL than {self.live.identity}: "
                    "what one spells in another way would be taken for a difference",
                    hint="compare with its schema file: --to schema.sql",
                )
            text = self.dump(session)
        return schema_copy.load(
            text, f"the schema of {database.describe()}", target, self.listen, dumped=True
        )

    @property
    def _major(self) -> int:
        return self.live.connection.info.server_version // 10000


def read(path: Path) -> str:
    """A schema file's text, without what only psql reads.

    :raises DbopsError: it cannot be read, or has a command of psql that means something.
    """
    from dbops.migrations.psqltext import understood
    from dbops.migrations.texts import read_text

    text, _ = understood(read_text(path))
    return text.text


def refuse_what_reaches_beyond(statement: Statement, node: Node, place: str) -> None:
    """Let a file change nothing but the scratch database, as far as the grammar can tell.

    :raises Refused: for what changes roles, databases, the server, its files, or runs programs.
    """
    copying = node.get("CopyStmt", {})
    if reaches_beyond(statement.text) or copying.get("is_program") or copying.get("filename"):
        raise Refused(
            f"{place}: {_REACHES_BEYOND}",
            detail="\n".join(statement.redacted.splitlines()[:4]),
            hint="take the statement out: roles, databases and files of the server are no part of a schema",
        )


def drop_tables(target: Target, names: Sequence[tuple[str, str]], listen: Listener) -> None:
    """Drop tables of a scratch database that record migrations, dbops' or another tool's, where they are there.

    :raises DbopsError: something else needs one of them.
    """
    from psycopg import sql

    from dbops.engines.postgres import databases

    with databases.session(target, "migrate", listen) as connection:
        for name in names:
            connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(*name)))
