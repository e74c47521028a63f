"""sqlx: `1_x.sql` with no way back, or `1_x.up.sql` with `1_x.down.sql`; `-- no-transaction` as a file's beginning."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import down_text, up_text
from dbops.migrations.formats.pairs import parse_pair

if TYPE_CHECKING:
    from dbops.migrations.content import FileSettings, Migration, Text
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<version>\d+)_(?P<name>.+?)(?:\.(?P<direction>up|down))?\.sql", re.ASCII | re.DOTALL)


class Sqlx(Format):
    """A file is a section as a whole."""

    name = "sqlx"
    up_beside_down = "no .up.sql beside it"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """A number, `_` and a name."""
        match = _NAME.fullmatch(file_name)
        return match and Claim(match["version"], match["name"], Direction(match["direction"] or "up"))

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Both files as they are."""
        migration = parse_pair(file, up, down)
        return dataclasses.replace(
            migration,
            up_settings=_settings(migration.up_settings, up),
            down_settings=_settings(migration.down_settings, down),
        )

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """A pair; one file where the folder has such."""
        if like and not like.file_name.endswith(f".{Direction.UP.value}.sql"):
            return {f"{version}_{name}.sql": up_text(version, name)}
        return {
            f"{version}_{name}.up.sql": up_text(version, name),
            f"{version}_{name}.down.sql": down_text(version, name),
        }


def _settings(found: FileSettings, source: Text | None) -> FileSettings:
    alone = source is not None and source.text.startswith("-- no-transaction")
    return dataclasses.replace(found, no_transaction=True) if alone else found
