"""Demo data in a database with the trading engine's schema and its `dev` set: constraints, sums, the audit trail."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dbops.errors import DbopsError, Refused, UsageError
from dbops.events import ignore
from dbops.seeding import fixtures
from dbops.seeding.demo import DemoPlan, DemoSource, Request, check, checking, conclude, plan
from dbops.seeding.demo.checks import CHECKS
from dbops.seeding.demo.making import make
from dbops.seeding.fill import FillOptions, Report, fill
from dbops.seeding.postgres.engine import Postgres
from tests.conftest import ROOT, Project
from tests.firms import Firms
from tests.postgres.migrating import ran
from tests.servers import Database, Server

Connection = psycopg.Connection[Any]
Connect = Callable[..., Connection]

pytestmark = pytest.mark.one_major

AS_OF = int(datetime.datetime(2026, 6, 12, 15, 30, tzinfo=datetime.UTC).timestamp()) * 1_000_000  # a Friday


@pytest.fixture
def engine(configured: Project, database: Database, connect: Connect) -> Connection:
    """A database with the schema of the repository, and a session in it."""
    shutil.rmtree(configured.folder / "migrations")
    shutil.copytree(ROOT / "migrations", configured.folder / "migrations")
    ran(configured, "up", "--confirm", database.name)
    return connect(database)


@pytest.fixture
def market(engine: Connection) -> Connection:
    """The same with the `dev` set."""
    sets = fixtures.choose(fixtures.discover(ROOT / "seeds"), ["dev"])
    context = fixtures.Context(datetime.datetime.now(datetime.UTC), {})
    fixtures.load(Postgres(engine), sets, context, fixtures.Options(), ignore)
    return engine


def _seed(connection: Connection, request: Request, jobs: int = 1) -> tuple[DemoPlan, Report]:
    with connection.transaction():
        made = plan(connection, request)
        report = fill(Postgres(connection), DemoSource(made), FillOptions(jobs=jobs, fast=request.fast))
        conclude(connection, made)
    return made, report


def _wrong(connection: Connection) -> dict[str, int]:
    return {finding.rule: finding.violations for finding in check(connection) if not finding.holds}


def _one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_firm_that_adds_up(market: Connection) -> None:
    """Scale 1 with all triggers and constraints in place: about 10,000 rows, nothing that does not hold, and all
    rows that the plan announced."""
    made, report = _seed(market, Request(AS_OF, scale=1))
    assert _wrong(market) == {}
    assert 7_000 < report.rows < 13_000
    assert made.rows["orders"] == _one(market, "SELECT count(*) FROM orders")
    assert _one(market, "SELECT count(*) FROM users") == made.rows["users"] + 4
    assert _one(market, "SELECT count(*) FROM risk_events WHERE event_type = 'trip'") > 0
    last = _one(market, "SELECT max(executed_at) FROM fills")
    assert last <= datetime.datetime(2026, 6, 12, 15, 30, tzinfo=datetime.UTC)
    market.execute("SELECT refresh_all_views()")
    total = "SELECT sum(net_pnl) FROM "
    assert _one(market, total + "v_daily_pnl") == _one(market, total + "trades")


def test_the_audit_trail_is_what_the_triggers_write(market: Connection) -> None:
    """The rows made with `fast` are those that the triggers wrote for the same data."""
    before = _one(market, "SELECT max(id) FROM audit_log")
    made, _ = _seed(market, Request(AS_OF, scale=1))
    source = DemoSource(dataclasses.replace(made, fast=True))
    index = len(source.destinations) - 1
    columns = source.destinations[index].columns
    market.execute("CREATE TEMP TABLE alike (LIKE audit_log)")
    market.execute("ALTER TABLE alike ALTER id DROP NOT NULL")
    for block in range(source.blocks):
        for at, _, text in source.make(block):
            if at == index:
                with market.cursor().copy(f"COPY alike ({', '.join(columns)}) FROM STDIN".encode()) as copy:
                    copy.write(text)
    compared = "SELECT table_name, row_id, operation, old_row, new_row, changed_columns FROM"
    real = f"{compared} audit_log WHERE operation = 'INSERT' AND id > {before}"
    with market.transaction():
        market.execute("SET LOCAL TimeZone TO 'UTC'")
        assert _one(market, f"SELECT count(*) FROM ({real} EXCEPT ALL {compared} alike) AS missing") == 0
        assert _one(market, f"SELECT count(*) FROM ({compared} alike EXCEPT ALL {real}) AS more") == 0
    assert _one(market, "SELECT count(*) FROM alike") > 200


def test_fast_is_the_same_data_without_triggers(market: Connection) -> None:
    """With `fast` and several processes all holds as well, no trigger has fired, and all are enabled again."""
    _seed(market, Request(AS_OF, scale=2, fast=True), jobs=2)
    assert _wrong(market) == {}
    written = "SELECT count(*) FROM audit_log WHERE transaction_id = 0"
    assert _one(market, written) > 400
    assert _one(market, written + " AND table_name = 'circuit_breakers' AND operation = 'UPDATE'") > 0
    later = "SELECT count(*) FROM audit_log WHERE transaction_id > 0 AND table_name = 'sessions'"
    assert _one(market, later) == 0
    assert _one(market, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'") == 0


def test_the_audit_trail_of_the_sets(
    market: Connection, firms: Firms, server: Server, connect: Connect
) -> None:
    """With `fast` the sets' rows have the entries that the triggers write, each once, and rows that have theirs no more."""
    compared = "SELECT table_name, row_id, operation, old_row, new_row, changed_columns FROM audit_log"
    written = set(map(str, market.execute(compared.encode())))
    other = connect(firms.make(server))
    twice = "SELECT FROM audit_log WHERE operation = 'INSERT' GROUP BY table_name, row_id HAVING count(*) > 1"
    sets = fixtures.choose(fixtures.discover(ROOT / "seeds"), ["dev"])
    context = fixtures.Context(datetime.datetime.now(datetime.UTC), {})
    for connection in (market, other):

        def load(to: Connection = connection) -> None:
            fixtures.load(Postgres(to), sets, context, fixtures.Options(), ignore)

        make(connection, Request(AS_OF, scale=1, fast=True), load, FillOptions(jobs=1, fast=True), ignore)
        assert _wrong(connection) == {}
        assert connection.execute(twice.encode()).fetchall() == []
    assert len(written) == 103
    assert written <= set(map(str, other.execute(compared.encode())))
    assert _one(other, "SELECT count(*) FROM audit_log WHERE transaction_id > 0") == 0
    made = "SELECT count(*) FROM audit_log a JOIN users u ON a.row_id = u.id::text WHERE a.changed_at = u.created_at"
    assert _one(other, made) == _one(other, "SELECT count(*) FROM users")


SPOILED = {
    "a balance is the initial one": "UPDATE accounts SET balance = balance + 0.00000001 WHERE id = (SELECT min(account_id::text) FROM trades)::uuid",
    "a position is the sum": "UPDATE positions SET net_quantity = net_quantity * 2 WHERE net_quantity <> 0",
    "a position's price": "UPDATE positions SET average_price = average_price + 0.01 WHERE net_quantity <> 0",
    "an order's average": "UPDATE orders SET average_fill_price = average_fill_price + 1 WHERE filled_quantity > 0",
    "fills are within": "UPDATE fills SET executed_at = executed_at - interval '30 days'",
    "a trade's result": "UPDATE trades SET realized_pnl = realized_pnl + 1",
    "the fees of what is closed": "UPDATE trades SET fees = fees + 1",
    "nothing is ordered or filled outside": "UPDATE fills SET executed_at = '2026-06-06 12:00+00' WHERE symbol = 'EUR/USD'",
    "every daily loss": "DELETE FROM risk_events WHERE risk_limit_id IN (SELECT id FROM risk_limits WHERE limit_type = 'max_daily_loss')",
    "every position that is too large": "UPDATE risk_limits SET limit_value = 0.02 WHERE limit_type = 'max_position_quantity'",
    "a snapshot has": "UPDATE risk_snapshots SET drawdown_percent = drawdown_percent + 1",
    "a circuit breaker knows": "UPDATE circuit_breakers SET tripped_at = now()",
    "what trades close": "DELETE FROM trades WHERE id = (SELECT min(id) FROM trades)",
    "no trade precedes": "UPDATE trades SET opened_at = opened_at - interval '90 days'",
    "an order that was filled": "DELETE FROM order_routes WHERE status = 'accepted'",
    "a closed account": "UPDATE accounts SET status = 'closed', closed_at = opened_at WHERE account_number LIKE 'DM-%'",
}  # fmt: skip


def test_check_sees_what_was_changed_by_hand(market: Connection) -> None:
    """Of each change the rule that it breaks says so, with a row that breaks it; and no second firm is made."""
    _seed(market, Request(AS_OF, scale=1))
    for begin, statement in SPOILED.items():
        ((rule, query),) = [one for one in CHECKS if one[0].startswith(begin)]
        with market.transaction(force_rollback=True):
            market.execute(statement.encode())
            found = checking._look(market, rule, query)
            assert found.violations > 0, rule
            assert found.sample, rule
    with pytest.raises(Refused, match="has demo data already") as refused:
        plan(market, Request(AS_OF, scale=1))
    assert "--truncate" in str(refused.value.hint)


def test_what_cannot_be_planned(engine: Connection, connect: Connect, database: Database) -> None:
    """Without instruments the set that brings them is named; a foreign schema and impossible numbers are told."""
    with pytest.raises(DbopsError, match="no instruments") as error:
        plan(engine, Request(AS_OF, scale=1))
    assert error.value.hint == "bin/seed-test-data dev"
    with pytest.raises(UsageError, match="follow"):
        plan(engine, Request(AS_OF, rows={"fills": 10}))
    with pytest.raises(UsageError, match="locale 'xx_XX'"):
        plan(engine, Request(AS_OF, scale=1, locales=("xx_XX",)))
    with pytest.raises(UsageError, match="orders for each account"):
        plan(engine, Request(AS_OF, rows={"accounts": 1, "orders": 10_000}))
    engine.execute("DROP TABLE order_routes")
    with pytest.raises(DbopsError, match=r"no table public\.order_routes"):
        plan(engine, Request(AS_OF, scale=1))
