"""The live catalog as effects need it, asked name by name and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.model import Column, Effect, Relation, Type
from dbops.engines.postgres.effects.statements import created, effects

if TYPE_CHECKING:
    import psycopg

_RELATION = """
select c.oid, n.nspname::text, c.relname::text, c.relkind::text,
    case when c.reltuples >= 0 then c.reltuples::bigint end,
    case when c.relkind in ('r', 'm', 't') then SIZE else 0 end,
    (select i.indrelid from pg_catalog.pg_index as i where i.indexrelid = c.oid)
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.oid = pg_catalog.to_regclass(%s)
"""
_COLUMNS = """
select a.attname::text, a.atttypid, a.atttypmod, a.attnotnull or exists (
    select from pg_catalog.pg_constraint as k where k.conrelid = a.attrelid and k.contype = 'c' and k.convalidated
        and k.conkey = array[a.attnum] and pg_catalog.pg_get_constraintdef(k.oid) like '%%IS NOT NULL%%')
from pg_catalog.pg_attribute as a where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
"""
_TABLE_OF = """
select n.nspname::text, c.relname::text from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where c.oid = %s
"""
_PARTITIONS = """
select n.nspname::text, c.relname::text from pg_catalog.pg_partition_tree(%s) as t
join pg_catalog.pg_class as c on c.oid = t.relid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where t.level > 0
"""
_REFERRING = """
select distinct n.nspname::text, c.relname::text from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where k.confrelid = %s and k.contype = 'f'
"""
_REFERRED = """
select k.conname::text, n.nspname::text, c.relname::text from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.confrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.conrelid = %s and k.contype = 'f'
"""
_SIZES = """
select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint, coalesce(sum(SIZE), 0)::bigint
from pg_catalog.pg_partition_tree(%s) as t join pg_catalog.pg_class as c on c.oid = t.relid where t.isleaf
"""
_SIZE = "pg_catalog.pg_table_size(c.oid)"
# That waits for a lock; this is as old as the last VACUUM or ANALYZE, and waits for nothing.
_SIZE_BEFORE = "(c.relpages::bigint * pg_catalog.current_setting('block_size')::bigint)"
_BINARY = "select exists (select from pg_catalog.pg_cast where castsource = %s and casttarget = %s and castmethod = 'b')"

# Types whose modifier only limits values: a wider one keeps them (ALTER TABLE does without a rewrite then).
_VARCHAR, _VARBIT, _NUMERIC = 1043, 1562, 1700
_TIMES = frozenset({1083, 1114, 1184, 1266})  # time, timestamp, timestamptz, timetz


class LiveCatalog:
    """See `Live` and `Foresight`; holds for one plan, on one session."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._relations: dict[QualifiedName, Relation | None] = {}

    def foreseen(self, section: Sequence[str]) -> list[tuple[Effect, ...]]:
        """See `Foresight`."""
        return [effects(statement, self) for statement in section]

    def created(self, statement: str) -> tuple[QualifiedName, ...]:
        """See `Foresight`."""
        return created(statement)

    def relation(self, name: QualifiedName) -> Relation | None:
        """What there is of that name, found as a statement would find it."""
        if name not in self._relations:
            self._relations[name] = self._look(name)
        return self._relations[name]

    def _look(self, name: QualifiedName) -> Relation | None:
        found = self._sized(_RELATION, quoted(name))
        if not found:
            return None
        (row,) = found
        oid, schema, relname, kind, rows, size, table = row
        if kind == "p":
            ((rows, size),) = self._sized(_SIZES, oid)
        columns = {column: Column(Type(*of), known) for column, *of, known in self._all(_COLUMNS, oid)}
        return Relation(
            QualifiedName(schema, relname), kind, rows, size,
            columns=columns,
            table=self._names(_TABLE_OF, table)[0] if table else None,
            partitions=self._names(_PARTITIONS, oid) if kind == "p" else (),
            referring=self._names(_REFERRING, oid),
            referred={key: QualifiedName(*of) for key, *of in self._all(_REFERRED, oid)},
        )  # fmt: skip

    def type_of(self, text: str) -> Type | None:
        """As the server describes a column of that type."""
        import psycopg

        try:
            result = self.connection.execute(f"select null::{text} limit 0".encode()).pgresult
        except psycopg.Error:
            return None  # of an earlier pending migration, or of none
        return Type(result.ftype(0), result.fmod(0)) if result else None

    def keeps_values(self, old: Type, new: Type) -> bool:
        """By the modifiers of one type, or by a cast that needs no function."""
        if old.oid == new.oid:
            return new.modifier in (old.modifier, -1) or _wider(old, new)
        row = self.connection.execute(_BINARY, [old.oid, new.oid]).fetchone()
        return new.modifier == -1 and row is not None and bool(row[0])

    def volatile(self, functions: frozenset[str]) -> bool:
        """By name alone: an overloaded one counts as volatile where one of its kind is."""
        if not functions:
            return False
        query = "select exists (select from pg_catalog.pg_proc where proname = any(%s) and provolatile = 'v')"
        row = self.connection.execute(query, [sorted(functions)]).fetchone()
        return row is not None and bool(row[0])

    def _all(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode(), parameters).fetchall()

    def _sized(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows with sizes, those of before where another session has locked the table as a whole."""
        from psycopg import errors

        try:
            return self._all(query.replace("SIZE", _SIZE), *parameters)
        except errors.LockNotAvailable:
            return self._all(query.replace("SIZE", _SIZE_BEFORE), *parameters)

    def _names(self, query: str, *parameters: object) -> tuple[QualifiedName, ...]:
        return tuple(QualifiedName(*row) for row in self._all(query, *parameters))


def _wider(old: Type, new: Type) -> bool:
    if old.modifier == -1:
        return False
    if old.oid == _NUMERIC:
        (old_digits, old_scale), (digits, scale) = (divmod(one.modifier - 4, 65536) for one in (old, new))
        return digits >= old_digits and scale == old_scale
    return old.oid in {_VARCHAR, _VARBIT, *_TIMES} and new.modifier >= old.modifier


def quoted(name: QualifiedName) -> str:
    """As SQL spells it."""
    return ".".join(
        '"' + part.replace('"', '""') + '"' for part in (name.schema, name.name) if part is not None
    )
