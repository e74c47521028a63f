"""The texts of a migration that was made: statements put into the new files of each format."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from dbops.engines.postgres import libpg_query
from dbops.engines.records import Direction
from dbops.migrations.creation import New
from dbops.safety.diff.model import Change, Script

# Tools that take a semicolon for a statement's end unless they are told.
_BRACKETS = {
    "goose": ("-- +goose StatementBegin", "-- +goose StatementEnd"),
    "sql-migrate": ("-- +migrate StatementBegin", "-- +migrate StatementEnd"),
}
# Where the sections are, in files that hold both.
_MIDDLES = {
    "goose": "-- +goose Down",
    "dbmate": "-- migrate:down",
    "sql-migrate": "-- +migrate Down",
    "node-pg-migrate": "-- Down Migration",
    "tern": "---- create above / drop below ----",
}
_GIVE_VALUES = {"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"}
_DOWN_IN_COMMENT = "/*\n\n*/\n"
_TO_UNCOMMENT = "-- To rollback, uncomment and run the following:\n"


@dataclasses.dataclass(frozen=True)
class Written:
    """A migration with its statements; `has_down` is false where the format, or this file of it, has no way back."""

    new: New
    has_down: bool


def filled(new: New, script: Script, notes: Sequence[str]) -> Written:
    """Put a script into the files of a new migration.

    :param notes: what the file says of itself above its statements, one sentence a line.
    """
    up = _Section(script.up, new.format, "".join(f"-- {_one_line(note)}\n" for note in notes))
    down = _Section(script.down, new.format)
    if new.format == "python-modules":
        texts = {path: _module(text, script, notes) for path, text in new.texts.items()}
        return Written(dataclasses.replace(new, texts=texts), has_down=True)
    files = list(new.texts)
    texts = {path: text for path, text in new.texts.items() if path.suffix != ".sql"}
    banners = _DOWN_IN_COMMENT in new.texts[files[0]]
    if new.format in _MIDDLES or banners:
        divide = _single if banners else _divided
        texts[files[0]] = divide(new.texts[files[0]], up, down)
        return Written(dataclasses.replace(new, texts=texts), has_down=True)
    sections = [path for path in files if path.suffix == ".sql"]
    for path, section in zip(sections, (up, down), strict=False):  # some formats have no way back
        texts[path] = new.texts[path] + section.text
    ordered = {path: texts[path] for path in files}
    return Written(dataclasses.replace(new, texts=ordered), has_down=len(sections) > 1)


@dataclasses.dataclass(frozen=True)
class _Section:
    """The statements of one direction."""

    changes: Sequence[Change]
    format: str
    notes: str = ""

    @property
    def text(self) -> str:
        """With comments, each statement with its semicolon."""
        begins = f"{self.notes}\n" if self.notes else ""
        return begins + "\n".join(self._statement(change) for change in self.changes)

    def _statement(self, change: Change) -> str:
        text = f"{change.sql.rstrip()};\n"
        brackets = _BRACKETS.get(self.format)
        if brackets and ";" in change.sql:
            text = f"{brackets[0]}\n{text}{brackets[1]}\n"
        return "".join(f"-- {line}\n" for line in warning(change)) + text


def warning(change: Change) -> Iterable[str]:
    """What stands above a statement that destroys something, or that runs only where a table has no rows."""
    if change.destructive:
        yield f"DESTRUCTIVE: {_one_line(change.destructive)} goes for good, with what is in it."
    for name in _without_value(change.sql):
        yield f"FAILS where the table has rows: the new column {_one_line(name)} is NOT NULL and has no default."


def _without_value(sql: str) -> Iterator[str]:
    """The columns that a statement adds to a table and that the rows of it could not have."""
    try:
        parsed = libpg_query.parse(sql.encode())
    except (libpg_query.Refusal, ValueError):
        return
    for one in parsed:
        for command in one["stmt"].get("AlterTableStmt", {}).get("cmds", ()):
            column = command["AlterTableCmd"].get("def", {}).get("ColumnDef", {})
            kinds = {each["Constraint"]["contype"] for each in column.get("constraints", ())}
            if "CONSTR_NOTNULL" in kinds and not kinds & _GIVE_VALUES:
                yield column["colname"]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _single(template: str, up: _Section, down: _Section) -> str:
    """The trading engine's: the down section in a comment, unless that would end within it."""
    begin, between, rest = template.partition("\n\n\n\n")
    text = f"{begin}\n\n{up.text}\n\n{rest}" if between else template
    undo = down.text
    if "*/" in undo or "/*" in undo:
        return text.replace(f"{_TO_UNCOMMENT}{_DOWN_IN_COMMENT}", undo)
    return text.replace(_DOWN_IN_COMMENT, f"/*\n{undo}*/\n")


def _divided(template: str, up: _Section, down: _Section) -> str:
    middle = _MIDDLES[up.format]
    begin, _, end = template.partition(middle)
    return f"{begin.rstrip()}\n\n{up.text}\n{middle}\n\n{down.text}{end.lstrip()}"


# -- Python modules ----------------------------------------------------------------------------------------------------


def _module(template: str, script: Script, notes: Sequence[str]) -> str:
    head = template.partition("\n\ndef up(")[0].rstrip("\n")
    parts = [head, "", *(f"# {_one_line(note)}" for note in notes)]
    return "\n".join(
        [*parts, *_function(Direction.UP, script.up), *_function(Direction.DOWN, script.down), ""]
    )


def _function(direction: Direction, changes: Sequence[Change]) -> list[str]:
    lines = ["", "", f"def {direction.value}(db):"]
    for change in changes:
        lines += [f"    # {line}" for line in warning(change)]
        lines.append(f"    db.execute({_literal(change.sql.strip())})")
    return lines if changes else [*lines, "    pass"]


def _literal(text: str) -> str:
    if "\\" in text or '"""' in text or text.endswith('"'):
        return repr(text)
    return f'"""{text}"""' if "\n" in text or '"' in text else f'"{text}"'
