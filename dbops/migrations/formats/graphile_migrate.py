"""graphile-migrate's committed files: `000001-name.sql` with a header of `--!` lines; up only."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from dbops.errors import UsageError
from dbops.migrations.formats.base import Claim, Format

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Section, Text
    from dbops.migrations.formats.annotated import Line
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<version>\d{6,})(?:-(?P<name>.+))?\.sql", re.ASCII | re.DOTALL)
_ALONE = re.compile(r"--![ \t]*no-transaction\b.*")
_INCLUDE = re.compile(r"--![ \t]*include\b.*")
# What graphile-migrate puts in by itself.
_OWN = re.compile(r":DATABASE_(?:NAME|OWNER|AUTHENTICATOR|VISITOR)\b")


class GraphileMigrate(Format):
    """Placeholders such as `:DATABASE_OWNER` take their values from `--var DATABASE_OWNER=...`."""

    name = "graphile-migrate"
    has_placeholders = True

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Six digits or more, and a name where the message gave one."""
        match = _NAME.fullmatch(file_name)
        return match and Claim(match["version"], match["name"] or match["version"])

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """What follows the header."""
        from dbops.migrations.formats import annotated

        annotated.refuse_others(up, self.name)
        found = list(annotated.lines(up.text))
        if not found[0].text.startswith("--! Previous:"):
            raise annotated.refused(
                up,
                1,
                "no header of graphile-migrate, which begins with --! Previous:",
                "only committed migrations are read: graphile-migrate commit makes one",
            )
        body = _body(found)
        for line in body:
            if _INCLUDE.match(line.text):
                raise annotated.refused(
                    up,
                    line.number,
                    f"{line.text.strip()!r} is not followed here",
                    "put the file's text in its place",
                )
        alone = bool(body) and _ALONE.match(body[0].text) is not None
        start = body[0].start if body else len(up.text)
        do = annotated.section(up, start, len(up.text))
        return annotated.migration(file, up, do, None, up_alone=alone)

    def expand(self, section: Section, variables: Mapping[str, str]) -> Section:
        """`:NAME`, as text, wherever it stands."""
        from dbops.migrations.formats.placeholders import refused, replaced

        sql = section.sql
        if variables:
            names = "|".join(map(re.escape, sorted(variables, key=len, reverse=True)))
            sql = re.sub(rf":({names})\b", lambda match: variables[match[1]], sql)
        if left := _OWN.search(sql):
            raise refused(section, sql, left.start(), left[0], left[0][1:])
        return replaced(section, sql)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """:raises UsageError: always, for the header holds the hash of what came before."""
        raise UsageError(
            "a committed migration of graphile-migrate is made by its own commit",
            hint="write it into current.sql, then: graphile-migrate commit",
        )


def _body(found: list[Line]) -> list[Line]:
    """The lines behind the header: from the first that is neither blank nor a header's."""
    at = next((index for index, line in enumerate(found) if not line.text.startswith("--! ")), len(found))
    while at < len(found) and not found[at].text.strip():
        at += 1
    return found[at:]
