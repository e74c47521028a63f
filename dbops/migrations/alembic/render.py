"""Alembic itself, run by the interpreter that has it: from revisions to their SQL."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops import process
from dbops.errors import ConfigError, ProgramFailed
from dbops.events import Detail, Listener

if TYPE_CHECKING:
    from dbops.config.model import Alembic, Settings
    from dbops.migrations.alembic.graph import Revision

_DRIVER = Path(__file__).with_name("driver.py")
_TIMEOUT = 900.0  # seconds; env.py may wait for something that does not come
_NOT_THERE = "No module named 'alembic'"
_HINT = "say which Python has the project's Alembic: --alembic-python .venv/bin/python"


@dataclasses.dataclass(frozen=True)
class Rendered:
    """One direction of a revision: its `sql`, or else why there is none.

    `reason` is Alembic's, `line` that of the revision's file.  `irreversible`: the revision itself refuses, or has no
    such function.  `outside`: a part of it runs outside transactions.  `asks`: the revision wants to know whether this
    is offline mode, and may do something else then.
    """

    sql: str = ""
    outside: bool = False
    reason: str | None = None
    line: int | None = None
    irreversible: bool = False
    asks: bool = False

    @property
    def failed(self) -> bool:
        """Whether offline mode cannot render it."""
        return self.reason is not None and not self.irreversible


@dataclasses.dataclass(frozen=True)
class Both:
    """A revision's two directions."""

    up: Rendered
    down: Rendered


@dataclasses.dataclass(frozen=True)
class Rendering:
    """What Alembic has made of some revisions, and what env.py says of the table that it keeps."""

    revisions: Mapping[str, Both]
    version_table: str
    version_table_schema: str | None


def render(settings: Settings, revisions: Iterable[Revision], listen: Listener) -> Rendering:
    """Render revisions by one start of the project's env.py, which connects to nothing unless it wants to.

    The SQL is for the engine of the target.

    :raises ConfigError: the project has several databases.
    :raises ProgramFailed: there is no Alembic, or env.py failed.
    """
    project = settings.alembic
    assert project is not None  # whoever calls has looked
    if databases := project.values.get("databases"):  # whose env.py would write files
        raise ConfigError(
            f"{project.ini} is about several databases ({databases}), which cannot be rendered into one folder",
            hint="give each its own folder: alembic upgrade head --sql writes the SQL",
        )
    toml = project.folder / "pyproject.toml"
    wanted = {one.id: str(one.path.absolute()) for one in revisions}
    request = {
        "ini": str(project.ini) if project.ini else None,
        "toml": str(toml) if toml.is_file() else None,
        "dialect": settings.target.engine,
        "revisions": wanted,
    }
    python = interpreter(settings, project)
    listen(Detail(f"{python} renders {len(wanted)} Alembic revisions"))
    answer = _answer(project.folder, settings.environ, python, request, listen)
    before = answer["before"]
    return Rendering(
        {
            revision: Both(_rendered(both["up"], before), _rendered(both["down"], before))
            for revision, both in answer["revisions"].items()
        },
        answer["version_table"],
        answer["version_table_schema"],
    )


def interpreter(settings: Settings, project: Alembic) -> str:
    """The Python that is told to be it, else that of a virtual environment which has Alembic, else our own."""
    if project.python:
        return project.python.value
    active = settings.environ.get("VIRTUAL_ENV")
    beside = [place / name for place in (project.folder, settings.project) for name in (".venv", "venv")]
    for folder in (active, *beside):
        if folder and next(Path(folder).glob("lib/python3*/site-packages/alembic/__init__.py"), None):
            return str(Path(folder, "bin", "python"))
    return sys.executable


def _answer(
    folder: Path, environ: Mapping[str, str], python: str, request: Mapping[str, Any], listen: Listener
) -> dict[str, Any]:
    try:
        completed = process.run(
            [python, _DRIVER],
            environ={**environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"},
            cwd=folder,
            stdin=json.dumps(request),
            timeout=_TIMEOUT,
            check=False,
        )
    except ProgramFailed as error:
        raise ProgramFailed(error.message, hint=_HINT) from None
    if completed.code != 0 and _NOT_THERE in completed.stderr:
        raise ProgramFailed(
            f"{python} has no Alembic, which has to render the project's revisions", hint=_HINT
        )
    if completed.code != 0 or not completed.stdout:
        last = completed.stderr.strip().rpartition("\n")[2] or "it ended without an answer"
        raise ProgramFailed(
            f"Alembic cannot render the revisions of {folder}: {last}",
            detail=completed.last_lines(),
            hint=f"try what it does: {python} -m alembic upgrade head --sql; or another one with --alembic-python",
        )
    for line in completed.stderr.splitlines():
        listen(Detail(f"alembic: {line}"))
    answer: dict[str, Any] = json.loads(completed.stdout)
    return answer


def _rendered(found: Mapping[str, Any], before: list[list[str]]) -> Rendered:
    if "items" not in found:
        return Rendered(
            reason=found.get("error"), line=found.get("line"), irreversible=bool(found.get("irreversible"))
        )
    items, asks = found["items"], bool(found.get("asks"))
    if not items:
        return Rendered(asks=asks)
    outside = any(kind in {"begin", "commit"} for kind, _ in items)
    parts = _with_transactions([*before, *items]) if outside else (_text(*item) for item in (*before, *items))
    return Rendered(sql="\n\n".join(parts) + "\n", outside=outside, asks=asks)


def _with_transactions(items: list[list[str]]) -> Iterator[str]:
    """Offline mode begins in a transaction, which `autocommit_block` interrupts; those without a statement go."""
    within = True
    for between, group in itertools.groupby(items, key=lambda item: item[0] in {"begin", "commit"}):
        found = list(group)
        if between:
            within = found[-1][0] == "begin"
        elif within:
            yield "\n\n".join(("BEGIN;", *(_text(*item) for item in found), "COMMIT;"))
        else:
            yield from (_text(*item) for item in found)


def _text(kind: str, text: str) -> str:
    """A statement with its end, which a comment in its last line must not swallow."""
    text = text.strip("\n").rstrip()
    if kind != "sql":
        return text
    if "--" in text.rpartition("\n")[2]:
        return f"{text}\n;"
    return text if text.endswith(";") else f"{text};"
