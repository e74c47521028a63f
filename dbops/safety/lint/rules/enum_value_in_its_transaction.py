"""A new value of an enum, used before the commit."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.postgres.one_transaction import unsafe_in_one_transaction
from dbops.safety.lint.model import Found, Level, Rule
from dbops.safety.lint.reading import File
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    for unit in file.transactions:
        obstacle = unsafe_in_one_transaction([[one.statement for one in unit]], around.server_version)
        if obstacle is not None:
            at = next(one for one in unit if one.statement is obstacle.statement)
            yield Found(file.up, at, obstacle.reason)


RULE = Rule(
    "enum-value-in-its-transaction",
    Level.ERROR,
    wrong="A value that `ALTER TYPE ... ADD VALUE` adds can be used only after the commit. What uses it in the same "
    'transaction fails with "unsafe use of new value".',
    safer="Add the value in a migration of its own, and use it in the next one.",
    instead="use the value in a migration of its own, after this one",
    check=_check,
)
