"""The project's own fixture sets, loaded into the trading engine's schema."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbops.errors import Refused
from dbops.events import Event
from dbops.seeding import fixtures
from dbops.seeding.postgres.engine import Postgres
from tests.conftest import ROOT, Project
from tests.firms import Firms
from tests.postgres.migrating import ran
from tests.servers import Database, Server
from tests.zoo.nasty import tables, violations

Connect = Callable[..., psycopg.Connection[Any]]
NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


@pytest.fixture
def engine(configured: Project, database: Database, connect: Connect) -> psycopg.Connection[Any]:
    """A connection to a database with the engine's schema and no rows."""
    shutil.copytree(ROOT / "migrations", configured.folder / "migrations", dirs_exist_ok=True)
    ran(configured, "up")
    return connect(database)


def _load(
    connection: psycopg.Connection[Any], *names: str, now: dt.datetime = NOW, **options: bool
) -> fixtures.Summary:
    def listen(_: Event) -> None:
        pass

    sets = fixtures.choose(fixtures.discover(ROOT / "seeds"), names)
    return fixtures.load(
        Postgres(connection), sets, fixtures.Context(now), fixtures.Options(**options), listen
    )


def _inserted(summary: fixtures.Summary) -> dict[str, int]:
    return {count.table: count.inserted for count in summary.tables}


def test_dev_is_loaded_once(engine: psycopg.Connection[Any]) -> None:
    """All rows go in and break no rule; loading again, and then the smaller set, changes nothing."""
    loaded = _load(engine, "dev")
    assert _inserted(loaded) == {
        "users": 4,
        "instruments": 15,
        "accounts": 4,
        "liquidity_providers": 4,
        "lp_instruments": 38,
        "routing_rules": 9,
        "risk_limits": 17,
        "circuit_breakers": 12,
    }
    assert "password" in " ".join(loaded.notices)
    assert violations(engine) == []
    before = engine.execute("SELECT count(*), max(id) FROM audit_log").fetchone()
    assert not _load(engine, "dev").changed
    assert not _load(engine, "minimal").changed
    assert engine.execute("SELECT count(*), max(id) FROM audit_log").fetchone() == before


@pytest.mark.one_major
@pytest.mark.parametrize("name", ["dev", "minimal"])
def test_the_same_data_on_every_day(name: str, firms: Firms, server: Server, connect: Connect) -> None:
    """Loaded into two databases at different times, every row of every table of the set is the same, in all columns."""
    first, second = (connect(firms.make(server)) for _ in range(2))
    _load(first, name)
    summary = _load(second, name, now=NOW + dt.timedelta(days=400))
    for count in summary.tables:
        query = f"SELECT * FROM {count.table} ORDER BY id".encode()
        rows = first.execute(query).fetchall()
        assert len(rows) == count.inserted > 0
        assert rows == second.execute(query).fetchall(), count.table


@pytest.mark.one_major
def test_dev_and_minimal_in_one_command(engine: psycopg.Connection[Any]) -> None:
    """What both sets give is there once."""
    _load(engine, "dev", "minimal")
    assert engine.execute("SELECT count(*) FROM users").fetchone() == (4,)
    assert not _load(engine, "minimal", "dev").changed


@pytest.mark.one_major
def test_trades_of_a_developer_stay(engine: psycopg.Connection[Any]) -> None:
    """A balance that has moved, and when its row was last touched, are left alone when the set is loaded again."""
    _load(engine, "dev")
    engine.execute("UPDATE accounts SET balance = balance - 12.5 WHERE account_number = 'LIVE-1001'")
    engine.execute("UPDATE users SET created_at = '2020-01-01' WHERE username = 'demo'")
    before = engine.execute("SELECT * FROM accounts ORDER BY id").fetchall()
    assert not _load(engine, "dev").changed
    assert engine.execute("SELECT * FROM accounts ORDER BY id").fetchall() == before


@pytest.mark.one_major
def test_references_lead_where_they_should(engine: psycopg.Connection[Any]) -> None:
    """Each account is that of its user, and the admin approved every limit."""
    _load(engine, "dev")
    owners = "SELECT account_number, username FROM accounts JOIN users ON users.id = user_id ORDER BY 1"
    assert engine.execute(owners).fetchall() == [
        ("DEMO-9001", "demo"),
        ("HOUSE-0001", "admin"),
        ("LIVE-1001", "trader1"),
        ("LIVE-1002", "trader2"),
    ]
    approved = "SELECT DISTINCT username FROM risk_limits JOIN users ON users.id = approved_by"
    assert engine.execute(approved).fetchall() == [("admin",)]


@pytest.mark.one_major
def test_minimal_first(engine: psycopg.Connection[Any]) -> None:
    """What `minimal` loaded, `dev` finds unchanged, and adds the rest."""
    assert _inserted(_load(engine, "minimal")) == {"users": 1, "instruments": 3}
    summary = {count.table: count for count in _load(engine, "dev").tables}
    for table, there in (("users", 1), ("instruments", 3)):
        count = summary[table]
        assert (count.unchanged, count.updated) == (there, 0), table


@pytest.mark.one_major
def test_what_was_changed_is_set_back(engine: psycopg.Connection[Any]) -> None:
    """A changed limit is set back and a deleted rule added again; a row of one's own stays."""
    _load(engine, "dev")
    engine.execute("UPDATE risk_limits SET limit_value = 1 WHERE limit_type = 'max_open_orders'")
    engine.execute("DELETE FROM routing_rules WHERE name = 'Gold to the bank'")
    engine.execute(
        "INSERT INTO circuit_breakers (name, trigger_type, threshold) VALUES ('mine', 'order_rate', 9)"
    )
    summary = {count.table: count for count in _load(engine, "dev").tables}
    assert (summary["risk_limits"].updated, summary["risk_limits"].unchanged) == (1, 16)
    assert (summary["routing_rules"].inserted, summary["routing_rules"].unchanged) == (1, 8)
    assert engine.execute("SELECT count(*) FROM circuit_breakers WHERE name = 'mine'").fetchone() == (1,)


@pytest.mark.one_major
@pytest.mark.parametrize("name", ["dev", "minimal"])
def test_never_on_production(name: str, engine: psycopg.Connection[Any], database: Database) -> None:
    """A database marked as production gets no user whose password everybody knows, and no other row."""
    marking = "COMMENT ON DATABASE {} IS 'environment=production'"
    engine.execute(sql.SQL(marking).format(sql.Identifier(database.name)))
    with pytest.raises(Refused, match=f"the set {name} is never loaded on production"):
        _load(engine, name)
    assert set(tables(engine).values()) == {0}
