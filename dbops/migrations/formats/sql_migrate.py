"""sql-migrate: `-- +migrate Up` and `-- +migrate Down` in one file, `notransaction` behind either."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import divided, separator

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.formats.annotated import Line
    from dbops.migrations.model import MigrationFile

_NUMBERED = re.compile(r"(?P<version>\d+)[_-]?(?P<name>.*)\.sql", re.ASCII | re.DOTALL)
_PREFIX = "-- +migrate "
_WORDS = {"Up", "Down", "StatementBegin", "StatementEnd"}


class SqlMigrate(Format):
    """Files with a number come first, in its order; the others follow by name."""

    name = "sql-migrate"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Any `.sql` file; without a number its name is its version."""
        if match := _NUMBERED.fullmatch(file_name):
            return Claim(match["version"], match["name"] or match["version"])
        stem = file_name.removesuffix(".sql")
        return Claim(stem, stem) if stem and stem != file_name else None

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Up to the Down mark is up, the rest is down."""
        from dbops.migrations.formats import annotated

        annotated.refuse_others(up, self.name)
        marks, ends = _marks(up)
        if "Up" not in marks:
            raise annotated.refused(
                up, 1, "no line says -- +migrate Up", "write one before the first statement"
            )
        first, second = marks["Up"][0], marks.get("Down", (None, False))[0]
        if second and second.start < first.start:
            raise annotated.refused(up, second.number, "+migrate Down before +migrate Up", "Up comes first")
        annotated.refuse_statements(up, first.start, "-- +migrate Up")
        do = annotated.section(up, first.end, second.start if second else len(up.text), ends)
        undo = annotated.section(up, second.end, len(up.text), ends) if second else None
        return annotated.migration(
            file, up, do, undo, up_alone=marks["Up"][1], down_alone=bool(second) and marks["Down"][1]
        )

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """One file with both marks."""
        return {
            f"{version}{separator(like) if like else '-'}{name}.sql": divided(
                version, name, "-- +migrate Up", "-- +migrate Down"
            )
        }


def _marks(source: Text) -> tuple[dict[str, tuple[Line, bool]], list[Line]]:
    """Where each section begins, and whether without a transaction; and the lines that end a statement.

    :raises DbopsError: for a mark that sql-migrate does not have, and for a second one of a kind.
    """
    from dbops.migrations.formats.annotated import lines, refused

    found: dict[str, tuple[Line, bool]] = {}
    ends: list[Line] = []
    for line in lines(source.text):
        if not line.text.startswith(_PREFIX):
            continue
        word, *options = line.text.removeprefix(_PREFIX).split() or [""]
        if word not in _WORDS or set(options) - {"notransaction"}:
            raise refused(
                source, line.number, f"sql-migrate knows no {line.text[3:].strip()}", "mend the line"
            )
        if word in found:
            raise refused(source, line.number, f"a second +migrate {word}", "a file has one of each")
        if word == "StatementEnd":
            ends.append(line)
        elif word != "StatementBegin":
            found[word] = line, bool(options)
    return found, ends
