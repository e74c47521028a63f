"""A statement that is not in the grammar of the engine."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.dialect import POSTGRESQL
from dbops.safety.lint.model import Found, Level, Rule
from dbops.safety.lint.reading import File
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    for part in file.parts:
        for one in part.statements:
            if one.refusal is not None:
                who = "PostgreSQL's grammar" if one.statement.dialect == POSTGRESQL else "SQLite"
                yield Found(part, one, f"{who} does not know this: {one.refusal.message}")


RULE = Rule(
    "unknown-syntax",
    Level.ERROR,
    wrong="The parser of PostgreSQL that dbops brings, or this SQLite, does not know the statement: a mistake, or the "
    "syntax of a version that is newer than it. No other rule can look at it.",
    safer="Mend the statement. Where a newer server knows it, say so with `-- dbops: ignore unknown-syntax`.",
    instead="mend it; or ignore the rule, where a newer server knows it",
    check=_check,
)
