"""`validate rollback V`: what undoing one migration would break and lose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql

from dbops.engines.postgres.targets import QualifiedName
from dbops.events import plural
from dbops.safety.analysis import Analysed
from dbops.safety.checkup.model import Finding, Level
from dbops.safety.risk import Judged

if TYPE_CHECKING:
    import psycopg

# Views whose rule reads a relation, or one column of it, and foreign keys that refer to it.
_VIEWS = """
select distinct v.oid::regclass::text from pg_catalog.pg_depend as d
join pg_catalog.pg_rewrite as r on r.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::regclass
join pg_catalog.pg_class as v on v.oid = r.ev_class
where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = %(table)s::regclass and v.oid <> d.refobjid
    and (%(column)s = '' or d.refobjsubid = (
        select attnum from pg_catalog.pg_attribute where attrelid = d.refobjid and attname = %(column)s))
order by 1
"""
_KEYS = """
select quote_ident(conname), conrelid::regclass::text from pg_catalog.pg_constraint
where contype = 'f' and confrelid = %(table)s::regclass and conrelid <> confrelid and (%(column)s = '' or (
    select attnum from pg_catalog.pg_attribute where attrelid = confrelid and attname = %(column)s) = any(confkey))
order by 1, 2
"""
_FUNCTIONS = """
select distinct p.oid::regprocedure::text from pg_catalog.pg_depend as d
join pg_catalog.pg_proc as p on p.oid = d.objid and d.classid = 'pg_catalog.pg_proc'::regclass
where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = %(table)s::regclass order by 1
"""


def look(
    connection: psycopg.Connection[Any], found: Analysed, later: Mapping[str, frozenset[QualifiedName]]
) -> list[Finding]:
    """What is lost and what is in the way.

    :param later: the applied versions above it, each with the relations that its up section touches.
    """
    gone = [
        one for statement in found.statements for one in statement.effects if one.effect.destroys and one.live
    ]
    return [*_dependents(connection, gone), *_needed(gone, later), *_lost(connection, gone)]


def _lost(connection: psycopg.Connection[Any], gone: Sequence[Judged]) -> Iterator[Finding]:
    for one in gone:
        assert one.live is not None  # `look` has left the others out
        if one.live.kind not in ("r", "p", "m"):
            continue
        count = (
            sql.SQL("count({})").format(sql.Identifier(one.effect.column))
            if one.effect.column
            else sql.SQL("count(*)")
        )
        query = sql.SQL("select {} from {}").format(count, _identifier(one.live.name))
        row = connection.execute(query).fetchone()
        if row and row[0]:
            what = "value" if one.effect.column else "row"
            yield Finding(
                "data-lost",
                Level.PROBLEM,
                one.effect.destroys,
                f"goes with {plural(row[0], what)}",
                query.as_string(connection),
                "bin/backup before it, or down with --require-fresh-backup",
            )


def _dependents(connection: psycopg.Connection[Any], gone: Sequence[Judged]) -> Iterator[Finding]:
    dropped = {str(one.live.name) for one in gone if one.live and not one.effect.column}
    for one in gone:
        assert one.live is not None  # `look` has left the others out
        given = {"table": _identifier(one.live.name).as_string(connection), "column": one.effect.column}
        found = [
            f"the view {view}" for (view,) in connection.execute(_VIEWS, given) if not _is_in(view, dropped)
        ]
        found += [
            f"the foreign key {name} on {table}"
            for name, table in connection.execute(_KEYS, given)
            if not _is_in(table, dropped)
        ]
        if not one.effect.column:
            found += [f"the function {name}" for (name,) in connection.execute(_FUNCTIONS, given)]
        for dependent in found:
            yield Finding(
                "depends-on-it",
                Level.PROBLEM,
                dependent,
                f"depends on {one.effect.destroys}, which the down section drops",
                "",
                "drop or change it first, or write it into the down section",
            )


def _is_in(name: str, dropped: set[str]) -> bool:
    return name in dropped or f"public.{name}" in dropped


def _needed(gone: Sequence[Judged], later: Mapping[str, frozenset[QualifiedName]]) -> Iterator[Finding]:
    names = {one.live.name.name for one in gone if one.live}
    for version, touched in later.items():
        both = sorted(names & {name.name for name in touched})
        if both:
            yield Finding(
                "needed-later",
                Level.PROBLEM,
                f"version {version}",
                f"was applied after it and uses {', '.join(both)}",
                "",
                f"undo {version} first: bin/migrate down --through {version}",
            )


def _identifier(name: QualifiedName) -> sql.Identifier:
    return sql.Identifier(*(part for part in (name.schema, name.name) if part is not None))
