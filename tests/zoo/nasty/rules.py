"""Every rule of a database as a query for the rows that break it, read from the catalogs without a line of dbops.

The rules can be read before the rows are written and asked after, so that a constraint which got lost, or which
was added as NOT VALID, is asked all the same.  Not asked: what triggers do, and what types themselves refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from psycopg import sql

from tests.zoo.nasty.asking import SQL, Connection, Rule, from_tables, name_of, rows_of
from tests.zoo.nasty.domains import of_domains


def violations(connection: Connection, asked: Sequence[Rule] | None = None) -> list[str]:
    """Every broken rule with its first row, of `asked` or of what the catalogs say now; empty if all hold.

    An exclusion compares each row with each other one: a few thousand rows in such a table are enough.
    """
    found = []
    with connection.transaction():
        connection.execute("SET LOCAL jit = off")  # compiling takes longer than any of these queries
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
    query = f"SELECT n.nspname || '.' || c.relname AS label, n.nspname, c.relname {from_tables()} AND NOT c.relispartition"
    return {
        row.label: _one(connection, sql.SQL("SELECT count(*) FROM {}").format(name_of(row)))
        for row in rows_of(connection, query)
    }


def _one(connection: Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _listed(columns: Sequence[str], template: str = "{}", between: str = ", ", alias: str = "") -> SQL:
    names = [sql.Identifier(alias, column) if alias else sql.Identifier(column) for column in columns]
    return sql.SQL(between).join(sql.SQL(template).format(name) for name in names)


def _not_null(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, a.attname
        {from_tables("JOIN pg_attribute a ON a.attrelid = c.oid")}
        AND a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped
    """
    for row in rows_of(connection, query):
        found = sql.SQL("SELECT t.* FROM {} t WHERE t.{} IS NULL").format(
            name_of(row), sql.Identifier(row.attname)
        )
        yield Rule(f"{row.nspname}.{row.relname}: {row.attname} is not null", found)


def _checks(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, k.conname, k.connoinherit, pg_get_expr(k.conbin, k.conrelid) AS expression
        {from_tables("JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c'")}
    """
    for row in rows_of(connection, query):
        only = sql.SQL("ONLY ") if row.connoinherit else sql.SQL("")
        found = sql.SQL("SELECT * FROM {}{} WHERE NOT ({})").format(
            only, name_of(row), sql.SQL(row.expression)
        )
        yield Rule(f"{row.nspname}.{row.relname}: check {row.conname}", found)


def _partitions(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, pg_get_partition_constraintdef(c.oid) AS expression {from_tables()} AND c.relispartition
    """
    for row in rows_of(connection, query):
        if row.expression is not None:
            found = sql.SQL("SELECT * FROM {} WHERE NOT ({})").format(name_of(row), sql.SQL(row.expression))
            yield Rule(f"{row.nspname}.{row.relname}: its rows belong into the partition", found)


def _generated(connection: Connection) -> Iterator[Rule]:
    joins = """
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attgenerated <> ''
        JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    """
    query = f"""
        SELECT n.nspname, c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid) AS expression
        {from_tables(joins)}
    """
    for row in rows_of(connection, query):
        found = sql.SQL("SELECT * FROM {} WHERE {} IS DISTINCT FROM ({})").format(
            name_of(row), sql.Identifier(row.attname), sql.SQL(row.expression)
        )
        yield Rule(f"{row.nspname}.{row.relname}: {row.attname} is generated", found)


def _foreign_keys(connection: Connection) -> Iterator[Rule]:
    names = (
        "(SELECT array_agg(a.attname::text ORDER BY u.ord) FROM unnest({keys}) WITH ORDINALITY u (num, ord)"
        " JOIN pg_attribute a ON a.attrelid = {relation} AND a.attnum = u.num)"
    )
    joins = """
        JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f'
        JOIN pg_class r ON r.oid = k.confrelid
        JOIN pg_namespace rn ON rn.oid = r.relnamespace
    """
    query = f"""
        SELECT n.nspname, c.relname, k.conname, k.confmatchtype = 'f' AS full, rn.nspname AS other_schema, r.relname AS other,
            {names.format(keys="k.conkey", relation="k.conrelid")} AS columns,
            {names.format(keys="k.confkey", relation="k.confrelid")} AS referred
        {from_tables(joins)}
        AND k.conparentid = 0
    """
    for row in rows_of(connection, query):
        pairs = sql.SQL(" AND ").join(
            sql.SQL("r.{} = t.{}").format(sql.Identifier(theirs), sql.Identifier(ours))
            for ours, theirs in zip(row.columns, row.referred, strict=True)
        )
        found = sql.SQL("SELECT t.* FROM {} t WHERE ({} AND NOT EXISTS (SELECT FROM {} r WHERE {}))").format(
            name_of(row), _listed(row.columns, "{} IS NOT NULL", " AND ", "t"),
            sql.Identifier(row.other_schema, row.other), pairs,
        )  # fmt: skip
        if row.full:
            count = sql.SQL(" OR num_nulls({}) BETWEEN 1 AND {}")
            found += count.format(_listed(row.columns, alias="t"), len(row.columns) - 1)
        yield Rule(f"{row.nspname}.{row.relname}: foreign key {row.conname}", found)


def _unique_keys(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, i.indexrelid::regclass::text AS index, coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_equal,
            pg_get_expr(i.indpred, i.indrelid) AS predicate,
            ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, true) FROM generate_series(1, i.indnkeyatts) p) AS entries
        {from_tables("JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid")}
        AND i.indisunique AND NOT x.relispartition
    """
    for row in rows_of(connection, query):
        entries = [sql.SQL(f"({entry})") for entry in row.entries]
        counted: list[SQL] = (
            [] if row.nulls_equal else [sql.SQL("{} IS NOT NULL").format(entry) for entry in entries]
        )
        counted += [sql.SQL(f"({row.predicate})")] if row.predicate else []
        where = sql.SQL(" AND ").join(counted) if counted else sql.SQL("true")
        keys = sql.SQL(", ").join(entries)
        found = sql.SQL("SELECT {}, count(*) FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1").format(
            keys, name_of(row), where, keys
        )
        yield Rule(f"{row.nspname}.{row.relname}: unique {row.index}", found)


def _exclusions(connection: Connection) -> Iterator[Rule]:
    joins = """
        JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'x'
        JOIN pg_index i ON i.indexrelid = k.conindid
    """
    query = f"""
        SELECT n.nspname, c.relname, k.conname, pg_get_expr(i.indpred, i.indrelid) AS predicate,
            ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, true) FROM generate_series(1, i.indnkeyatts) p) AS entries,
            ARRAY(SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname) FROM unnest(k.conexclop) WITH ORDINALITY u (op, ord)
                JOIN pg_operator o ON o.oid = u.op JOIN pg_namespace s ON s.oid = o.oprnamespace ORDER BY u.ord) AS operators
        {from_tables(joins)}
    """
    for row in rows_of(connection, query):
        values = sql.SQL(", ").join(sql.SQL(f"({entry}) AS e{at}") for at, entry in enumerate(row.entries))
        meet = sql.SQL(" AND ").join(sql.SQL(f"a.e{at} {op} b.e{at}") for at, op in enumerate(row.operators))
        found = sql.SQL(
            "WITH x AS MATERIALIZED (SELECT row_number() OVER () AS n, {} FROM {} WHERE {})"
            " SELECT a.*, b.* FROM x a JOIN x b ON a.n < b.n AND {}"
        ).format(values, name_of(row), sql.SQL(row.predicate or "true"), meet)
        yield Rule(f"{row.nspname}.{row.relname}: exclusion {row.conname}", found)


def _sequences(connection: Connection) -> Iterator[Rule]:
    """The next value of a sequence is not among the rows, nor behind them."""
    joins = """
        JOIN pg_depend o ON o.refclassid = 'pg_class'::regclass AND o.refobjid = c.oid AND o.deptype IN ('a', 'i') AND o.classid = 'pg_class'::regclass
        JOIN pg_sequence s ON s.seqrelid = o.objid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.refobjsubid
    """
    query = f"""
        SELECT n.nspname, c.relname, a.attname, s.seqrelid::regclass::text AS sequence, s.seqincrement AS step
        {from_tables(joins)}
    """
    for row in rows_of(connection, query):
        behind = sql.SQL(">=" if row.step > 0 else "<=")
        found = sql.SQL(
            "SELECT t.{column}, s.last_value FROM {table} t, {sequence} s"
            " WHERE t.{column} {behind} s.last_value + CASE WHEN s.is_called THEN {step} ELSE 0 END"
        ).format(
            column=sql.Identifier(row.attname), table=name_of(row), sequence=sql.SQL(row.sequence),
            behind=behind, step=row.step,
        )  # fmt: skip
        yield Rule(f"{row.nspname}.{row.relname}: the sequence of {row.attname} is past its values", found)


_READERS: tuple[Callable[[Connection], Iterator[Rule]], ...] = (
    _not_null, _checks, _partitions, _generated, _foreign_keys, _unique_keys, _exclusions, _sequences, of_domains,
)  # fmt: skip
