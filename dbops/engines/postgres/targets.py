"""What a statement that runs outside a transaction makes or removes.

When a migrator dies while such a statement runs, the journal says only that it was started.  Its target says
what to look for in the catalog, to tell whether it finished.
"""

from __future__ import annotations

import dataclasses

from dbops.engines.names import QualifiedName


@dataclasses.dataclass(frozen=True)
class CreateIndexConcurrently:
    """`index` is None where the server chooses the name; an index lives in the schema of its table."""

    index: str | None
    table: QualifiedName
    if_not_exists: bool


@dataclasses.dataclass(frozen=True)
class DropIndexConcurrently:
    """The grammar takes several names, the server one."""

    indexes: tuple[QualifiedName, ...]
    if_exists: bool


@dataclasses.dataclass(frozen=True)
class ReindexConcurrently:
    """`what` is index, table, schema, database or system; the last two may go without a name (PostgreSQL 16).

    Running it again does no harm, but a copy that was not finished stays behind as an invalid `..._ccnew`.
    """

    what: str
    name: QualifiedName | None


@dataclasses.dataclass(frozen=True)
class DetachPartitionConcurrently:
    """`finalize`: the statement completes a detachment that was interrupted."""

    parent: QualifiedName
    partition: QualifiedName
    finalize: bool


@dataclasses.dataclass(frozen=True)
class CreateDatabase:
    name: str


@dataclasses.dataclass(frozen=True)
class DropDatabase:
    name: str
    if_exists: bool


@dataclasses.dataclass(frozen=True)
class CreateTablespace:
    name: str


@dataclasses.dataclass(frozen=True)
class DropTablespace:
    name: str
    if_exists: bool


@dataclasses.dataclass(frozen=True)
class CreateSubscription:
    name: str


@dataclasses.dataclass(frozen=True)
class DropSubscription:
    name: str
    if_exists: bool


@dataclasses.dataclass(frozen=True)
class Repeatable:
    """Running it again does no harm: VACUUM, CLUSTER, ALTER SYSTEM, DISCARD ALL."""


@dataclasses.dataclass(frozen=True)
class Unknowable:
    """The catalog does not tell whether it finished: a DO block or a procedure that commits."""


Target = (
    CreateIndexConcurrently
    | DropIndexConcurrently
    | ReindexConcurrently
    | DetachPartitionConcurrently
    | CreateDatabase
    | DropDatabase
    | CreateTablespace
    | DropTablespace
    | CreateSubscription
    | DropSubscription
    | Repeatable
    | Unknowable
)
