"""What the live database tells of tables, as far as it decides whether a finding is a false alarm."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.live import quoted

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.sqlite.foresight import LiveFile

_TABLE = """
select c.relkind::text,
    case when c.relkind in ('p', 'I') then (
        select coalesce(sum(SIZE), 0)::bigint
        from pg_catalog.pg_partition_tree(c.oid) as t join pg_catalog.pg_class as s on s.oid = t.relid where t.isleaf)
    when c.relkind in ('r', 'm', 'i') then (select SIZE from pg_catalog.pg_class as s where s.oid = c.oid) else 0 end,
    array(select a.attname::text from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    (select pg_catalog.jsonb_agg(array(
            select a.attname::text from pg_catalog.unnest(i.indkey::int2[]) with ordinality as k (number, place)
            join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number order by k.place))
        from pg_catalog.pg_index as i where i.indrelid = c.oid and i.indisvalid and i.indpred is null)
from pg_catalog.pg_class as c where c.oid = pg_catalog.to_regclass(%s)
"""
# The first waits for a lock; the second is as old as the last VACUUM or ANALYZE (one page at least), and waits for nothing.
_SIZE = "pg_catalog.pg_relation_size(s.oid)"
_SIZE_BEFORE = "(greatest(s.relpages, 1)::bigint * pg_catalog.current_setting('block_size')::bigint)"


@dataclasses.dataclass(frozen=True)
class Table:
    """A relation that is there.

    :param kind: `pg_class.relkind`.
    :param size: bytes of its rows, without indexes and what is stored apart; 0 only where there is no row.
    :param indexes: the columns of each, in order.
    """

    kind: str
    size: int
    columns: frozenset[str]
    indexes: tuple[tuple[str, ...], ...]


class Tables(Protocol):
    """The tables of a database."""

    def find(self, name: QualifiedName) -> Table | None:
        """The relation of that name; None where there is none."""


class LiveTables:
    """See `Tables`; holds for one run, on one session."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._found: dict[QualifiedName, Table | None] = {}

    def find(self, name: QualifiedName) -> Table | None:
        """Found as a statement would find it, and remembered."""
        if name not in self._found:
            self._found[name] = self._look(name)
        return self._found[name]

    def _look(self, name: QualifiedName) -> Table | None:
        from psycopg import errors

        try:
            row = self._row(_SIZE, name)
        except errors.LockNotAvailable:
            row = self._row(_SIZE_BEFORE, name)
        if row is None:
            return None
        kind, size, columns, indexes = row
        return Table(kind, size, frozenset(columns), tuple(map(tuple, indexes or ())))

    def _row(self, size: str, name: QualifiedName) -> tuple[Any, ...] | None:
        return self._connection.execute(_TABLE.replace("SIZE", size).encode(), [quoted(name)]).fetchone()


class FileTables:
    """See `Tables`; those of a SQLite file, whose sizes are estimates."""

    def __init__(self, file: LiveFile) -> None:
        self._file = file

    def find(self, name: QualifiedName) -> Table | None:
        """Found as a statement would find it."""
        found = self._file.relation(name)
        if found is None:
            return None
        columns = frozenset(column.lower() for column in self._file.columns(name.name))
        indexes = tuple(tuple(map(str.lower, index)) for index in self._file.indexes(name.name))
        return Table(found.kind, found.size, columns, indexes)
