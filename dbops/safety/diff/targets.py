"""What `--to` names, and how its schema is made in a scratch database."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.config.model import Settings, Target
from dbops.engines.postgres.beyond import reaches_beyond
from dbops.errors import Refused, UsageError
from dbops.migrations.discovery import SCHEMA_FILE_BEGINS
from dbops.safety import schema_copy, schema_file
from dbops.safety.diff import models, revision

if TYPE_CHECKING:
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


Make = Callable[[Target, Target], list[str]]
"""Makes a goal's schema in the second of two scratch databases; in the first is that of the live one.

Returns what was left out, as sentences without period.  Raises DbopsError, with the place, where something cannot be made.
"""


def ready(settings: Settings, live: Session, goal: Goal, clients: Sequence[Client], listen: Listener) -> Make:
    """All of it that needs no scratch database, so that what is wrong is told before one is made.

    :param live: a session in the database that is to be changed.
    :raises DbopsError: the goal cannot be read.
    """

    def dumped(session: Session) -> str:
        return schema_file.text_of(session, clients, settings.lock_timeout.value)

    if goal.database is not None:
        text, label = _text_of(settings, goal.database, dumped, listen), f"the schema of {goal}"
        return lambda here, there: schema_copy.load(text, label, there, listen, dumped=True)
    if goal.revision is not None:
        commit = revision.found(settings.migrations_dir.value, goal.revision)
        return lambda here, there: revision.make(settings, commit, there, listen)
    if goal.models is not None:
        place, said, now = goal.models, models.ask(settings, goal.models, listen), dumped(live)
        return lambda here, there: models.make(place, said, here, there, now, listen)
    assert goal.file is not None  # one of the four
    path = goal.file
    script = read(path)
    for statement, at in schema_copy.placed(script, str(path)):
        refuse_what_reaches_beyond(statement, at)
    dumped_here = script.startswith(SCHEMA_FILE_BEGINS)
    return lambda here, there: schema_copy.load(script, str(path), there, listen, dumped=dumped_here)


def _text_of(settings: Settings, database: Target, dumped: Callable[[Session], str], listen: Listener) -> str:
    from dbops.engines.postgres.session import Session

    with Session.open(dataclasses.replace(settings, target=database), "migrate diff", listen) as session:
        session.stand_beside()
        return dumped(session)


def read(path: Path) -> str:
    """A schema file's text, without what only psql reads.

    :raises DbopsError: it cannot be read, or has a command of psql that means something.
    """
    from dbops.migrations.psqltext import understood
    from dbops.migrations.texts import read_text

    text, _ = understood(read_text(path))
    return text.text


def refuse_what_reaches_beyond(statement: Statement, place: str) -> None:
    """Let a file change nothing but the scratch database, as far as the grammar can tell.

    :raises Refused: for what changes roles, databases, the server, its files, or runs programs.
    """
    copying = schema_copy.parsed(statement).get("CopyStmt", {})
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
