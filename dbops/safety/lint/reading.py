"""Migrations as rules see them: their sections, each statement with its tree, and how the up section runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from dbops.engines.dialect import by_name
from dbops.engines.postgres.libpg_query import Refusal
from dbops.engines.postgres.nodes import Node
from dbops.engines.statements import Statement
from dbops.errors import DbopsError
from dbops.migrations import report, texts
from dbops.migrations.content import FileSettings, Section
from dbops.migrations.model import MigrationFile, Status
from dbops.migrations.prepare import split
from dbops.migrations.script import Mode, Script, ScriptError, plan_script

_LARGEST = 1_000_000
"""Characters of a statement from which on it is data, and no rule looks at it."""


@dataclasses.dataclass(frozen=True)
class Parsed:
    """A statement and its tree: the type of its node, and the node.  Without a tree, `kind` is empty."""

    statement: Statement
    kind: str
    node: Node
    refusal: Refusal | None = None

    @property
    def offset(self) -> int:
        """Characters before it in its section."""
        return self.statement.offset


@dataclasses.dataclass(frozen=True)
class Part:
    """One section; `down` says which."""

    section: Section
    statements: tuple[Parsed, ...]
    down: bool = False

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column in the file of a character of the section."""
        return report.place(self.section, offset)


@dataclasses.dataclass(frozen=True)
class File:
    """One migration, `number` its place among those that are looked at.

    :param script: how its up section runs; None for code.
    """

    number: int
    file: MigrationFile
    is_applied: bool
    up: Part
    down: Part | None
    script: Script | None
    settings: FileSettings

    @property
    def is_code(self) -> bool:
        """Whether it runs Python, which nobody can foresee."""
        return self.up.section.code is not None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Both sections, as far as they are there."""
        return (self.up,) if self.down is None else (self.up, self.down)

    @property
    def transactions(self) -> Iterator[tuple[Parsed, ...]]:
        """What of the up section runs in one transaction, where that is more than a statement."""
        if self.script is None:
            return
        known = {one.offset: one for one in self.up.statements}
        for unit in self.script.units:
            together = not unit.alone and (self.script.mode is Mode.TRANSACTION or unit.begin is not None)
            if together:
                yield tuple(known[statement.offset] for statement in unit.statements)


def read(number: int, status: Status) -> File:
    """A migration with a file, read.

    :raises DbopsError: it cannot be read or run, with file, line and column where there is one.
    """
    file = status.file
    assert file is not None  # only those are looked at
    migration = texts.read(file)
    settings = migration.up_settings
    up = _part(migration.up)
    down = None
    if migration.down is not None:
        down = dataclasses.replace(_part(migration.down), down=True)
        _script(down, migration.down_settings)  # for what is raised
    return File(number, file, status.is_applied, up, down, _script(up, settings), settings)


def _part(section: Section) -> Part:
    if section.code is not None:
        return Part(section, ())
    return Part(section, tuple(map(_parsed, split(section).statements)))


def _parsed(statement: Statement) -> Parsed:
    if len(statement.text) > _LARGEST:
        return Parsed(statement, "", {})
    try:
        tree = by_name(statement.dialect).tree(statement.text)
    except Refusal as refusal:
        return Parsed(statement, "", {}, refusal)
    return Parsed(statement, *(tree or ("", {})))


def _script(part: Part, settings: FileSettings) -> Script | None:
    if part.section.code is not None:
        return None
    try:
        return plan_script([one.statement for one in part.statements], no_transaction=settings.no_transaction)
    except ScriptError as error:
        line, column = part.place(error.offset)
        raise DbopsError(f"{part.section.label}:{line}:{column}: {error.message}", hint=error.hint) from None
