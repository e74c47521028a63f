"""goose: `-- +goose Up` and `-- +goose Down` in one file."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import divided

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.formats.annotated import Line
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<version>\d+)_(?P<name>.+)\.sql", re.ASCII | re.DOTALL)
_MARK = re.compile(r"(?P<indent>[ \t]*)--[ \t]*\+goose\b(?P<words>.*)", re.IGNORECASE)
_KNOWN = ("up", "down", "statementbegin", "statementend", "no transaction", "envsub on", "envsub off")


class Goose(Format):
    """`NO TRANSACTION` counts for the whole file; `StatementBegin` and `StatementEnd` are not needed."""

    name = "goose"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """A number, `_` and a name."""
        match = _NAME.fullmatch(file_name)
        return match and Claim(match["version"], match["name"])

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Up to the Down mark is up, the rest is down."""
        from dbops.migrations.formats import annotated

        annotated.refuse_others(up, self.name)
        found = _marks(up)
        begins = {word: line for line, word in found if word in {"up", "down"}}
        if "up" not in begins:
            raise annotated.refused(
                up, 1, "no line says -- +goose Up", "write one before the first statement"
            )
        annotated.refuse_statements(up, begins["up"].start, "-- +goose Up")
        ends = [line for line, word in found if word == "statementend"]
        middle = begins["down"].start if "down" in begins else len(up.text)
        undo = annotated.section(up, begins["down"].end, len(up.text), ends) if "down" in begins else None
        alone = any(word == "no transaction" for _, word in found)
        do = annotated.section(up, begins["up"].end, middle, ends)
        return annotated.migration(file, up, do, undo, up_alone=alone, down_alone=alone)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """One file with both marks."""
        return {f"{version}_{name}.sql": divided(version, name, "-- +goose Up", "-- +goose Down")}


def _marks(source: Text) -> list[tuple[Line, str]]:
    """The lines with annotations, and what each says.

    :raises DbopsError: for one that goose would refuse, and for ENVSUB ON, which is not done here.
    """
    from dbops.migrations.formats.annotated import lines, refused

    found: list[tuple[Line, str]] = []
    for line in lines(source.text):
        match = _MARK.fullmatch(line.text)
        if match is None:
            continue
        word = " ".join(match["words"].lower().split())
        if match["indent"]:
            raise refused(source, line.number, "white space before a mark of goose", "take it out")
        if word not in _KNOWN:
            raise refused(
                source, line.number, f"goose knows no +goose{match['words'].rstrip()}", "mend the line"
            )
        if word == "envsub on":
            raise refused(
                source,
                line.number,
                "+goose ENVSUB ON: variables of the environment are not put into migrations here",
                "write the values into the file, and take the line out",
            )
        _refuse_misplaced(source, line, word, [known for _, known in found])
        found.append((line, word))
    opened = [line for line, word in found if word.startswith("statement")]
    if len(opened) % 2:
        raise refused(source, opened[-1].number, "this StatementBegin has no StatementEnd", "write one")
    return found


def _refuse_misplaced(source: Text, line: Line, word: str, before: list[str]) -> None:
    from dbops.migrations.formats.annotated import refused

    inside = before.count("statementbegin") > before.count("statementend")
    if word in {"up", "down"} and word in before:
        raise refused(source, line.number, f"a second +goose {word.title()}", "a file has one of each")
    if word in {"down", "statementbegin"} and "up" not in before:
        raise refused(source, line.number, f"+goose {word.title()} before +goose Up", "Up comes first")
    if inside and word in {"up", "down", "statementbegin"}:
        raise refused(source, line.number, "the statement before has no +goose StatementEnd", "write one")
    if word == "statementend" and not inside:
        raise refused(source, line.number, "+goose StatementEnd without its StatementBegin", "take it out")
