"""What the grammar tells about one statement."""

from __future__ import annotations

import dataclasses
import enum

from dbops.engines.postgres.targets import QualifiedName, Target


class Kind(enum.Enum):
    """How a statement stands to transactions."""

    TRANSACTIONAL = "transactional"
    ALONE = "alone"
    """Cannot run in a transaction block."""
    BEGIN = "begin"
    COMMIT = "commit"
    """Ends the block; PREPARE TRANSACTION (named in the reason) does too."""
    COMMIT_AND_CHAIN = "commit and chain"
    ROLLBACK = "rollback"
    ROLLBACK_AND_CHAIN = "rollback and chain"
    SET = "set"
    """Changes a setting of the session, which outlives the transaction."""
    COPY_FROM_CLIENT = "copy from client"
    """COPY FROM STDIN: its data would have to follow in the file, as psql alone reads it."""
    UNKNOWN = "unknown"
    """Not in this parser's grammar: the server judges."""


@dataclasses.dataclass(frozen=True)
class AddedEnumValue:
    """ALTER TYPE `type` ADD VALUE `value`."""

    type: QualifiedName
    value: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the grammar tells about one statement.

    :param reason: for what cannot run in a transaction block: why, in SQL's words; else empty.
    :param target: what to look for in the catalog after an interruption; None where there is nothing.
    :param makes_temporary: makes something that lives only as long as the session.
    :param adds_enum_value: a value that cannot be used before the commit.
    :param creates_type: the enum type that it creates.
    :param procedure: a procedure that it creates and whose body commits or rolls back.
    :param calls: the procedure that it calls.
    """

    kind: Kind
    reason: str = ""
    target: Target | None = None
    makes_temporary: bool = False
    adds_enum_value: AddedEnumValue | None = None
    creates_type: QualifiedName | None = None
    procedure: QualifiedName | None = None
    calls: QualifiedName | None = None


TRANSACTIONAL = Facts(Kind.TRANSACTIONAL)
TEMPORARY = Facts(Kind.TRANSACTIONAL, makes_temporary=True)
UNKNOWN = Facts(Kind.UNKNOWN)


def alone(reason: str, target: Target) -> Facts:
    """Facts of a statement that cannot run in a transaction block."""
    return Facts(Kind.ALONE, reason, target)
