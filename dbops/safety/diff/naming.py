"""Constraints, indexes and sequences that are the same but for their names are renamed, not made anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import psycopg

Names = Mapping[str, Sequence[tuple[str, str]]]

_QUERY: LiteralString = """
select format('%s %s', k.conrelid::regclass, pg_get_constraintdef(k.oid)), k.conname::text,
    format('ALTER TABLE %s RENAME CONSTRAINT %I TO ', k.conrelid::regclass, k.conname)
from pg_constraint as k join pg_class as c on c.oid = k.conrelid
where c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' and (k.contype = 'n' or k.contype <> 't' and k.coninhcount = 0)
union all
select format('%s %s', k.contypid::regtype, pg_get_constraintdef(k.oid)), k.conname::text,
    format('ALTER DOMAIN %s RENAME CONSTRAINT %I TO ', k.contypid::regtype, k.conname)
from pg_constraint as k join pg_type as t on t.oid = k.contypid
where k.contype = 'c' and t.typnamespace::regnamespace::text !~ '^(pg_|information_schema)'
union all
select replace(pg_get_indexdef(i.indexrelid), format(' INDEX %I ON ', c.relname), ' INDEX ON '), c.relname::text,
    format('ALTER INDEX %s RENAME TO ', i.indexrelid::regclass)
from pg_index as i join pg_class as c on c.oid = i.indexrelid
where c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' and not exists (
    select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u', 'x'))
union all
select format('sequence of %s.%I %s', d.refobjid::regclass, a.attname, d.deptype), c.relname::text,
    format('ALTER SEQUENCE %s RENAME TO ', c.oid::regclass)
from pg_class as c join pg_depend as d on d.classid = 'pg_class'::regclass and d.objid = c.oid
    and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where c.relkind = 'S' and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
"""


def read(connection: psycopg.Connection[Any]) -> Names:
    """What there is, by what it is but for its name: its names, each with the statement that renames it."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for body, name, rename in connection.execute(_QUERY):
        found[body].append((name, rename))
    return found


def steps(here: Names, there: Names) -> Iterator[str]:
    """The statements that give names as they are there; where several are the same, none can be told from the other."""
    from psycopg import sql

    for body in here.keys() & there.keys():
        known = {name for name, _ in here[body]} & {name for name, _ in there[body]}
        old = [rename for name, rename in here[body] if name not in known]
        new = [name for name, _ in there[body] if name not in known]
        if len(old) == len(new) == 1:
            yield old[0] + sql.Identifier(new[0]).as_string()
