"""Makes the demo data: fixture sets, then the firm's life on top of them, in one transaction."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import TableName
from dbops.engines.postgres import advance, catalog, quiet, tablelocks
from dbops.engines.postgres.analyze import analyze_tables
from dbops.engines.postgres.committed import committed
from dbops.engines.postgres.matviews import refresh_over
from dbops.events import Listener, StepDone
from dbops.seeding.demo import reading
from dbops.seeding.demo.auditing import audit_new_rows
from dbops.seeding.demo.concluding import conclude
from dbops.seeding.demo.model import TABLES, DemoPlan
from dbops.seeding.demo.planning import Request, plan
from dbops.seeding.demo.source import DemoSource
from dbops.seeding.fill import FillOptions, Report, fill
from dbops.seeding.fixtures.truncate import referring, truncate
from dbops.seeding.postgres.engine import Postgres

if TYPE_CHECKING:
    import psycopg

# What the fixture sets bring, and the firm's life goes by.
_MARKET = ("instruments", "liquidity_providers", "lp_instruments", "routing_rules", "circuit_breakers")
_AUDIT = "audit_log"


@dataclasses.dataclass(frozen=True)
class Made:
    """What came of it.

    :param report: None where nothing was to be written.
    :param emptied: the rows that each table had before.
    :param login: the client with the most orders, who has the password of the user `demo`; None where nobody has.
    """

    plan: DemoPlan
    report: Report | None
    emptied: Mapping[TableName, int]
    login: str | None = None


def make(
    connection: psycopg.Connection[Any],
    request: Request,
    load_sets: Callable[[], None],
    options: FillOptions,
    listen: Listener,
    *,
    empties: bool = False,
    cascade: bool = False,
    dry_run: bool = False,
) -> Made:
    """Load the sets, make the data, and commit; then tell the planner of the rows, and the materialized views.

    With `options.fast` no trigger of these tables fires, for the sets' rows neither; what the audit trail would have
    had of new rows is written alike.

    :param connection: in autocommit mode.
    :param load_sets: loads what the demo data are built on, within the transaction.
    :param empties: empty all tables first that demo data and the sets are in; the audit trail only where triggers
        are left out, since its own refuses that.
    :param cascade: empty tables of others that refer to them, too.
    :param dry_run: load the sets and plan, then take all back.
    :raises DbopsError: nothing was written.
    """
    with connection.transaction(force_rollback=dry_run):
        connection.execute("SET LOCAL TimeZone TO 'UTC'")  # in which the audit trail writes times
        reading.require_tables(connection)
        everything = [("public", name) for name in (*TABLES, *_MARKET)]
        triggers = quiet.user_triggers(connection, everything) if options.fast else ()
        if triggers:
            locked = sorted({trigger[:2] for trigger in triggers})
            tablelocks.lock(connection, locked, "access exclusive", options.patience, listen)
            quiet.disable_triggers(connection, triggers)
        emptied = _empty(connection, options, listen, cascade=cascade) if empties else {}
        if triggers:
            _number_anew(connection)
        load_sets()
        if triggers:
            audit_new_rows(connection, triggers)
        planned = plan(connection, request)
        report = None
        if not dry_run:
            report = fill(Postgres(connection), DemoSource(planned), options, listen)
            advance.set_sequences(connection, _filled(planned), listen)
            conclude(connection, planned)
        quiet.enable_triggers(connection, triggers)
    login = None if report is None else _made_known(connection, planned, listen)
    return Made(planned, report, emptied, login)


def _made_known(connection: psycopg.Connection[Any], planned: DemoPlan, listen: Listener) -> str | None:
    """Tell the planner and the materialized views of the rows; the busiest account's login is returned.

    That is looked for last: before the planner knew of the rows it took minutes.
    """
    began = time.monotonic()
    with committed():
        analyze_tables(connection, _filled(planned), listen)
        listen(StepDone("analyzed", time.monotonic() - began))
        refresh_over(connection, _filled(planned), listen)
        return reading.busiest(connection, planned)


def _number_anew(connection: psycopg.Connection[Any]) -> None:
    """Let the rows of the audit trail be numbered from where it ends: numbers that were lost to a rollback come again.

    In the transaction, and with the table locked, so that nobody has drawn a number that is not in it.
    """
    from psycopg import sql

    query = "SELECT coalesce(max(id), 0) + 1 FROM public.audit_log"
    row = connection.execute(query).fetchone()
    assert row is not None
    restart = sql.SQL("ALTER TABLE public.audit_log ALTER COLUMN id RESTART WITH {}")
    connection.execute(restart.format(sql.Literal(row[0])))


def _filled(planned: DemoPlan) -> list[TableName]:
    return [("public", name) for name in planned.rows]


def _empty(
    connection: psycopg.Connection[Any], options: FillOptions, listen: Listener, *, cascade: bool
) -> dict[TableName, int]:
    """Empty what demo data are in, with what refers to it and holds nothing; how many rows each had that had any.

    :raises Refused: a table of somebody else's refers to one of them, and holds rows.
    """
    there = catalog.read(connection)
    names = {("public", name) for name in (*TABLES, *_MARKET) if options.fast or name != _AUDIT}
    tables = [table for table in there.tables if table.id in names]
    others = referring(there, {table.id for table in tables})
    both = sorted(table.id for table in (*tables, *others))
    tablelocks.lock(connection, both, "access exclusive", options.patience, listen)
    return truncate(Postgres(connection), tables, others, listen, cascade=cascade)
