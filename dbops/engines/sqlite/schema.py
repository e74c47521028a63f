"""A schema with its definitions in one form, so that two ways to write the same thing are no difference.

`sqlite_schema` has the words of whoever made an object, as later ALTERs have changed them.  Here blanks, comments,
quotes of names and capitals do not count, nor the order of constraints, nor whether one stands with its column or
behind all of them.  The order of columns counts.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.engines.schema import Schema
from dbops.engines.sqlite.ddl import OF_TABLE, closing, is_virtual, parts
from dbops.engines.sqlite.tokens import Token, tokens

if TYPE_CHECKING:
    import sqlite3

_LOWER = str.maketrans(
    string.ascii_uppercase, string.ascii_lowercase
)  # of other letters SQLite tells capitals apart
_PLAIN = re.compile(r"[a-z_\u0080-\U0010ffff][a-z_0-9$\u0080-\U0010ffff]*")
_BEGINS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "COLLATE", "REFERENCES", "GENERATED"})
# These begin a constraint, too, unless they follow a word that they belong to.
_BELONGS_TO = {"NULL": {"NOT", "DEFAULT", "SET"}, "DEFAULT": {"SET"}, "AS": {"ALWAYS"}}


def read(connection: sqlite3.Connection, without: Collection[str]) -> Schema:
    """Tables, indexes, views and triggers at this moment, without SQLite's own.

    :param without: tables to leave out, with what belongs to them.
    :raises sqlite3.Error: the file is locked, or damaged.
    """
    found = connection.execute(
        "select type, name, tbl_name, sql from main.sqlite_schema where sql is not null"
    )
    return Schema(
        {
            f"{kind} {name}": definition(kind, sql)
            for kind, name, table, sql in sorted(found.fetchall())
            if table not in without and not name.startswith("sqlite_")
        },
        "SQLite",
    )


@functools.lru_cache(maxsize=10_000)
def definition(kind: str, sql: str) -> str:
    """One object's, in that form; a line for each column, constraint and statement.

    :param kind: its `type` in `sqlite_schema`.
    :param sql: as that has it.
    """
    every = list(tokens(sql))
    behind = next(at for at, token in enumerate(every) if token.word == kind.upper()) + 2
    rest = every[behind:]
    head = f"{_text(every[: behind - 1])} {_name(every[behind - 1])}"
    if kind == "table" and not is_virtual(sql):
        return f"{head} {_table(rest)}"
    if kind == "trigger":
        return "\n".join((head, *map(_text, _lines(rest))))
    if kind == "index":  # in which order it is unless it says DESC
        rest = [token for token in rest if token.word != "ASC"]
    return f"{head} {_text(rest)}"


# -- tables ------------------------------------------------------------------------------------------------------------


def _table(rest: Sequence[Token]) -> str:
    end = closing(rest, 0)
    columns: list[str] = []
    constraints: set[str] = set()
    for part in parts(rest[1:end]):
        if part[0].word in OF_TABLE:
            constraints.add(_text(part))
        else:
            column, behind = _column(part)
            columns.append(column)
            constraints.update(behind)
    # Without commas: the line before one that is new would have another end.
    lines = "\n".join(f"    {line}" for line in (*columns, *sorted(constraints)))
    options = sorted(_text(part) for part in parts(rest[end + 1 :]))
    return f"(\n{lines}\n) {', '.join(options)}".rstrip()


def _column(part: Sequence[Token]) -> tuple[str, list[str]]:
    """With what counts for the column alone; and what could as well stand behind all columns, as it would there."""
    name = _name(part[0])
    kind, *clauses = _clauses(part[1:])
    own, behind = [], []
    for clause in clauses:
        named = clause[0].word == "CONSTRAINT"
        label, rest = (f"{_text(clause[:2])} ", clause[2:]) if named else ("", clause)
        first = rest[0].word if rest else ""
        if first == "PRIMARY" and all(token.word != "DESC" for token in rest):
            behind.append(label + _primary_key(name, rest))
        elif first == "UNIQUE":
            behind.append(f"{label}unique ({name}) {_text(rest[1:])}".rstrip())
        elif first == "REFERENCES":
            behind.append(f"{label}foreign key ({name}) {_text(rest)}")
        elif first == "CHECK":
            behind.append(label + _text(rest))
        elif first == "DEFAULT":
            own += _default(rest[1:])
        elif first in {"GENERATED", "AS"}:
            own.append(label + _text(rest).removeprefix("generated always ").removesuffix(" virtual"))
        elif first != "NULL":
            own.append(label + _text(rest))
    return " ".join([name, *filter(None, [_text(kind).replace(" (", "(")]), *sorted(own)]), behind


def _clauses(rest: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The type, perhaps empty; then each constraint of the column, with its name."""
    start = depth = 0
    for at, token in enumerate(rest):
        if depth == 0 and _begins(rest, at):
            yield rest[start:at]
            start = at
        depth += (token.text == "(") - (token.text == ")")
    yield rest[start:]


def _begins(rest: Sequence[Token], at: int) -> bool:
    """Whether a constraint of a column begins at a place."""
    word, before = rest[at].word, rest[at - 1].word if at else ""
    if before == "CONSTRAINT" or (at > 1 and rest[at - 2].word == "CONSTRAINT"):
        return False  # the name, and what has it
    if word == "NOT":  # unlike NOT DEFERRABLE
        return at + 1 < len(rest) and rest[at + 1].word == "NULL"
    return word in _BEGINS or (word in _BELONGS_TO and before not in _BELONGS_TO[word])


def _primary_key(name: str, rest: Sequence[Token]) -> str:
    counts = " autoincrement" if rest[-1].word == "AUTOINCREMENT" else ""
    others = [token for token in rest[2:] if token.word not in {"ASC", "AUTOINCREMENT"}]
    return f"primary key ({name}{counts}) {_text(others)}".rstrip()


def _default(value: Sequence[Token]) -> list[str]:
    """Without needless parentheses; NULL is the default that every column has."""
    while value and value[0].text == "(" and closing(value, 0) == len(value) - 1:
        value = value[1:-1]
    if len(value) == 1 and value[0].kind == "quoted":  # what SQLite takes for a text, since it can be no name
        return ["default '{}'".format(value[0].name.replace("'", "''"))]
    text = _text(value).replace("- ", "-", 1) if value[0].text == "-" else _text(value)
    return [] if text == "null" else [f"default {text}"]


# -- text --------------------------------------------------------------------------------------------------------------


def _lines(rest: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Of a trigger: what it is for, then each statement."""
    start = 0
    for at, token in enumerate(rest):
        if token.kind == "semicolon" or (start == 0 and token.word == "BEGIN"):
            yield rest[start : at + 1]
            start = at + 1
    yield rest[start:]


def _text(every: Sequence[Token]) -> str:
    said, before = "", "("
    for token in every:
        piece = (
            _name(token)
            if token.kind == "quoted"
            else token.text
            if token.kind == "string"
            else token.text.translate(_LOWER)
        )
        said += piece if before in "(." or piece in "),.;" else f" {piece}"
        before = piece
    return said


def _name(token: Token) -> str:
    """Without quotes where it needs none."""
    name = token.name.translate(_LOWER)
    return name if _PLAIN.fullmatch(name) else '"{}"'.format(name.replace('"', '""'))
