"""node-pg-migrate's `.sql` files: `-- Up Migration` and `-- Down Migration`; without marks all is up."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import divided, separator

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.formats.annotated import Line
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<version>\d+)[_-](?P<name>.+)\.sql", re.ASCII | re.DOTALL)
_MARK = re.compile(r"\s*--[\s-]*(up|down)\s+migration", re.IGNORECASE)


class NodePgMigrate(Format):
    """Either section may come first."""

    name = "node-pg-migrate"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """A number (milliseconds, or a time of 17 digits), `_` or `-`, and a name."""
        match = _NAME.fullmatch(file_name)
        return match and Claim(match["version"], match["name"])

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """From a mark to the other one, or to the end."""
        from dbops.migrations.formats import annotated

        annotated.refuse_others(up, self.name)
        marks = _marks(up)
        end = len(up.text)
        if not marks:
            return annotated.migration(file, up, annotated.section(up, 0, end), None)
        first, second = marks.get(Direction.UP), marks.get(Direction.DOWN)
        if first is None:
            assert second is not None  # there is a mark
            raise annotated.refused(
                up,
                second.number,
                "a Down Migration without an Up Migration: what follows it would run with the rest",
                "write -- Up Migration before the first statement",
            )
        annotated.refuse_statements(up, min(line.start for line in marks.values()), "the first mark")
        up_end = second.start if second and second.start > first.start else end
        undo = None
        if second is not None:
            undo = annotated.section(up, second.end, first.start if first.start > second.start else end)
        return annotated.migration(file, up, annotated.section(up, first.end, up_end), undo)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """One file with both marks."""
        return {
            f"{version}{separator(like)}{name}.sql": divided(
                version, name, "-- Up Migration", "-- Down Migration"
            )
        }


def _marks(source: Text) -> dict[Direction, Line]:
    """:raises DbopsError: for a second mark of one direction."""
    from dbops.migrations.formats.annotated import lines, refused

    found: dict[Direction, Line] = {}
    for line in lines(source.text):
        if match := _MARK.match(line.text):
            direction = Direction(match[1].lower())
            if direction in found:
                raise refused(
                    source, line.number, f"a second {direction.value} migration", "a file has one of each"
                )
            found[direction] = line
    return found
