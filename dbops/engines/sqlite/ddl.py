"""What a CREATE TABLE says that no PRAGMA tells: checks, generated columns, collations, names of constraints.

SQLite offers its parser to nobody, so the definition is read by its tokens: what stands between the commas of the
outermost parentheses, and in it the clauses by their keywords.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

from dbops.engines.sqlite.tokens import Token, tokens

OF_TABLE = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
"""What a constraint of the table begins with, unlike a column."""


@dataclasses.dataclass(frozen=True)
class Clause:
    """A constraint with an expression.  `name` is empty where it has none."""

    name: str
    expression: str


@dataclasses.dataclass(frozen=True)
class Definition:
    """A table as it was defined.

    :param columns: their names, in order.
    :param checks: CHECK constraints, those of columns too.
    :param generated: expressions of generated columns, by name.
    :param references: names of foreign keys, by their own columns.
    """

    columns: tuple[str, ...] = ()
    checks: tuple[Clause, ...] = ()
    generated: dict[str, str] = dataclasses.field(default_factory=dict)
    references: dict[tuple[str, ...], str] = dataclasses.field(default_factory=dict)
    autoincrement: bool = False
    without_rowid: bool = False
    strict: bool = False


@functools.lru_cache(maxsize=1_000)
def read_table(sql: str) -> Definition:
    """Read a CREATE TABLE as `sqlite_master` has it; empty for CREATE TABLE ... AS, which has no constraints."""
    every = list(tokens(sql))
    opening = next((at for at, token in enumerate(every) if token.text == "("), None)
    if opening is None:
        return Definition()
    end = closing(every, opening)
    read = [_Part(sql, part) for part in parts(every[opening + 1 : end])]
    ends = {token.word for token in every[end + 1 :]}
    return Definition(
        tuple(part.column for part in read if part.column),
        tuple(check for part in read for check in part.checks()),
        {part.column: expression for part in read if (expression := part.generated()) is not None},
        {columns: name for part in read for columns, name in part.references()},
        any(token.word == "AUTOINCREMENT" for token in every[opening:end]),
        "WITHOUT" in ends,
        "STRICT" in ends,
    )


def read_index(sql: str, *, collated: bool = False) -> tuple[list[str], str | None]:
    """The entries of a CREATE INDEX as they are written, and its WHERE.

    :param collated: with their collations.
    """
    every = list(tokens(sql))
    on = next(at for at, token in enumerate(every) if token.word == "ON")
    opening = next(at for at in range(on, len(every)) if every[at].text == "(")
    end = closing(every, opening)
    entries = [
        _text(sql, _without_order(part, collated=collated)) for part in parts(every[opening + 1 : end])
    ]
    after = every[end + 1 :]
    return entries, _text(sql, after[1:]) if after and after[0].word == "WHERE" else None


def acts_on_insert(sql: str) -> bool:
    """Whether a CREATE TRIGGER is for INSERT."""
    words = [token.word for token in tokens(sql)]
    before = words[: words.index("ON")] if "ON" in words else words
    return "INSERT" in before


def is_virtual(sql: str) -> bool:
    """Whether it is a CREATE VIRTUAL TABLE."""
    return [token.word for token in tokens(sql)][1:2] == ["VIRTUAL"]


class _Part:
    """A column, or a constraint of the table."""

    def __init__(self, sql: str, part: Sequence[Token]) -> None:
        self._sql, self._tokens = sql, part
        self._is_constraint = part[0].word in OF_TABLE
        self.column = "" if self._is_constraint else part[0].name

    def checks(self) -> Iterator[Clause]:
        for at, token, name in self._outermost():
            if token.word == "CHECK":
                yield Clause(name, self._within(at + 1))

    def generated(self) -> str | None:
        if not self._is_constraint:
            for at, token, _ in self._outermost():
                if token.word == "AS":
                    return self._within(at + 1)
        return None

    def references(self) -> Iterator[tuple[tuple[str, ...], str]]:
        for at, token, name in self._outermost():
            if token.word == "FOREIGN" and name:
                yield tuple(one.name for one in self._inner(at + 2) if one.text != ","), name
            elif token.word == "REFERENCES" and name and not self._is_constraint:
                yield (self.column,), name

    def _outermost(self) -> Iterator[tuple[int, Token, str]]:
        """The tokens outside of parentheses, each with the name that CONSTRAINT has given to what it is in."""
        depth, name = 0, ""
        for at, token in enumerate(self._tokens):
            depth -= token.text == ")"
            if depth == 0:
                if at and self._tokens[at - 1].word == "CONSTRAINT":
                    name = token.name
                else:
                    yield at, token, name
            depth += token.text == "("

    def _inner(self, opening: int) -> Sequence[Token]:
        return self._tokens[opening + 1 : closing(self._tokens, opening)]

    def _within(self, opening: int) -> str:
        return _text(self._sql, self._inner(opening))


def parts(inner: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """What stands between commas that are in no parentheses."""
    depth, start = 0, 0
    for at, token in enumerate(inner):
        depth += (token.text == "(") - (token.text == ")")
        if token.text == "," and depth == 0:
            yield inner[start:at]
            start = at + 1
    if inner[start:]:
        yield inner[start:]


def closing(every: Sequence[Token], opening: int) -> int:
    """Where the parenthesis ends that begins at a place; the end where it does not."""
    depth = 0
    for at in range(opening, len(every)):
        depth += (every[at].text == "(") - (every[at].text == ")")
        if depth == 0:
            return at
    return len(every)


def _without_order(entry: Sequence[Token], *, collated: bool) -> Sequence[Token]:
    while len(entry) > 1 and entry[-1].word in {"ASC", "DESC"}:
        entry = entry[:-1]
    return entry[:-2] if not collated and len(entry) > 2 and entry[-2].word == "COLLATE" else entry


def _text(sql: str, part: Sequence[Token]) -> str:
    return sql[part[0].start : part[-1].end] if part else ""
