"""The project folder and `[tool.dbops]` in its pyproject.toml."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dbops.config.model import Setting
from dbops.errors import ConfigError

_TEXT = (
    "database",
    "test-database",
    "database-url",
    "migrations-dir",
    "backups-dir",
    "seeds-dir",
    "tracking-table",
    "format",
    "server",
    "schema-file",
    "analyze-after",
    "alembic-ini",
    "alembic-python",
)
_TIMES = ("lock-timeout", "statement-timeout", "deadline")
_LISTS = ("extensions", "drift-ignore")
BACKUP = "backup-before-migrate"
REHEARSAL = "require-rehearsal"
HOOKS = "hooks"
CHECKS = "checks"
KNOWN = (*_TEXT, *_TIMES, *_LISTS, BACKUP, REHEARSAL, HOOKS, CHECKS)
KNOWN_HOOKS = tuple(
    f"{when}-{work}" for work in ("migrate", "backup", "restore", "seed") for when in ("before", "after")
)
_MARKS = (".dbops", ".env", ".git")


@dataclasses.dataclass(frozen=True)
class Project:
    """The project folder and what its pyproject.toml says about dbops, types checked."""

    folder: Path
    table: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)

    def text(self, key: str) -> Setting[str] | None:
        """A text (or a time, which may be a number too) with its place; None where it is not given."""
        return None if key not in self.table else Setting(str(self.table[key]), place(key))

    def texts(self, key: str) -> Setting[tuple[str, ...]] | None:
        """A list of texts with its place; None where it is not given."""
        return None if key not in self.table else Setting(tuple(self.table[key]), place(key))


def place(key: str) -> str:
    """The origin of a key of `[tool.dbops]`, in words."""
    return f"pyproject.toml [tool.dbops] {key}"


def find(environ: Mapping[str, str], cwd: Path) -> Project:
    """The project: DBOPS_PROJECT, else the nearest folder upwards that looks like one, else `cwd`.

    A folder looks like one when its pyproject.toml has `[tool.dbops]`, or when
    it holds `.dbops`, a file `.env`, or `.git`.

    :raises ConfigError: DBOPS_PROJECT is no folder, or `[tool.dbops]` is wrong.
    """
    if given := environ.get("DBOPS_PROJECT"):
        folder = cwd.absolute() / given
        if not folder.is_dir():
            raise ConfigError(
                f"{folder}, from environment variable DBOPS_PROJECT, is not a folder",
                hint="set DBOPS_PROJECT to the project's folder, or unset it",
            )
        return Project(folder, _table(folder) or {})
    for folder in (cwd.absolute(), *cwd.absolute().parents):
        table = _table(folder)
        if table is not None or any(_marks(folder / name) for name in _MARKS):
            return Project(folder, table or {})
    return Project(cwd.absolute())


def _marks(path: Path) -> bool:
    # A folder named .env is a virtual environment and says nothing.  os.path, unlike
    # Path, takes what lies behind a folder without permission for absent.
    return os.path.exists(path) and (path.name != ".env" or not os.path.isdir(path))


def _table(folder: Path) -> dict[str, Any] | None:
    """`[tool.dbops]` of a folder's pyproject.toml, checked; None where there is none."""
    path = folder / "pyproject.toml"
    if not os.path.isfile(path):
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        hint = "make it readable for the account that runs this"
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if b"dbops" not in content:  # saves the 12 ms of importing tomllib, and other tools' mistakes are theirs
        return None
    tool = parsed(path, content).get("tool", {})
    if not isinstance(tool, dict) or "dbops" not in tool:
        return None
    table = tool["dbops"]
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: tool.dbops is not a table", hint="begin it with the line [tool.dbops]")
    _check(path, table)
    return table


def parsed(path: Path, content: bytes) -> dict[str, Any]:
    """A TOML file as data.

    :raises ConfigError: with the place, where it is not TOML.
    """
    import tomllib

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} line {line} is not UTF-8", hint="save the file as UTF-8") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} {_toml_problem(str(error), text)}", hint=f"mend that line of {path}"
        ) from None


def _toml_problem(message: str, text: str) -> str:
    """The parser's words with line and column in front, also where it says "at end of document"."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if found:
        return f"line {found[2]}, column {found[3]}: {found[1]}"
    lines = text.split("\n")
    return f"line {len(lines)}, column {len(lines[-1]) + 1}: {message.removesuffix(' (at end of document)')}"


def _check(path: Path, table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if key not in KNOWN:
            raise ConfigError(f"{path} [tool.dbops] has an unknown key {key!r}", hint=_closest(key))
        if (wanted := _wanted(key, value)) is not None:
            raise ConfigError(f"{path} [tool.dbops] {key} is not {wanted}", hint=f"write it as {wanted}")
    for name, line in table.get(HOOKS, {}).items():
        where = f"{path} [tool.dbops.{HOOKS}]"
        if name not in KNOWN_HOOKS:
            raise ConfigError(f"{where} has an unknown hook {name!r}", hint=_closest(name, KNOWN_HOOKS))
        if not (isinstance(line, str) and line.strip()):
            raise ConfigError(f"{where} {name} is not a command line", hint='write it in quotes: "make ..."')
        if "\0" in line:
            raise ConfigError(f"{where} {name} holds a NUL character", hint="leave it out")


def _wanted(key: str, value: object) -> str | None:
    """What a key's value should have been; None where it is that."""
    if key in _TEXT and not (isinstance(value, str) and value):
        return "a text in quotes"
    if key in _TIMES and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
        return 'a time such as "5s" or a number of seconds'
    if key == BACKUP and not isinstance(value, (bool, str, int, float)):
        return 'true, false, or how old it may be, such as "30min"'
    if key == REHEARSAL and not isinstance(value, bool):
        return "true or false"
    if key in _LISTS and not (
        isinstance(value, list) and all(isinstance(item, str) and item for item in value)
    ):
        return 'a list of texts such as ["pg_trgm"]'
    if key in {HOOKS, CHECKS} and not isinstance(value, dict):
        return f"a table, begun with the line [tool.dbops.{key}]"
    return None


def _closest(key: str, known: Sequence[str] = KNOWN) -> str:
    import difflib

    close = difflib.get_close_matches(key.replace("_", "-").lower(), known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return "known are " + ", ".join(known)
