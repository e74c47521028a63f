"""dbmate: `-- migrate:up` and `-- migrate:down` in one file, each with its own options."""

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

_NAME = re.compile(r"(?P<version>\d+)(?P<name>.*)\.sql", re.ASCII | re.DOTALL)
_MARK = re.compile(r"--[ \t]*migrate:(?P<word>up|down)(?P<options>\s.*)?")


class Dbmate(Format):
    """Both marks are required; `transaction:false` behind one of them counts for its section."""

    name = "dbmate"
    order = "text"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Digits, and whatever follows them."""
        match = _NAME.fullmatch(file_name)
        return match and Claim(match["version"], match["name"].lstrip("_-. ") or match["version"])

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Up to the down mark is up, the rest is down."""
        from dbops.migrations.formats import annotated

        annotated.refuse_others(up, self.name)
        found = _marks(up)
        for word in ("up", "down"):
            if word not in found:
                raise annotated.refused(
                    up, 1, f"no line says -- migrate:{word}", "dbmate asks for both marks"
                )
        (first, up_alone), (second, down_alone) = found["up"], found["down"]
        if second.start < first.start:
            raise annotated.refused(up, second.number, "migrate:down before migrate:up", "up comes first")
        annotated.refuse_statements(up, first.start, "-- migrate:up")
        do = annotated.section(up, first.end, second.start)
        undo = annotated.section(up, second.end, len(up.text))
        return annotated.migration(file, up, do, undo, up_alone=up_alone, down_alone=down_alone)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """One file with both marks."""
        return {
            f"{version}{separator(like)}{name}.sql": divided(
                version, name, "-- migrate:up", "-- migrate:down"
            )
        }


def _marks(source: Text) -> dict[str, tuple[Line, bool]]:
    """Where each section begins, and whether it is to run without a transaction.

    :raises DbopsError: for a second section of a kind, and for options that dbmate does not have.
    """
    from dbops.migrations.formats.annotated import lines, refused

    found: dict[str, tuple[Line, bool]] = {}
    for line in lines(source.text):
        match = _MARK.fullmatch(line.text)
        if match is None:
            continue
        options = (match["options"] or "").split()
        wrong = [option for option in options if option not in {"transaction:false", "transaction:true"}]
        if wrong:
            raise refused(
                source, line.number, f"{wrong[0]!r} is no option of dbmate", "known is transaction:false"
            )
        if match["word"] in found:
            raise refused(
                source,
                line.number,
                f"a second migrate:{match['word']}; dbmate does not get through such a file",
                "move the rest into a migration of its own",
            )
        found[match["word"]] = line, "transaction:false" in options
    return found
