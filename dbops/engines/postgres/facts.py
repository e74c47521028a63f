"""What PostgreSQL's grammar tells about one statement."""

from __future__ import annotations

import dataclasses

from dbops.engines import statements
from dbops.engines.names import QualifiedName
from dbops.engines.postgres.targets import Repeatable, Target
from dbops.engines.statements import Kind


@dataclasses.dataclass(frozen=True)
class AddedEnumValue:
    """ALTER TYPE `type` ADD VALUE `value`."""

    type: QualifiedName
    value: str


@dataclasses.dataclass(frozen=True)
class Facts(statements.Facts):
    """What the grammar tells about one statement.

    :param target: what to look for in the catalog after an interruption; None where there is nothing.
    :param adds_enum_value: a value that cannot be used before the commit.
    :param creates_type: the enum type that it creates.
    :param procedure: a procedure that it creates and whose body commits or rolls back.
    :param calls: the procedure that it calls.
    """

    target: Target | None = None
    adds_enum_value: AddedEnumValue | None = None
    creates_type: QualifiedName | None = None
    procedure: QualifiedName | None = None
    calls: QualifiedName | None = None


def facts_of(statement: statements.Statement) -> Facts:
    """The facts of a statement that was read in this dialect."""
    assert isinstance(statement.facts, Facts)
    return statement.facts


TRANSACTIONAL = Facts(Kind.TRANSACTIONAL)
TEMPORARY = Facts(Kind.TRANSACTIONAL, makes_temporary=True)
UNKNOWN = Facts(Kind.UNKNOWN)


def alone(reason: str, target: Target) -> Facts:
    """Facts of a statement that cannot run in a transaction block."""
    return Facts(Kind.ALONE, reason, target)


DISCARD_ALL = Facts(
    Kind.ALONE,
    "DISCARD ALL",
    Repeatable(),
    refused=(
        "DISCARD ALL would give the migration lock away",
        "take it out: every migration starts with a clean session anyway",
    ),
)
