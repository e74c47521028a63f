"""The project's own fixture sets, read without dbops: what is in them fits together."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import tomllib
import uuid
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

SEEDS = Path(__file__).resolve().parents[3] / "seeds"
SETS = ("dev", "minimal")
PHC = re.compile(r"\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
Row = dict[str, Any]


def _settings(name: str) -> Row:
    return tomllib.loads((SEEDS / name / "set.toml").read_text(encoding="utf-8"))


def _files(name: str) -> list[Path]:
    return [path for path in sorted((SEEDS / name).iterdir()) if path.name != "set.toml"]


def _parsed(path: Path) -> list[Row]:
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".csv":
            return [
                {column: value for column, value in row.items() if value}
                for row in csv.DictReader(text.splitlines())
            ]
        case ".jsonl":
            return [json.loads(line) for line in text.splitlines()]
        case ".json":
            return list(json.loads(text)["rows"])
        case ".toml":
            return [
                {column: _text(value) for column, value in row.items()} for row in tomllib.loads(text)["rows"]
            ]
    raise AssertionError(f"{path} is of no known format")


def _text(value: Any) -> Any:
    """A time as the other formats write it."""
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value


def _rows(name: str) -> dict[str, list[Row]]:
    return {path.stem: _parsed(path) for path in _files(name)}


def _instruments() -> dict[str, Row]:
    return {row["symbol"]: row for row in _rows("dev")["instruments"]}


def _password(name: str) -> str:
    return str(_settings(name)["notice"]).split()[-1]


def test_how_many() -> None:
    """What the engine's documents promise: 4 users, 15 instruments of 4 classes, 4 accounts, 4 providers."""
    rows = _rows("dev")
    counted = {
        table: len(rows[table]) for table in ("users", "instruments", "accounts", "liquidity_providers")
    }
    assert counted == {"users": 4, "instruments": 15, "accounts": 4, "liquidity_providers": 4}
    assert {row["username"] for row in rows["users"]} == {"admin", "trader1", "trader2", "demo"}
    classes = [row["asset_class"] for row in rows["instruments"]]
    assert {name: classes.count(name) for name in classes} == {
        "forex": 6,
        "crypto": 3,
        "commodities": 3,
        "indices": 3,
    }


@pytest.mark.parametrize("name", SETS)
def test_passwords(name: str) -> None:
    """Each hash is that of the password in the notice, with a salt of its own; production is refused."""
    salts = set()
    for row in _rows(name)["users"]:
        found = PHC.fullmatch(row["password_hash"])
        assert found, row["username"]
        cost, block, parallel = map(int, found.groups()[:3])
        salt, expected = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in found.groups()[3:])
        made = hashlib.scrypt(
            _password(name).encode(), salt=salt, n=2**cost, r=block, p=parallel, dklen=len(expected)
        )
        assert made == expected, row["username"]
        salts.add(salt)
    assert len(salts) == len(_rows(name)["users"])
    assert _settings(name)["never-on"] == ["production"]


@pytest.mark.parametrize("name", SETS)
def test_no_password_in_clear(name: str) -> None:
    """Only the notice tells the password, and every address is of a domain that belongs to nobody."""
    for path in _files(name):
        assert _password(name).casefold() not in path.read_text(encoding="utf-8").casefold(), path
    assert all(row["email"].endswith("@example.com") for row in _rows(name)["users"])


@pytest.mark.parametrize("name", SETS)
def test_ids(name: str) -> None:
    """Every row has an id of version 4 form; none is there twice."""
    ids = [uuid.UUID(row["id"]) for rows in _rows(name).values() for row in rows]
    assert all(one.version == 4 for one in ids)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", SETS)
def test_times(name: str) -> None:
    """Every row says when it was made, which is not before what it refers to was."""
    rows = _rows(name)
    made = {row["username"]: row["created_at"] for row in rows["users"]}
    made |= {row["account_number"]: row["created_at"] for row in rows.get("accounts", [])}
    for table, entries in rows.items():
        for row in entries:
            assert row["updated_at"] == row["created_at"] < "2026-11", (table, row)
            for parent in (row.get("user_id"), row.get("account_id"), row.get("approved_by")):
                if parent is not None:
                    assert made[next(iter(parent.values()))] <= row["created_at"], (table, row)


def test_minimal_is_a_part_of_dev() -> None:
    """The rows of `minimal` are rows of `dev`, so that loading one after the other changes nothing."""
    everything = _rows("dev")
    for table, rows in _rows("minimal").items():
        known = {row["id"]: row for row in everything[table]}
        for row in rows:
            hours = {"trading_hours": json.dumps(row["trading_hours"])} if "trading_hours" in row else {}
            assert known[row["id"]] == {**row, **hours}


def test_references() -> None:
    """Every reference by natural key names a row of the set, and so does every symbol."""
    rows = _rows("dev")
    keys = {
        "users": "username", "accounts": "account_number", "instruments": "symbol",
        "liquidity_providers": "code",
    }  # fmt: skip
    known = {table: {row[key] for row in rows[table]} for table, key in keys.items()}
    for table, entries in rows.items():
        for row in entries:
            assert row.get("symbol", "EUR/USD") in known["instruments"], (table, row)
            referred = [row[column] for column in row if column.endswith(("_id", "_by"))]
            for one in (reference for reference in referred if isinstance(reference, dict)):
                ((target, value),) = one.items()
                assert value in known[target], (table, row)


def test_quantities() -> None:
    """Quantities are whole lots within the instrument's range; spreads are whole ticks."""
    instruments = _instruments()
    for row in [*instruments.values(), *_rows("dev")["lp_instruments"]]:
        of = {key: Decimal(instruments[row["symbol"]][key]) for key in ("lot_size", "tick_size")}
        least, most = (Decimal(row[key]) for key in ("min_quantity", "max_quantity"))
        bounds = [Decimal(instruments[row["symbol"]][key]) for key in ("min_quantity", "max_quantity")]
        assert bounds[0] <= least <= most <= bounds[1], row
        assert least % of["lot_size"] == most % of["lot_size"] == 0, row
        assert Decimal(row.get("typical_spread", of["tick_size"])) % of["tick_size"] == 0, row
        assert Decimal(row.get("typical_spread", 1)) > 0, row


def test_limits_fit_their_instruments() -> None:
    """A limit on quantities is in whole lots, and one on orders not above the largest order."""
    limits = [row for row in _rows("dev")["risk_limits"] if "quantity" in row["limit_type"]]
    assert limits
    for row in limits:
        instrument = _instruments()[row["symbol"]]
        assert Decimal(row["limit_value"]) % Decimal(instrument["lot_size"]) == 0
        if row["limit_type"] == "max_order_quantity":
            assert Decimal(row["limit_value"]) <= Decimal(instrument["max_quantity"])


def test_limits_are_approved_and_single() -> None:
    """The admin approved every limit; one of a type per scope, as the table's unique index asks."""
    limits = _rows("dev")["risk_limits"]
    assert all(row["approved_by"] == {"users": "admin"} for row in limits)
    scopes = {(row["limit_type"], str(row.get("account_id")), row.get("symbol")) for row in limits}
    assert len(scopes) == len(limits)


def test_breakers_for_every_class() -> None:
    """Each asset class has its own breaker, and some instruments have one of their own."""
    breakers = _rows("dev")["circuit_breakers"]
    classes = {row["asset_class"] for row in _instruments().values()}
    assert {row["asset_class"] for row in breakers if "asset_class" in row} == classes
    assert sum("symbol" in row for row in breakers) >= 3


def test_providers_quote_what_is_routed_to_them() -> None:
    """A rule sends a provider only instruments that it quotes, in quantities that it takes."""
    rows = _rows("dev")
    quoted = {
        (row["liquidity_provider_id"]["liquidity_providers"], row["symbol"]): row
        for row in rows["lp_instruments"]
    }
    for rule in rows["routing_rules"]:
        provider = rule["liquidity_provider_id"]["liquidity_providers"]
        for symbol, instrument in _instruments().items():
            if rule.get("symbol", symbol) != symbol:
                continue
            if rule.get("asset_class", instrument["asset_class"]) != instrument["asset_class"]:
                continue
            quote = quoted[provider, symbol]
            if "min_quantity" in rule:
                assert Decimal(rule["min_quantity"]) >= Decimal(quote["min_quantity"]), (rule["name"], symbol)
            if "max_quantity" in rule:
                assert Decimal(rule["max_quantity"]) <= Decimal(quote["max_quantity"]), (rule["name"], symbol)


def test_trading_hours() -> None:
    """Zones exist, days are 1 to 7, sessions end after they begin, do not overlap and end by midnight."""
    for symbol, instrument in _instruments().items():
        hours = json.loads(instrument["trading_hours"])
        assert ZoneInfo(hours["timezone"]).key == hours["timezone"]
        taken: list[tuple[int, str, str]] = []
        for session in hours["sessions"]:
            assert re.fullmatch(r"[0-2]\d:[0-5]\d", session["open"]), symbol
            assert "00:00" <= session["open"] < session["close"] <= "24:00", symbol
            assert set(session["days"]) <= set(range(1, 8)), symbol
            taken += [(day, session["open"], session["close"]) for day in session["days"]]
        taken.sort()
        assert all(a[0] < b[0] or a[2] <= b[1] for a, b in pairwise(taken)), symbol
        assert (hours["sessions"] == []) == (instrument["asset_class"] == "crypto"), symbol


def test_balances() -> None:
    """No trades yet: the balance is what the account was opened with; of the three types one or more."""
    accounts = _rows("dev")["accounts"]
    assert all(row["balance"] == row["initial_balance"] for row in accounts)
    assert {row["account_type"] for row in accounts} == {"live", "demo", "house"}
