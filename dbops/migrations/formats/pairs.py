"""`001_domain.up.sql` with `001_domain.down.sql`: one file per direction (golang-migrate's names)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.migrations.formats.base import Claim, Plain
from dbops.migrations.formats.naming import down_text, separator, up_text

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(
    r"(?P<version>\d+(?:\.\d+)*)[_-](?P<name>.+)\.(?P<direction>up|down)\.sql", re.ASCII | re.DOTALL
)


class Pairs(Plain):
    """A file per direction; the down file may be missing."""

    name = "pairs"
    up_beside_down = "no .up.sql beside it"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Names that end in `.up.sql` or `.down.sql`."""
        match = _NAME.fullmatch(file_name)
        return match and Claim(match["version"], match["name"], Direction(match["direction"]))

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Each file is a section as a whole.

        :raises DbopsError: where a file carries the mark of the other direction, whose part must not run with it.
        """
        return parse_pair(file, up, down)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """An up and a down file, each with its header."""
        stem = f"{version}{separator(like)}{name}"
        return {f"{stem}.up.sql": up_text(version, name), f"{stem}.down.sql": down_text(version, name)}


def parse_pair(file: MigrationFile, up: Text, down: Text | None) -> Migration:
    """Two files, each of which is a section as a whole; the second may be missing.

    :raises DbopsError: where a file carries the mark of the other direction.
    """
    from dbops.migrations.content import FileSettings, Migration, Section
    from dbops.migrations.formats import cutting, marks, reading

    sections = marks.sections(up)
    cutting.refuse_mark(up, sections, Direction.DOWN)
    if down is not None:
        cutting.refuse_mark(down, marks.sections(down), Direction.UP)
    has_down = down is not None and not reading.is_empty(down.text, down.dialect)
    return Migration(
        file=file,
        up=Section(up.text, up.path, statements=sections.statements, dialect=up.dialect),
        down=Section(down.text, down.path, dialect=down.dialect) if down and has_down else None,
        raw_checksum=up.raw_checksum,
        description=sections.header.get("description"),
        up_settings=sections.settings,
        down_settings=marks.sections(down).settings if down else FileSettings(),
    )


def outside_transactions(migration: Migration) -> Migration:
    """The same, with neither section in a transaction: for formats that say it of both at once."""
    return dataclasses.replace(
        migration,
        up_settings=dataclasses.replace(migration.up_settings, no_transaction=True),
        down_settings=dataclasses.replace(migration.down_settings, no_transaction=True),
    )
