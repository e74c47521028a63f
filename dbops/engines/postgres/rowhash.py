"""The SQL that turns the rows of a table into one number, the same on every version from 14 on.

A row's hash is that of all its columns, sorted by name, each as something that is exact: the hash of two values that
differ in any way that a dump keeps is different.  What PostgreSQL hashes by itself is not always so: bigint and
timestamps are folded from 64 to 32 bits, numeric leaves its scale out, char(n) its blanks, float its sign of zero,
and arrays, JSON and ranges hash by equality, too.  The first two are hashed by their binary form, the rest by the
text that a dump would hold.  The hash of a record sums its columns' hashes by powers of 31; hashing that once more
keeps the sum over all rows from being one over columns, which would not notice two values that change places.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

ALGORITHM = 1
"""The number of this way to hash: another one gets another number, and is not compared with it."""

OF_NO_ROWS = "0"
"""The fingerprint of an empty table."""

_PLAIN = frozenset({"int2", "int4", "oid", "bool", "date", "uuid", "bytea"})
_TEXT = frozenset({"text", "varchar", "name"})
_SENT = {
    "char": "int4",  # its text form changed with version 16
    "int8": "int8send",
    "numeric": "numeric_send",
    "timestamp": "timestamp_send",
    "timestamptz": "timestamptz_send",
    "time": "time_send",
}
# NaN has many bit patterns, and a dump keeps none of them.
_FLOATS = {"float4": "float4send", "float8": "float8send"}

# A domain may stand on a domain; what it is made of in the end decides.  Types below 16384 are PostgreSQL's own.
_COLUMNS = """
with recursive base(oid, base) as (
    select t.oid, t.oid from pg_catalog.pg_type as t where t.typtype <> 'd'
    union all
    select t.oid, base.base from pg_catalog.pg_type as t join base on t.typtype = 'd' and t.typbasetype = base.oid
)
select a.attrelid, a.attname, t.oid < 16384, t.typname, f.proname, a.atttypid = t.oid
from pg_catalog.pg_attribute as a
join base on base.oid = a.atttypid
join pg_catalog.pg_type as t on t.oid = base.base
join pg_catalog.pg_proc as f on f.oid = t.typoutput
where a.attrelid = any(%s::oid[]) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
"""


@dataclasses.dataclass(frozen=True)
class Column:
    """A column as its hash needs it.

    :param own: whether its base type is PostgreSQL's own, so that `type` and `output` are what they seem.
    :param type: the name of its base type, that of a domain's foundation.
    :param output: the name of the base type's output function.
    :param bare: whether it is of that type itself, not of a domain over it.
    """

    name: str
    own: bool
    type: str
    output: str
    bare: bool


def columns_of(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, tuple[Column, ...]]:
    """The columns of these tables that hold data of their own (generated ones do not), sorted by name."""
    found: dict[int, list[Column]] = defaultdict(list)
    for oid, *fields in connection.execute(_COLUMNS, [list(oids)]):
        found[oid].append(Column(*fields))
    return {oid: tuple(sorted(found[oid], key=lambda column: column.name)) for oid in oids}


def select_counts(table: sql.Identifier, condition: str) -> sql.Composed:
    """`count(*)` of one table without its children."""
    return _select("count(*), null::text", table, condition)


def select_fingerprint(
    table: sql.Identifier, columns: Sequence[Column], condition: str, *, convert: bool = False
) -> sql.Composed:
    """`count(*)` and the sum of all rows' hashes of one table without its children.

    :param condition: a WHERE clause, or nothing.
    :param convert: whether the database's encoding is not UTF-8, and text has to be converted to be comparable.
    """
    from psycopg import sql

    cells = sql.SQL(", ").join(_expression(column, convert=convert) for column in columns)
    hashed = sql.SQL("hash_record_extended(row(int8send(hash_record_extended(row({}), 0))), 0)").format(cells)
    return _select(sql.SQL("count(*), coalesce(sum({}), 0)::text").format(hashed), table, condition)


def _select(what: str | sql.Composable, table: sql.Identifier, condition: str) -> sql.Composed:
    from psycopg import sql

    what = sql.SQL(what) if isinstance(what, str) else what
    return sql.SQL('select {} from only {} as "t" {}').format(what, table, sql.SQL(condition))


def _expression(column: Column, *, convert: bool) -> sql.Composed:
    from psycopg import sql

    name = sql.Identifier("t", column.name)
    if column.own and column.type in _PLAIN:
        return sql.Composed([name])
    if column.own and column.type in _SENT:
        return sql.SQL("{}({})").format(sql.Identifier(_SENT[column.type]), name)
    if column.own and column.type in _FLOATS:
        return sql.SQL("{}(case when {} = 'NaN' then 'NaN' else {} end)").format(
            sql.Identifier(_FLOATS[column.type]), name, name
        )
    text = _text(column, name)
    if convert:
        return sql.SQL("convert_to({}, 'UTF8')").format(text)
    return sql.SQL('{} collate "C"').format(text)


def _text(column: Column, name: sql.Identifier) -> sql.Composed:
    """The text that the type's output function makes: a cast to text may be anything that its author liked."""
    from psycopg import sql

    if column.own and column.type in _TEXT:
        return sql.SQL("{}::text").format(name)
    if column.own and column.bare:
        return sql.SQL("textin({}({}))").format(sql.Identifier(column.output), name)
    return sql.SQL("row({})::text").format(name)
