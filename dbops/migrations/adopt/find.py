"""Which tool's table there is in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.errors import ConfigError, DbopsError, ExitCode, UsageError
from dbops.migrations.adopt import tools
from dbops.migrations.adopt.model import FoundTable, TableName

if TYPE_CHECKING:
    from dbops.migrations.adopt.tools.base import Ask, Tool

AUTO = "auto"


class NothingToAdopt(DbopsError):
    """No table of this database is another tool's."""


class NoSuchTable(NothingToAdopt):
    """The table that was named is not there."""

    exit_code = ExitCode.USAGE


_TABLES = """
select n.nspname::text, c.relname::text, array_agg(a.attname::text),
    array_agg(pg_catalog.format_type(a.atttypid, null))
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%%'
group by n.nspname, c.relname
order by 1, 2
"""


def find(ask: Ask, tool: str = AUTO, table: TableName | None = None) -> tuple[Tool, FoundTable]:
    """The one table of the one other tool.

    :param tool: a name in `tools.NAMES`, or `auto`.
    :param table: where it is, where it has another name than the tool gives it.
    :raises UsageError: where there is no such tool.
    :raises NoSuchTable: where there is no such table.
    :raises NothingToAdopt: where there is none.
    :raises ConfigError: where there are two.
    """
    known = [tools.by_name(name) for name in _wanted(tool)]
    found = everything(ask)
    if table is not None:
        named = next((one for one in found if one.table == table), None)
        if named is None:
            raise NoSuchTable(f"there is no table {table}", hint="--table SCHEMA.NAME")
        pairs = [(one, named) for one in known if one.recognises(named)]
    else:
        pairs = [(one, each) for one in known for each in found if one.finds(each)]
    if not pairs:
        raise _none(tool, table)
    if len(pairs) > 1:
        raise _several(pairs, tool)
    return pairs[0]


def everything(ask: Ask) -> list[FoundTable]:
    """All tables of the database, with their columns."""
    rows = ask(_TABLES, ())
    names: dict[str, set[str]] = {}
    for schema, name, _, _ in rows:
        names.setdefault(schema, set()).add(name)
    return [
        FoundTable(TableName(schema, name), dict(zip(columns, types, strict=True)), frozenset(names[schema]))
        for schema, name, columns, types in rows
    ]


def _wanted(tool: str) -> Sequence[str]:
    if tool == AUTO:
        return tools.NAMES
    name = next((name for name in tools.NAMES if name.lower() == tool.lower()), None)
    if name is None:
        raise UsageError(
            f"{tool!r} is no tool whose history can be taken over",
            hint=f"known are auto, {', '.join(tools.NAMES)}",
        )
    return [name]


def _none(tool: str, table: TableName | None) -> NothingToAdopt:
    whose = "another tool" if tool == AUTO else tool
    where = "no table of this database has" if table is None else f"{table} does not have"
    return NothingToAdopt(
        f"{where} the columns of a table of {whose}",
        hint="name a renamed table with --table SCHEMA.NAME; without one, bin/migrate baseline VERSION records what is applied",
    )


def _several(pairs: Sequence[tuple[Tool, FoundTable]], tool: str) -> ConfigError:
    named = " and ".join(f"{found.table} ({one.name})" for one, found in pairs)
    same = len({one.name for one, _ in pairs}) == 1
    hint = (
        f"--table {pairs[0][1].table} decides"
        if same
        else f"--from {pairs[0][0].name} or --from {pairs[1][0].name} decides"
    )
    return ConfigError(f"more than one table could be the history: {named}", hint=hint)
