"""An Alembic project's own configuration: `alembic.ini`, or `[tool.alembic]` of pyproject.toml."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops.config.model import Alembic, Setting
from dbops.config.project import Project, parsed
from dbops.errors import ConfigError

if TYPE_CHECKING:
    from configparser import ConfigParser

_INI = "alembic.ini"
_URL = re.compile(r"(postgres(?:ql)?|sqlite)(?:\+\w+)?(?=:)")


def find(found: Project, python: Setting[str] | None, cwd: Path) -> Alembic | None:
    """What the project says to Alembic; None where it does not use it.

    Of a setting that both files have, the ini file's counts, as it does for Alembic.

    :param python: the option's, which counts from `cwd`.

    :raises ConfigError: `alembic-ini` names a file that is not there, or one of the files cannot be read.
    """
    given = found.text("alembic-ini")
    ini = found.folder / (given.value if given else _INI)
    from_toml, from_ini = _toml(found.folder / "pyproject.toml"), _ini(ini, given)
    if not from_toml and not from_ini:
        return None
    folder = ini.parent if from_ini else found.folder
    values = {**from_toml, **from_ini}
    configured = found.text("alembic-python")
    program = _at(cwd, python) if python else configured and _at(found.folder, configured)
    return Alembic(folder, ini if from_ini else None, values, program)


def url(alembic: Alembic | None) -> Setting[str] | None:
    """`sqlalchemy.url` as other programs spell it; None where it is a placeholder, or another database's."""
    written = alembic and alembic.values.get("sqlalchemy.url")
    if not isinstance(written, str) or not (match := _URL.match(written)):
        return None
    assert alembic is not None  # it has a value
    origin = f"{alembic.ini.name if alembic.ini else 'pyproject.toml [tool.alembic]'} sqlalchemy.url"
    return Setting(match[1] + written[match.end() :], origin)


def _at(folder: Path, program: Setting[str]) -> Setting[str]:
    """A program by its path; a bare name is looked for in PATH."""
    return Setting(str(folder / program.value), program.origin) if "/" in program.value else program


def _ini(path: Path, given: Setting[str] | None) -> dict[str, str]:
    """The section `[alembic]`, interpolated; without the values that need what only Alembic is told."""
    if not os.path.isfile(path):
        if given:
            raise ConfigError(f"{path} is not there ({given.origin})", hint="name the project's alembic.ini")
        return {}
    import configparser

    parser = configparser.ConfigParser({"here": path.absolute().parent.as_posix()})
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    return _interpolated(parser) if parser.has_section("alembic") else {}


def _interpolated(parser: ConfigParser) -> dict[str, str]:
    from configparser import InterpolationError

    found = {}
    for name in parser.options("alembic"):
        try:
            found[name] = parser.get("alembic", name)
        except InterpolationError:  # %(DB_PASSWORD)s, which env.py puts in
            continue
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError:  # whoever needs the file says what is wrong
        return {}
    if b"tool.alembic" not in content:
        return {}
    table = parsed(path, content).get("tool", {}).get("alembic", {})
    return {name: _with_here(value, path.absolute().parent) for name, value in table.items()}


def _with_here(value: object, here: Path) -> object:
    """As Alembic replaces it; what else it would replace is none of the values that are read here."""
    if isinstance(value, list):
        return [_with_here(one, here) for one in value]
    if isinstance(value, str):
        return value.replace("%(here)s", here.as_posix()).replace("%%", "%")
    return value
