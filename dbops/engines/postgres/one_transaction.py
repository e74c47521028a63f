"""Whether the statements of several migrations can all run in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.facts import AddedEnumValue, facts_of
from dbops.engines.postgres.literals import literals
from dbops.engines.statements import Kind, Obstacle, Statement

_ENDS_OR_BEGINS = {
    Kind.BEGIN: "it begins a transaction of its own",
    Kind.COMMIT: "it commits by itself",
    Kind.COMMIT_AND_CHAIN: "it commits by itself",
    Kind.ROLLBACK: "it rolls back by itself",
    Kind.ROLLBACK_AND_CHAIN: "it rolls back by itself",
}

FORGIVES_NEW_TYPES = 170000
"""Server version from which on a value added to an enum that the same transaction created can be used."""


def unsafe_in_one_transaction(
    sections: Iterable[Sequence[Statement]], server_version: int = 0
) -> Obstacle | None:
    """The first statement that forbids running all sections, in this order, in one transaction.

    :param server_version: as `server_version_num`; 0 where it is not known, which supposes an old server.
    """
    added: list[AddedEnumValue] = []
    created: list[QualifiedName] = []
    for number, section in enumerate(sections):
        for statement in section:
            reason = _obstacle(statement) or (_unsafe_value(statement, added) if added else None)
            if reason:
                return Obstacle(number, statement, reason)
            facts = facts_of(statement)
            if facts.creates_type:
                created.append(facts.creates_type)
            value = facts.adds_enum_value
            is_new = server_version >= FORGIVES_NEW_TYPES and value and _names_any(value.type, created)
            if value and not is_new:
                added.append(value)
    return None


def _obstacle(statement: Statement) -> str | None:
    if statement.kind is Kind.ALONE:
        return f"{statement.reason} cannot run in a transaction"
    return _ENDS_OR_BEGINS.get(statement.kind)


def _unsafe_value(statement: Statement, added: Sequence[AddedEnumValue]) -> str | None:
    """Whether a literal is a value that was added before; adding or renaming another one is no use of it."""
    values = {value.value.encode(): value for value in added}
    if facts_of(statement).adds_enum_value:
        return None
    used = next((values[literal] for literal in literals(statement.text) if literal in values), None)
    if used is None:
        return None
    return f"it uses {used.value!r}, a new value of the enum {used.type}, which is usable only after a commit"


def _names_any(name: QualifiedName, created: Sequence[QualifiedName]) -> bool:
    """Whether a name means one of the created types; without a schema, the search path is taken to agree."""
    return any(
        name.name == other.name and (None in (name.schema, other.schema) or name.schema == other.schema)
        for other in created
    )
