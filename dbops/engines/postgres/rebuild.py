"""Indexes, keys and foreign keys that are taken away while many rows come in, and made again after, as they were.

All within one transaction: whatever goes wrong, the rollback brings back what was there.

Measured (PostgreSQL 15 as shipped, two cores): an index costs 0.7 (ascending), 4 (random uuid) to 6 µs (e-mail) a row in
place and 0.3, 1, 2 µs built after, equal at 20,000 rows, and where two thirds of the rows were there before; a foreign
key costs 6 µs a row in place, and 0.2 to 1 µs checked after, where the other table is not some ten times as large.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from dbops.engines.catalog import TableName
from dbops.engines.postgres import removable
from dbops.engines.postgres.bulk import quoted, settings
from dbops.engines.postgres.removable import ForeignKey, Index

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

Rebuild = Literal["auto", "never", "always"]
"""Whether indexes and foreign keys are built again: where it pays, not at all, all that can be."""

Made = Index | ForeignKey

_INDEX_ROWS = 50_000
_FOREIGN_KEY_ROWS = 5_000
_FOREIGN_KEY_SHARE = 10
_MAINTENANCE_KB = 256 * 1024
# Everything that the server prints of definitions then has its schema.
_NAMES_WHOLE = {"search_path": "pg_catalog"}

# A user's code that runs for each row may look for other rows, and needs the indexes for that, or the key for an
# ON CONFLICT.  Event triggers would see the indexes come and go.
_USERS_CODE = """
with filled (oid) as (
    select oid from unnest(%(tables)s::regclass[]) as given(oid)
    union select part.relid from unnest(%(tables)s::regclass[]) as given(oid), pg_catalog.pg_partition_tree(given.oid) as part
)
select exists (select from pg_catalog.pg_event_trigger where evtenabled <> 'D' and evtevent <> 'login'),
    exists (select from pg_catalog.pg_constraint as con join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_constraint'::regclass and d.objid = con.oid
        and d.refclassid = 'pg_catalog.pg_proc'::regclass
        where con.contype = 'c' and con.conrelid in (select oid from filled))
    or %(triggers)s and exists (select from pg_catalog.pg_trigger
        where not tgisinternal and tgenabled in ('O', 'A') and tgrelid in (select oid from filled))
"""


@dataclasses.dataclass(frozen=True)
class Removed:
    """What was taken away; indexes of partitions come with the one that they are a part of."""

    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()

    @property
    def tables(self) -> tuple[TableName, ...]:
        """The tables that have to be locked for it, each once."""
        tables = {(index.schema, index.table) for index in self.indexes}
        tables |= {(key.schema, key.table) for key in self.foreign_keys}
        return tuple(sorted(tables | {key.referenced for key in self.foreign_keys}))


def plan(
    connection: psycopg.Connection[Any], coming: Mapping[TableName, int], mode: Rebuild, *, triggers: bool
) -> tuple[Removed, tuple[str, ...]]:
    """What to take away while so many rows come into each table; and what has to stay, each with its reason.

    :param triggers: whether the users' triggers will fire.
    """
    if mode == "never":
        return Removed(), ()
    with settings(connection, _NAMES_WHOLE):
        if reason := _users_code(connection, coming, mode, triggers=triggers):
            return Removed(), (f"indexes and foreign keys stay: {reason}",)
        indexes = removable.indexes(connection, coming)
        return choose(indexes, removable.foreign_keys(connection, coming), coming, mode)


def choose(
    indexes: Sequence[Index], keys: Sequence[ForeignKey], coming: Mapping[TableName, int], mode: Rebuild
) -> tuple[Removed, tuple[str, ...]]:
    """Of all that there is, what pays and can be taken away."""
    if mode == "auto":
        indexes = [index for index in indexes if _pays_index(index, coming)]
        keys = [key for key in keys if _pays_key(key, coming)]
    taken = [key for key in keys if not key.stays]
    parts = frozenset[int]().union(*(key.parts for key in taken))
    reasons = {index.oid: index.stays or _foreign(index, parts) for index in indexes}
    tops = _tops(indexes)
    bound = {tops[oid] for oid, reason in reasons.items() if reason}
    stay = [f"index {index.label} stays: {reasons[index.oid]}" for index in indexes if reasons[index.oid]]
    stay += [f"foreign key {key.label} stays: {key.stays}" for key in keys if key.stays]
    return Removed(tuple(index for index in indexes if tops[index.oid] not in bound), tuple(taken)), tuple(
        stay
    )


def _foreign(index: Index, parts: frozenset[int]) -> str | None:
    return None if parts.issuperset(index.needed_by) else "a foreign key that stays needs it"


def _tops(indexes: Sequence[Index]) -> dict[int, int]:
    """Of each index the one at the top that it is a part of, or itself."""
    parents = {index.oid: index.parent for index in indexes}

    def top(oid: int) -> int:
        parent = parents.get(oid)
        return oid if parent is None else top(parent)

    return {index.oid: top(index.oid) for index in indexes}


def _pays_key(key: ForeignKey, coming: Mapping[TableName, int]) -> bool:
    rows = coming.get(key.root, 0)
    there = key.rows + key.referenced_rows
    return rows >= _FOREIGN_KEY_ROWS and rows * _FOREIGN_KEY_SHARE >= there


def _pays_index(index: Index, coming: Mapping[TableName, int]) -> bool:
    rows = coming.get(index.root, 0)
    return rows >= _INDEX_ROWS and rows >= index.rows


def _users_code(
    connection: psycopg.Connection[Any], tables: Iterable[TableName], mode: Rebuild, *, triggers: bool
) -> str | None:
    given = {"tables": list(map(quoted, tables)), "triggers": triggers}
    row = connection.execute(_USERS_CODE, given).fetchone()
    assert row is not None
    events, code = row
    if events:
        return "an event trigger would notice"
    if code and mode == "auto":
        return "triggers or checks call functions for each row, and may need them"
    return None


def take_away(connection: psycopg.Connection[Any], removed: Removed) -> None:
    """Drop them; the tables must be locked, so that the plan still holds.

    :raises psycopg.Error: the server refuses.
    """
    with settings(connection, _NAMES_WHOLE):
        for key in removed.foreign_keys:
            _run(connection, "ALTER TABLE {}.{} DROP CONSTRAINT {}", key.schema, key.table, key.name)
        for index in removed.indexes:
            if index.constraint:
                _run(
                    connection, "ALTER TABLE {}.{} DROP CONSTRAINT {}", index.schema, index.table, index.name
                )
            elif index.parent is None:
                _run(connection, "DROP INDEX {}.{}", index.schema, index.name)


def put_back(
    connection: psycopg.Connection[Any],
    removed: Removed,
    begins: Callable[[Made], None] = lambda _: None,
) -> None:
    """Make them again as they were: the indexes, then the foreign keys, which need them.

    :param begins: called for each before it is made.

    :raises psycopg.Error: rows break a key or a foreign key; the transaction is to be rolled back.
    """
    with settings(connection, {**_NAMES_WHOLE, **_memory(connection), "default_tablespace": ""}):
        for index in removed.indexes:
            begins(index)
            _make(connection, index)
        by_oid = {index.oid: index for index in removed.indexes}
        for index in removed.indexes:
            if index.parent is not None:
                parent = by_oid[index.parent]
                both = (parent.schema, parent.name, index.schema, index.name)
                _run(connection, "ALTER INDEX {}.{} ATTACH PARTITION {}.{}", *both)
        for key in removed.foreign_keys:
            begins(key)
            names = (key.schema, key.table, key.name)
            _run(connection, "ALTER TABLE {}.{} ADD CONSTRAINT {} " + _plain(key.definition), *names)
            _comment(connection, "CONSTRAINT {2} ON {0}.{1}", names, key.comment)


def _make(connection: psycopg.Connection[Any], index: Index) -> None:
    """One index; that of a partitioned table is not valid before its parts are attached."""
    connection.execute("select pg_catalog.set_config('default_tablespace', %s, true)", [index.tablespace])
    connection.execute(index.definition.encode())
    table, names = (index.schema, index.table), (index.schema, index.name)
    if index.constraint:
        kind = "PRIMARY KEY" if index.constraint == "p" else "UNIQUE"
        deferral = f"DEFERRABLE INITIALLY {'DEFERRED' if index.deferred else 'IMMEDIATE'}"
        statement = f"ALTER TABLE {{}}.{{}} ADD CONSTRAINT {{}} {kind} USING INDEX {{}}"
        statement += f" {deferral}" if index.deferrable else ""
        _run(connection, statement, *table, index.name, index.name)
        _comment(connection, "CONSTRAINT {2} ON {0}.{1}", (*table, index.name), index.constraint_comment)
    _comment(connection, "INDEX {0}.{1}", names, index.comment)
    for number, target in index.targets:
        _run(connection, f"ALTER INDEX {{}}.{{}} ALTER COLUMN {number} SET STATISTICS {target}", *names)
    if index.clustered:
        _run(connection, "ALTER TABLE {}.{} CLUSTER ON {}", *table, index.name)
    if index.replica_identity:
        _run(connection, "ALTER TABLE {}.{} REPLICA IDENTITY USING INDEX {}", *table, index.name)


def _comment(connection: psycopg.Connection[Any], on: str, names: Sequence[str], comment: str | None) -> None:
    from psycopg import sql

    if comment is not None:
        _run(connection, f"COMMENT ON {on} IS {{comment}}", *names, comment=sql.Literal(comment))


def _run(connection: psycopg.Connection[Any], statement: str, *names: str, **more: sql.Composable) -> None:
    from psycopg import sql

    template = sql.SQL(statement)  # our words; what comes from the catalog is quoted
    connection.execute(template.format(*map(sql.Identifier, names), **more))


def _plain(definition: str) -> str:
    """For a template: the server's own words, in which nothing is a placeholder."""
    return definition.replace("{", "{{").replace("}", "}}")


def _memory(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """More memory for sorting, unless the server gives as much already."""
    query = "select setting::bigint from pg_catalog.pg_settings where name = 'maintenance_work_mem'"
    row = connection.execute(query).fetchone()
    assert row is not None
    return {"maintenance_work_mem": str(max(row[0], _MAINTENANCE_KB))}
