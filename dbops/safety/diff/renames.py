"""Renames: what may be one is found, to be asked about; what was said to be one becomes statements."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.safety.diff import enums
from dbops.safety.diff.model import Of, Rename, Renames, ordered

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

Name = tuple[str, ...]
Columns = Mapping[str, str]
"""Types by the names of columns."""

# Of two tables that share fewer of their columns, one is hardly the other.
_ALIKE = 0.6

_TABLES: LiteralString = """
select n.nspname::text, c.relname::text,
    (select pg_catalog.jsonb_object_agg(attname, pg_catalog.format_type(atttypid, atttypmod)) from pg_catalog.pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped and attinhcount = 0)
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_catalog.pg_depend
        where classid = 'pg_catalog.pg_class'::pg_catalog.regclass and objid = c.oid and deptype = 'e')
"""


def candidates(here: Connection, there: Connection, agreed: Renames = ()) -> Renames:
    """What may be a rename; each thing at most once, the likeliest.

    A table that is gone and a new one of nearly the same columns; a column that is gone and a new one of the same type
    in the same table; a value of an enum that has another word in its place.

    :param agreed: renames of tables that are ones: what is in them is compared, and they are not named again.
    """
    tables = {(*one.owner, one.old): (*one.owner, one.new) for one in agreed if one.of is Of.TABLE}
    before = {tables.get(name, name): columns for name, columns in _tables(here).items()}
    after = _tables(there)
    found = [*_renamed_tables(before, after), *_renamed_columns(before, after), *_renamed_values(here, there)]
    known = {(one.of, one.owner, one.old) for one in agreed}
    return ordered(one for one in found if (one.of, one.owner, one.old) not in known)


def statements(renames: Renames) -> list[str]:
    """The statements that rename, in order."""
    return [_statement(one) for one in ordered(renames)]


def _statement(one: Rename) -> str:
    from psycopg import sql

    thing, old, new = sql.Identifier(*one.owner), sql.Identifier(one.old), sql.Identifier(one.new)
    match one.of:
        case Of.TABLE:
            return sql.SQL("ALTER TABLE {}.{} RENAME TO {}").format(thing, old, new).as_string()
        case Of.COLUMN:
            return sql.SQL("ALTER TABLE {} RENAME COLUMN {} TO {}").format(thing, old, new).as_string()
        case Of.ENUM_VALUE:
            return sql.SQL("ALTER TYPE {} RENAME VALUE {} TO {}").format(thing, one.old, one.new).as_string()


def _tables(connection: Connection) -> dict[Name, Columns]:
    return {(schema, name): columns or {} for schema, name, columns in connection.execute(_TABLES)}


def _renamed_tables(before: Mapping[Name, Columns], after: Mapping[Name, Columns]) -> Iterator[Rename]:
    pairs = [
        _Pair(_likeness(before[old], after[new]), old, new)
        for old in before.keys() - after.keys()
        for new in after.keys() - before.keys()
        if old[0] == new[0]
    ]
    for pair in _best(one for one in pairs if one.likeness >= _ALIKE):
        yield Rename(Of.TABLE, pair.old[:1], pair.old[1], pair.new[1])


def _likeness(one: Columns, other: Columns) -> float:
    """Of their columns, how many are in both, from 0 to 1."""
    every = len(one) + len(other)
    return 2 * len(set(one.items()) & set(other.items())) / every if every else 0.0


def _renamed_columns(before: Mapping[Name, Columns], after: Mapping[Name, Columns]) -> Iterator[Rename]:
    for table in sorted(before.keys() & after.keys()):
        one, other = before[table], after[table]
        pairs = [
            _Pair(difflib.SequenceMatcher(None, old, new).ratio(), (old,), (new,))
            for old in one.keys() - other.keys()
            for new in other.keys() - one.keys()
            if one[old] == other[new]
        ]
        for pair in _best(pairs):
            yield Rename(Of.COLUMN, table, pair.old[0], pair.new[0])


def _renamed_values(here: Connection, there: Connection) -> Iterator[Rename]:
    before, after = enums.read(here), enums.read(there)
    for name in enums.changed(before, after):
        if len(before[name]) != len(after[name]):
            continue
        for old, new in zip(before[name], after[name], strict=True):
            if old not in after[name] and new not in before[name]:
                yield Rename(Of.ENUM_VALUE, name, old, new)


@dataclasses.dataclass(frozen=True)
class _Pair:
    likeness: float
    old: Name
    new: Name


def _best(pairs: Collection[_Pair] | Iterator[_Pair]) -> Iterator[_Pair]:
    """The likeliest first; each name once."""
    taken: set[tuple[bool, Name]] = set()
    for pair in sorted(pairs, key=lambda one: (-one.likeness, one.old, one.new)):
        if not taken & {(False, pair.old), (True, pair.new)}:
            taken |= {(False, pair.old), (True, pair.new)}
            yield pair
