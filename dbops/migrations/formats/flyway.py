"""Flyway: `V1_1__x.sql` with `U1_1__x.sql` to undo it, `R__x.sql` that runs again when it has changed.

`${placeholders}`, and `x.sql.conf` beside a file.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.errors import ConfigError, DbopsError
from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import down_text, up_text
from dbops.migrations.formats.pairs import parse_pair

if TYPE_CHECKING:
    from dbops.migrations.content import FileSettings, Migration, Section, Text
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<kind>[VU])(?P<version>\d+(?:[._]\d+)*)__(?P<name>.+)\.sql", re.ASCII | re.DOTALL)
_REPEATABLE = re.compile(r"(?P<version>R__(?P<name>.+))\.sql", re.DOTALL)
_BASELINE = re.compile(r"B\d[\d._]*__.+\.sql", re.ASCII | re.DOTALL)
_CALLBACK = re.compile(r"(?:before|after)[A-Z][A-Za-z]*(?:__.+)?\.sql", re.DOTALL)
_PLACE = re.compile(r"\$\{([^}\n]+)\}")
_CONF = {"executeInTransaction", "placeholderReplacement", "encoding"}


class Flyway(Format):
    """Files anywhere below the folder; what would run besides versioned migrations is refused."""

    name = "flyway"
    layout = "tree"
    up_beside_down = "no V file of its version"
    has_placeholders = True

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """`V` or `U`, the version with `.` or `_` between its parts, two `_` and a name; `R__` and a name."""
        base = file_name.rpartition("/")[2]
        if again := _REPEATABLE.fullmatch(base):
            return Claim(again["version"], again["name"], Direction.UP)
        match = _NAME.fullmatch(base)
        if match is None:
            return None
        direction = Direction.UP if match["kind"] == "V" else Direction.DOWN
        return Claim(match["version"].replace("_", "."), match["name"], direction)

    def check(self, folder: Path, names: Collection[str]) -> None:
        """Baseline migrations and callbacks: Flyway would run them."""
        for name in sorted(names):
            base = name.rpartition("/")[2]
            for pattern, what, hint in (
                (_BASELINE, "a baseline migration", "move it out of the folder; the V files say the same"),
                (_CALLBACK, "a callback", "move it out of the folder, and run it by other means"),
            ):
                if pattern.fullmatch(base):
                    raise ConfigError(
                        f"{os.path.join(folder, name)} is {what}, which is not run here", hint=hint
                    )

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Each file is a section as a whole."""
        migration = parse_pair(file, up, down)
        return dataclasses.replace(
            migration,
            up_settings=_settings(migration.up_settings, up.path),
            down_settings=_settings(migration.down_settings, down.path if down else None),
        )

    def expand(self, section: Section, variables: Mapping[str, str]) -> Section:
        """`${name}`, in any case and wherever it stands, unless the file's `.conf` says that it has none."""
        from dbops.migrations.formats.placeholders import refused, replaced

        if section.path and _conf(section.path).get("placeholderReplacement") == "false":
            return section
        values = {name.lower(): value for name, value in variables.items()}

        def value(match: re.Match[str]) -> str:
            if match[1].lower() not in values:
                raise refused(section, section.sql, match.start(), match[0], match[1])
            return values[match[1].lower()]

        return replaced(section, _PLACE.sub(value, section.sql))

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """A versioned migration beside the newest, and the one that undoes it where the newest has one."""
        place, _, base = like.file_name.rpartition("/") if like else ("", "", "")
        beside = f"{place}/" if place else ""
        written = _NAME.fullmatch(base)
        dot = "_" if written and "_" in written["version"] else "."
        stem = f"{version.replace('.', dot)}__{name}.sql"
        files = {f"{beside}V{stem}": up_text(version, name)}
        if written is None or (like and like.down_name):
            files[f"{beside}U{stem}"] = down_text(version, name)
        return files


def _settings(found: FileSettings, path: Path | None) -> FileSettings:
    alone = path is not None and _conf(path).get("executeInTransaction") == "false"
    return dataclasses.replace(found, no_transaction=True) if alone else found


def _conf(sql: Path) -> dict[str, str]:
    """What the `.conf` of a file says.

    :raises DbopsError: for a setting that has no meaning here, or an encoding other than UTF-8.
    """
    path = sql.with_name(f"{sql.name}.conf")
    if not path.exists():
        return {}
    from dbops.migrations.texts import read_text

    found: dict[str, str] = {}
    for number, line in enumerate(read_text(path).text.splitlines(), 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if name not in _CONF or not equals or (name == "encoding" and value.upper() != "UTF-8"):
            raise DbopsError(
                f"{path}:{number}: {line.strip()!r} has no meaning here",
                hint=f"known are {', '.join(sorted(_CONF))}; all files are UTF-8",
            )
        found[name] = value.lower()
    return found
