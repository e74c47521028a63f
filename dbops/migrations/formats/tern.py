"""tern: the line `---- create above / drop below ----` between both sections."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import up_text

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<version>\d+)_(?P<name>.+)\.sql", re.ASCII | re.DOTALL)
_MIDDLE = "---- create above / drop below ----"
_ALONE = re.compile(r"^---- tern: disable-tx ----\r?$", re.MULTILINE)


class Tern(Format):
    """`---- tern: disable-tx ----` counts for the section that it stands in; templates are refused."""

    name = "tern"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """A number, `_` and a name."""
        match = _NAME.fullmatch(file_name)
        return match and Claim(match["version"], match["name"])

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Above the line is up, below it down; without it there is no way back."""
        from dbops.migrations.formats import annotated

        annotated.refuse_others(up, self.name)
        middle = None
        for line in annotated.lines(up.text):
            if "{{" in line.text:
                raise annotated.refused(
                    up,
                    line.number,
                    f"a template of tern, {line.text[line.text.index('{{') :][:40]!r}, which is not expanded here",
                    "write the SQL that tern makes of it (an array may be written as ARRAY[...])",
                )
            if line.text.rstrip() == _MIDDLE:
                if middle is not None:
                    raise annotated.refused(up, line.number, f"a second {_MIDDLE}", "a file has one")
                middle = line
        do = annotated.section(up, 0, middle.start if middle else len(up.text))
        undo = annotated.section(up, middle.end, len(up.text)) if middle else None
        return annotated.migration(
            file, up, do, undo, up_alone=_alone(do.sql), down_alone=undo is not None and _alone(undo.sql)
        )

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """One file with the line between its sections."""
        return {f"{version}_{name}.sql": f"{up_text(version, name)}\n{_MIDDLE}\n\n"}


def _alone(sql: str) -> bool:
    return _ALONE.search(sql) is not None
