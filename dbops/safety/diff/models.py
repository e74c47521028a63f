"""The schema that SQLAlchemy models describe: asked of the project's own Python, made in a scratch database.

Models say nothing of views, functions, triggers, policies, privileges and the like: these are taken as they are in
the database, so that they are no difference.  Schemas in which there is no model are left as they are, too.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops import process
from dbops.config.model import Settings, Target
from dbops.engines.postgres import databases
from dbops.errors import DbopsError, ProgramFailed, UsageError
from dbops.events import Detail
from dbops.safety import schema_copy
from dbops.safety.diff import unmodelled

if TYPE_CHECKING:
    from dbops.events import Listener

_DRIVER = Path(__file__).with_name("models_driver.py")
_SECONDS = 120.0
_SPELLING = re.compile(r"(?P<module>\w+(?:\.\w+)*):(?P<name>\w+(?:\.\w+)*)")
_HINT = "say which Python has the project's SQLAlchemy: activate its virtual environment, or name it .venv"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the metadata is: a module, and the name in it."""

    module: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Place:
        """:raises UsageError: it is not `package.module:name`."""
        match = _SPELLING.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text!r} is not a module and a name in it", hint="--to models:package.module:Base.metadata"
            )
        return cls(match["module"], match["name"])

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def make(
    place: Place, answer: dict[str, Any], here: Target, target: Target, live: str, listen: Listener
) -> list[str]:
    """Make what the models describe in an empty scratch database, with what they do not speak of; all of it.

    :param answer: as `ask` returns it.
    :param here: a database with the schema as it is, `live` the same as pg_dump's script in one form.
    :raises DbopsError: the server refuses what they say, or what needs it.
    """
    label = f"the models {place}"
    said = [one for text in answer["statements"] for one, _ in schema_copy.placed(text, label)]
    with databases.session(target, "migrate", listen) as connection:
        rest = unmodelled.before(connection, unmodelled.kept(live, frozenset(answer["schemas"]), said))
        for statement in said:
            schema_copy.run(connection, statement, label)
        with databases.session(here, "migrate", listen) as present:
            unmodelled.partitions(present, connection)
        unmodelled.after(connection, rest)
    return []


def ask(settings: Settings, place: Place, listen: Listener) -> dict[str, Any]:
    """Let the project's Python import the models; returns `statements` and `schemas`, those that have a model.

    :raises ProgramFailed: with the line of the project's code that raised.
    """
    python = interpreter(settings)
    listen(Detail(f"{python} imports {place.module}"))
    try:
        completed = process.run(
            [python, _DRIVER],
            environ={**settings.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"},
            cwd=settings.project,
            stdin=json.dumps({"module": place.module, "name": place.name}),
            timeout=_SECONDS,
            check=False,
        )
    except ProgramFailed as error:
        raise ProgramFailed(f"the models {place} cannot be read: {error.message}", hint=_HINT) from None
    for line in completed.stderr.splitlines():
        listen(Detail(f"{place.module}: {line}"))
    try:
        answer: dict[str, Any] = json.loads(completed.stdout)
    except ValueError:
        raise ProgramFailed(
            f"the models {place} cannot be read: {python} ended with code {completed.code} and no answer",
            detail=completed.last_lines() or None,
        ) from None
    if "error" in answer:
        raise _told(place, python, answer)
    return answer


def _told(place: Place, python: str, answer: dict[str, Any]) -> DbopsError:
    if answer.get("no_sqlalchemy"):
        return ProgramFailed(f"{python} has no SQLAlchemy, which the models {place} need", hint=_HINT)
    where = f"{answer['file']}:{answer['line']}: " if answer.get("file") else ""
    return ProgramFailed(
        f"the models {place} cannot be read: {where}{answer['error']}",
        detail=answer.get("source"),
        hint=f"try what it does: {python} -c 'import {place.module}'"
        if answer.get("imports")
        else "mend the models",
    )


def interpreter(settings: Settings) -> str:
    """The Python that is told to be Alembic's, else that of a virtual environment with SQLAlchemy, else our own."""
    if settings.alembic and settings.alembic.python:
        return settings.alembic.python.value
    active = settings.environ.get("VIRTUAL_ENV")
    for folder in (active, settings.project / ".venv", settings.project / "venv"):
        if folder and next(Path(folder).glob("lib/python3*/site-packages/sqlalchemy/__init__.py"), None):
            return str(Path(folder, "bin", "python"))
    return sys.executable
