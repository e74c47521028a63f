"""From what a statement asks of rows to the query that finds those which break it, and to what mends them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from psycopg import sql

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.live import quoted
from dbops.safety.checkup.asking import Asker
from dbops.safety.checkup.requirements import Holds, NotNull, Refers, Requirement, Unique, Validated
from dbops.safety.checkup.rows import KEY_COLUMNS, childless, delete_childless, identifier

_PRIMARY_KEY = """
select a.attname::text from pg_catalog.pg_index as i
cross join unnest(i.indkey::int2[]) with ordinality as u (attnum, number)
join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = u.attnum
where i.indrelid = pg_catalog.to_regclass(%s) and i.indisprimary order by u.number
"""
_CONSTRAINT = f"""
select k.contype::text, pg_catalog.pg_get_expr(k.conbin, k.conrelid), pn.nspname::text, p.relname::text, {KEY_COLUMNS}
from pg_catalog.pg_constraint as k left join pg_catalog.pg_class as p on p.oid = k.confrelid
left join pg_catalog.pg_namespace as pn on pn.oid = p.relnamespace
where k.conrelid = pg_catalog.to_regclass(%s) and k.conname = %s and not k.convalidated
"""  # noqa: S608  # our own words


@dataclasses.dataclass(frozen=True)
class Broken:
    """How to find what breaks a requirement.

    :param rows: the query that shows them.
    :param said: a sentence without its subject; {} is how many.
    :param unit: what a row of the query is.
    :param mended: the statement that mends them, with what a person must choose in capitals.
    """

    check: str
    about: str
    rows: sql.Composed
    said: str
    unit: str
    mended: sql.Composable

    def mend(self, ask: Asker) -> str:
        """`mended`, as text."""
        return self.mended.as_string(ask.connection)


def broken(one: Requirement, table: QualifiedName, ask: Asker) -> Broken | None:
    """None where nothing can break it.

    :param table: its table, as the catalog has it.
    """
    return _RULES[type(one)](one, table, ask)


def _unique(one: Unique, table: QualifiedName, ask: Asker) -> Broken:
    pieces = [_text(spelled) for _, spelled in one.columns]
    conditions: list[sql.Composable] = [_text(f"({one.where})")] if one.where else []
    if not one.nulls_alike:
        conditions += [sql.SQL("({}) is not null").format(piece) for piece in pieces]
    where = sql.SQL(" where {}").format(sql.SQL(" and ").join(conditions)) if conditions else sql.SQL("")
    listed = sql.SQL(", ").join(pieces)
    numbers = sql.SQL(", ").join(sql.Literal(number) for number in range(1, len(pieces) + 1))
    rows = sql.SQL("select {}, count(*) from {}{} group by {} having count(*) > 1").format(
        listed, identifier(table), where, numbers
    )
    about = f"the unique index on {table} ({', '.join(spelled for _, spelled in one.columns)})"
    return Broken(
        "duplicates-coming",
        about,
        rows,
        "would be hit by {} of duplicate rows",
        "group",
        _keep_one(listed, where, table),
    )


def _keep_one(listed: sql.Composable, where: sql.Composable, table: QualifiedName) -> sql.Composed:
    """Which of them is to stay is for people to say; the statement keeps the one that is stored first."""
    return sql.SQL(
        "/* keeps the first of each */ with doubles as (select tableoid, ctid, row_number() over "
        "(partition by {} order by ctid) as place from {}{}) delete from {} as gone using doubles "
        "where (gone.tableoid, gone.ctid) = (doubles.tableoid, doubles.ctid) and doubles.place > 1;"
    ).format(listed, identifier(table), where, identifier(table))


def _not_null(one: NotNull, table: QualifiedName, ask: Asker) -> Broken:
    about, name, column = f"NOT NULL of {table}.{one.column}", identifier(table), sql.Identifier(one.column)
    if one.is_new:
        rows = sql.SQL("select * from {}").format(name)
        said = "has no default, and {} are there"
        mend: sql.Composable = sql.SQL(
            "add the column with a DEFAULT; or without NOT NULL, fill it, then SET NOT NULL"
        )
    else:
        rows = sql.SQL("select * from {} where {} is null").format(name, column)
        said = "would be broken by {}"
        mend = sql.SQL("update {} set {} = VALUE where {} is null;").format(name, column, column)
    return Broken("nulls-coming", about, rows, said, "row", mend)


def _holds(one: Holds, table: QualifiedName, ask: Asker) -> Broken:
    condition, name = _text(one.expression), identifier(table)
    rows = sql.SQL("select * from {} where not ({})").format(name, condition)
    mend = sql.SQL("update {} set COLUMN = VALUE where not ({});").format(name, condition)
    return Broken(
        "check-coming",
        f"CHECK ({one.expression}) of {table}",
        rows,
        "would be broken by {}",
        "row",
        mend,
    )


def _refers(one: Refers, table: QualifiedName, ask: Asker) -> Broken | None:
    keys = one.keys or tuple(key for (key,) in ask.rows(_PRIMARY_KEY, [quoted(one.parent)]))
    if len(keys) != len(one.columns):
        return None  # the parent comes with these migrations, too
    rows = childless(table, one.columns, one.parent, keys)
    return Broken(
        "orphans-coming",
        f"the foreign key of {table} ({', '.join(one.columns)}) to {one.parent}",
        sql.SQL("select child.* {}").format(rows),
        "would be broken by {}",
        "row",
        delete_childless(rows),
    )


def _validated(one: Validated, table: QualifiedName, ask: Asker) -> Broken | None:
    """Of a constraint that is not there yet, the statement that brings it would be asked."""
    for kind, condition, schema, parent, columns, keys in ask.rows(
        _CONSTRAINT, [quoted(table), one.constraint]
    ):
        if kind == "c":
            return _holds(Holds(table, condition), table, ask)
        if kind == "n":  # since PostgreSQL 18
            return _not_null(NotNull(table, columns[0]), table, ask)
        if kind == "f":
            return _refers(Refers(table, columns, QualifiedName(schema, parent), keys), table, ask)
    return None


def _text(spelled: str) -> sql.SQL:
    """An expression of a migration, which the server will read as it stands."""
    return sql.SQL(spelled)


_RULES: dict[type, Callable[[Any, QualifiedName, Asker], Broken | None]] = {
    Unique: _unique,
    NotNull: _not_null,
    Holds: _holds,
    Refers: _refers,
    Validated: _validated,
}
