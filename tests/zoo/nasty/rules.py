"""Every rule of a database as a query for the rows that break it, read from the catalogs without a line of dbops.

The rules can be read before the rows are written and asked after, so that a constraint which got lost, or which
was added as NOT VALID, is asked all the same.  Not asked: what triggers do, and what types themselves refuse.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

Connection = psycopg.Connection[Any]
SQL = sql.Composable


@dataclasses.dataclass(frozen=True)
class Rule:
    """What holds, in words with the table's name first, and a query that returns a row for what breaks it."""

    label: str
    query: SQL


def violations(connection: Connection, asked: Sequence[Rule] | None = None) -> list[str]:
    """Every broken rule with its first row, of `asked` or of what the catalogs say now; empty if all hold."""
    found = []
    for rule in rules(connection) if asked is None else asked:
        row = connection.execute(sql.SQL("{} LIMIT 1").format(rule.query)).fetchone()
        if row is not None:
            found.append(f"{rule.label}: {row}")
    return found


def rules(connection: Connection) -> list[Rule]:
    """All rules of all tables but the system's, an extension's and dbops' own."""
    return [rule for read in _READERS for rule in read(connection)]


def tables(connection: Connection) -> dict[str, int]:
    """Rows of every table that is not a partition, by `schema.table`."""
    query = f"SELECT n.nspname || '.' || c.relname AS label, n.nspname, c.relname {_tables()} AND NOT c.relispartition"
    return {
        row.label: _one(connection, sql.SQL("SELECT count(*) FROM {}").format(_name(row)))
        for row in _rows(connection, query)
    }


def _tables(joins: str = "") -> str:
    """FROM and WHERE of a query for tables `c` in namespaces `n`, with further joins."""
    return f"""
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace {joins}
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND c.relname NOT LIKE 'schema\\_migrations%'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    """


def _rows(connection: Connection, query: str) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def _one(connection: Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _name(row: Any) -> SQL:
    return sql.Identifier(row.nspname, row.relname)


def _listed(columns: Sequence[str], template: str = "{}", between: str = ", ", alias: str = "") -> SQL:
    names = [sql.Identifier(alias, column) if alias else sql.Identifier(column) for column in columns]
    return sql.SQL(between).join(sql.SQL(template).format(name) for name in names)


def _not_null(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, a.attname
        {_tables("JOIN pg_attribute a ON a.attrelid = c.oid")}
        AND a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped
    """
    for row in _rows(connection, query):
        found = sql.SQL("SELECT t.* FROM {} t WHERE t.{} IS NULL").format(
            _name(row), sql.Identifier(row.attname)
        )
        yield Rule(f"{row.nspname}.{row.relname}: {row.attname} is not null", found)


def _checks(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, k.conname, k.connoinherit, pg_get_expr(k.conbin, k.conrelid) AS expression
        {_tables("JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c'")}
    """
    for row in _rows(connection, query):
        only = sql.SQL("ONLY ") if row.connoinherit else sql.SQL("")
        found = sql.SQL("SELECT * FROM {}{} WHERE NOT ({})").format(only, _name(row), sql.SQL(row.expression))
        yield Rule(f"{row.nspname}.{row.relname}: check {row.conname}", found)


def _partitions(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, pg_get_partition_constraintdef(c.oid) AS expression {_tables()} AND c.relispartition
    """
    for row in _rows(connection, query):
        if row.expression is not None:
            found = sql.SQL("SELECT * FROM {} WHERE NOT ({})").format(_name(row), sql.SQL(row.expression))
            yield Rule(f"{row.nspname}.{row.relname}: its rows belong into the partition", found)


def _generated(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid) AS expression
        {_tables("JOIN pg_attribute a ON a.attrelid = c.oid AND a.attgenerated <> '' JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum")}
    """
    for row in _rows(connection, query):
        found = sql.SQL("SELECT * FROM {} WHERE {} IS DISTINCT FROM ({})").format(
            _name(row), sql.Identifier(row.attname), sql.SQL(row.expression)
        )
        yield Rule(f"{row.nspname}.{row.relname}: {row.attname} is generated", found)


def _foreign_keys(connection: Connection) -> Iterator[Rule]:
    names = (
        "(SELECT array_agg(a.attname::text ORDER BY u.ord) FROM unnest({keys}) WITH ORDINALITY u (num, ord)"
        " JOIN pg_attribute a ON a.attrelid = {relation} AND a.attnum = u.num)"
    )
    query = f"""
        SELECT n.nspname, c.relname, k.conname, k.confmatchtype = 'f' AS full, rn.nspname AS other_schema, r.relname AS other,
            {names.format(keys="k.conkey", relation="k.conrelid")} AS columns,
            {names.format(keys="k.confkey", relation="k.confrelid")} AS referred
        {_tables("JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace")}
        AND k.conparentid = 0
    """
    for row in _rows(connection, query):
        pairs = sql.SQL(" AND ").join(
            sql.SQL("r.{} = t.{}").format(sql.Identifier(theirs), sql.Identifier(ours))
            for ours, theirs in zip(row.columns, row.referred, strict=True)
        )
        found = sql.SQL("SELECT t.* FROM {} t WHERE ({} AND NOT EXISTS (SELECT FROM {} r WHERE {}))").format(
            _name(row), _listed(row.columns, "{} IS NOT NULL", " AND ", "t"),
            sql.Identifier(row.other_schema, row.other), pairs,
        )  # fmt: skip
        if row.full:
            count = sql.SQL(" OR num_nulls({}) BETWEEN 1 AND {}")
            found += count.format(_listed(row.columns, alias="t"), len(row.columns) - 1)
        yield Rule(f"{row.nspname}.{row.relname}: foreign key {row.conname}", found)


def _unique_keys(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, i.indexrelid::regclass::text AS index, i.indnullsnotdistinct AS nulls_equal,
            pg_get_expr(i.indpred, i.indrelid) AS predicate,
            ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, true) FROM generate_series(1, i.indnkeyatts) p) AS entries
        {_tables("JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid")}
        AND i.indisunique AND NOT x.relispartition
    """
    for row in _rows(connection, query):
        entries = [sql.SQL(f"({entry})") for entry in row.entries]
        counted: list[SQL] = (
            [] if row.nulls_equal else [sql.SQL("{} IS NOT NULL").format(entry) for entry in entries]
        )
        counted += [sql.SQL(f"({row.predicate})")] if row.predicate else []
        where = sql.SQL(" AND ").join(counted) if counted else sql.SQL("true")
        keys = sql.SQL(", ").join(entries)
        found = sql.SQL("SELECT {}, count(*) FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1").format(
            keys, _name(row), where, keys
        )
        yield Rule(f"{row.nspname}.{row.relname}: unique {row.index}", found)


def _exclusions(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, k.conname, pg_get_expr(i.indpred, i.indrelid) AS predicate,
            ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, true) FROM generate_series(1, i.indnkeyatts) p) AS entries,
            ARRAY(SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname) FROM unnest(k.conexclop) WITH ORDINALITY u (op, ord)
                JOIN pg_operator o ON o.oid = u.op JOIN pg_namespace s ON s.oid = o.oprnamespace ORDER BY u.ord) AS operators
        {_tables("JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'x' JOIN pg_index i ON i.indexrelid = k.conindid")}
    """
    for row in _rows(connection, query):
        values = sql.SQL(", ").join(sql.SQL(f"({entry}) AS e{at}") for at, entry in enumerate(row.entries))
        meet = sql.SQL(" AND ").join(sql.SQL(f"a.e{at} {op} b.e{at}") for at, op in enumerate(row.operators))
        found = sql.SQL(
            "WITH x AS MATERIALIZED (SELECT row_number() OVER () AS n, {} FROM {} WHERE {})"
            " SELECT a.*, b.* FROM x a JOIN x b ON a.n < b.n AND {}"
        ).format(values, _name(row), sql.SQL(row.predicate or "true"), meet)
        yield Rule(f"{row.nspname}.{row.relname}: exclusion {row.conname}", found)


def _sequences(connection: Connection) -> Iterator[Rule]:
    """The next value of a sequence is not among the rows, nor behind them."""
    query = f"""
        SELECT n.nspname, c.relname, a.attname, s.seqrelid::regclass::text AS sequence, s.seqincrement AS step
        {_tables("JOIN pg_depend o ON o.refclassid = 'pg_class'::regclass AND o.refobjid = c.oid AND o.deptype IN ('a', 'i') AND o.classid = 'pg_class'::regclass JOIN pg_sequence s ON s.seqrelid = o.objid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.refobjsubid")}
    """
    for row in _rows(connection, query):
        behind = sql.SQL(">=" if row.step > 0 else "<=")
        found = sql.SQL(
            "SELECT t.{column}, s.last_value FROM {table} t, {sequence} s"
            " WHERE t.{column} {behind} s.last_value + CASE WHEN s.is_called THEN {step} ELSE 0 END"
        ).format(
            column=sql.Identifier(row.attname), table=_name(row), sequence=sql.SQL(row.sequence),
            behind=behind, step=row.step,
        )  # fmt: skip
        yield Rule(f"{row.nspname}.{row.relname}: the sequence of {row.attname} is past its values", found)


@dataclasses.dataclass(frozen=True)
class _Values:
    """Values of one type somewhere in the rows: a query with the single column `value`."""

    type: int
    query: SQL


def _domains(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, a.attname, a.atttypid
        {_tables("JOIN pg_attribute a ON a.attrelid = c.oid")}
        AND a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
    """
    for row in _rows(connection, query):
        column = sql.SQL("SELECT {} AS value FROM {}").format(sql.Identifier(row.attname), _name(row))
        label = f"{row.nspname}.{row.relname}: {row.attname}"
        yield from _of_type(connection, label, _Values(row.atttypid, column))


def _of_type(connection: Connection, label: str, values: _Values) -> Iterator[Rule]:
    """The rules of domains in a type, down to the bottom: domains on domains, elements of arrays, fields."""
    (kind,) = _rows(
        connection,
        "SELECT t.typtype, t.typnotnull, t.typbasetype, t.typrelid, t.typname, format_type(t.typbasetype, t.typtypmod) AS base,"
        " CASE WHEN t.typcategory = 'A' AND t.typsubscript = 'array_subscript_handler'::regproc THEN t.typelem ELSE 0 END AS element"
        f" FROM pg_type t WHERE t.oid = {values.type}",
    )
    if kind.typtype == "d":
        base = sql.SQL("SELECT value::{} AS value FROM ({}) v").format(sql.SQL(kind.base), values.query)
        yield from _of_domain(connection, label, kind, _Values(values.type, base))
        yield from _of_type(connection, label, _Values(kind.typbasetype, base))
    elif kind.element:
        elements = sql.SQL("SELECT unnest(value) AS value FROM ({}) v").format(values.query)
        yield from _of_type(connection, f"{label}[]", _Values(kind.element, elements))
    elif kind.typtype == "c":
        fields = f"SELECT attname, atttypid FROM pg_attribute WHERE attrelid = {kind.typrelid} AND attnum > 0 AND NOT attisdropped"
        for field in _rows(connection, fields):
            part = sql.SQL("SELECT (value).{} AS value FROM ({}) v WHERE value IS NOT NULL").format(
                sql.Identifier(field.attname), values.query
            )
            yield from _of_type(connection, f"{label}.{field.attname}", _Values(field.atttypid, part))


def _of_domain(connection: Connection, label: str, kind: Any, values: _Values) -> Iterator[Rule]:
    checks = f"SELECT conname, pg_get_expr(conbin, 0) AS expression FROM pg_constraint WHERE contypid = {values.type} AND contype = 'c'"
    wanted = [(row.conname, row.expression) for row in _rows(connection, checks)]
    wanted += [("not null", "VALUE IS NOT NULL")] if kind.typnotnull else []
    for name, expression in wanted:
        found = sql.SQL("SELECT value FROM ({}) v WHERE NOT ({})").format(values.query, sql.SQL(expression))
        yield Rule(f"{label}: domain {kind.typname}, {name}", found)


_READERS: tuple[Callable[[Connection], Iterator[Rule]], ...] = (
    _not_null, _checks, _partitions, _generated, _foreign_keys, _unique_keys, _exclusions, _sequences, _domains,
)  # fmt: skip
