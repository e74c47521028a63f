"""yandex-pgmigrate: `V0001__Description.sql`, up only; `NONTRANSACTIONAL` in the name."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import up_text
from dbops.migrations.formats.pairs import parse_pair

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"V(?P<version>\d+)__(?P<name>.+)\.sql", re.ASCII | re.DOTALL)


class Pgmigrate(Format):
    """A file is the up section as a whole, in UTF-8 whether it says so or not."""

    name = "pgmigrate"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """`V`, a number, two `_` and a description."""
        match = _NAME.fullmatch(file_name)
        return match and Claim(match["version"], match["name"], Direction.UP)

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """All of it."""
        migration = parse_pair(file, up, down)
        if "NONTRANSACTIONAL" not in file.name:
            return migration
        settings = dataclasses.replace(migration.up_settings, no_transaction=True)
        return dataclasses.replace(migration, up_settings=settings)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """One file."""
        return {f"V{version}__{name}.sql": up_text(version, name)}
