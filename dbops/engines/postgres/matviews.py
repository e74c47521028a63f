"""Materialized views that show what is in some tables."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import TableName
from dbops.engines.postgres.bulk import quoted
from dbops.engines.postgres.errors import first_line
from dbops.events import Listener, StepDone, Warned

if TYPE_CHECKING:
    import psycopg

# Views between a table and a materialized view are gone through; the longest way to one tells its turn.
_OVER = """
with recursive over(oid, turn) as (
    select unnest(%s::regclass[])::oid, 0
    union
    select r.ev_class, over.turn + 1
    from over
    join pg_catalog.pg_depend as d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = over.oid
        and d.classid = 'pg_catalog.pg_rewrite'::regclass
    join pg_catalog.pg_rewrite as r on r.oid = d.objid and r.ev_class <> over.oid
    where over.turn < 100
)
select n.nspname, c.relname, pg_catalog.pg_has_role(c.relowner, 'USAGE')
from (select oid, max(turn) as turn from over group by oid) as last
join pg_catalog.pg_class as c on c.oid = last.oid and c.relkind = 'm'
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
order by last.turn, n.nspname, c.relname
"""


def refresh_over(
    connection: psycopg.Connection[Any], tables: Collection[TableName], listen: Listener
) -> None:
    """Refresh the materialized views over these tables, each after those that it is made from.

    Outside a transaction each is refreshed by itself; readers of one wait as long.  What cannot be refreshed, as where
    somebody reads it for long, is told, and shows what it has shown before.

    :raises psycopg.OperationalError: of the server or the connection.
    """
    import psycopg
    from psycopg import sql

    for schema, name, owned in connection.execute(_OVER, [list(map(quoted, tables))]).fetchall():
        label = name if schema == "public" else f"{schema}.{name}"
        if not owned:
            listen(Warned(f"materialized view {label} is not refreshed: another role owns it"))
            continue
        began = time.monotonic()
        try:
            connection.execute(sql.SQL("refresh materialized view {}").format(sql.Identifier(schema, name)))
        except psycopg.Error as error:
            locked = isinstance(error, psycopg.errors.LockNotAvailable)
            if isinstance(error, psycopg.OperationalError) and not locked:
                raise
            listen(Warned(f"materialized view {label} is not refreshed: {first_line(error)}"))
        else:
            listen(StepDone(f"refreshed {label}", time.monotonic() - began))
