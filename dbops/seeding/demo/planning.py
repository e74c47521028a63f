"""Decides how many rows the demo data have, and over which time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dbops.errors import UsageError
from dbops.seeding.demo import reading
from dbops.seeding.demo.model import ACCOUNTS, DAY, DemoPlan
from dbops.seeding.demo.people import require_locales

if TYPE_CHECKING:
    import psycopg

_USERS = 30, ACCOUNTS  # users to accounts
_SESSIONS = 4  # for each account
_ORDERS = 46
SETTABLE = ("users", "accounts", "sessions", "orders")
_MOST_ORDERS = 2000  # for each account; a block has to be made in a worker's memory
_DAYS = 90, 365  # history at scale 1, and at large scales


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked for.

    :param scale: 1 is about 10,000 rows in all, 1000 ten million; None if only `rows` were given.
    :param rows: by table how many; the tables that are not named follow in proportion.
    :param as_of: the end of the firm's life, in microseconds since the epoch.
    :param locales: where the clients live, as `de_DE`; empty is everywhere.
    :param fast: the triggers are left out, so rows of the audit trail are made.
    """

    as_of: int
    scale: int | None = None
    rows: Mapping[str, int] = dataclasses.field(default_factory=dict)
    seed: int = 42
    locales: tuple[str, ...] = ()
    fast: bool = False


def plan(connection: psycopg.Connection[Any], request: Request) -> DemoPlan:
    """Decide; reads the database and changes nothing.

    :raises UsageError: numbers that do not go together, a table whose rows follow from others, an unknown locale.
    :raises DbopsError: not the trading engine's schema, or no instruments and providers in it.
    :raises Refused: there are demo data already.
    """
    sizes = check(request)
    reading.require_tables(connection)
    reading.refuse_twice(connection)
    start, as_of = span(request.as_of // 1000, sizes["accounts"])
    return DemoPlan(
        request.seed, as_of, start, **sizes, locales=request.locales, fast=request.fast,
        market=reading.market(connection, start, as_of), first_ids=reading.first_ids(connection),
        password_hash=reading.password_hash(connection),
    )  # fmt: skip


def check(request: Request) -> dict[str, int]:
    """Rows of the tables from which all others follow, if what was asked for can be made; reads no database.

    :raises UsageError: see `plan`.
    """
    require_locales(request.locales)
    return size(request)


def span(as_of: int, accounts: int) -> tuple[int, int]:
    """Beginning and end of the history, in milliseconds since the epoch: about a year at larger scales."""
    least, most = _DAYS
    days = min(most, least + (accounts - ACCOUNTS) // 16 if accounts > ACCOUNTS else least)
    return (as_of // DAY - days) * DAY, as_of


def size(request: Request) -> dict[str, int]:
    """Rows of the tables from which all others follow.

    :raises UsageError: see `plan`.
    """
    rows = dict(request.rows)
    _refuse_unknown(rows)
    accounts = rows.get("accounts") or _accounts(request.scale, rows)
    users, per = _USERS
    sizes = {
        "users": max(1, accounts * users // per),
        "accounts": accounts,
        "sessions": accounts * _SESSIONS,
        "orders": accounts * _ORDERS,
        **rows,
    }
    if sizes["sessions"] < sizes["accounts"]:
        raise UsageError(
            f"fewer sessions than accounts: each of the {sizes['accounts']:,} accounts has at least one",
            hint=f"--rows sessions={sizes['accounts']}, or more",
        )
    if sizes["orders"] > sizes["accounts"] * _MOST_ORDERS:
        raise UsageError(
            f"more than {_MOST_ORDERS} orders for each account",
            hint=f"set the accounts too: --rows accounts={sizes['orders'] // _MOST_ORDERS + 1}",
        )
    return sizes


def _refuse_unknown(rows: Mapping[str, int]) -> None:
    for table, count in rows.items():
        if table not in SETTABLE:
            raise UsageError(
                f"--rows {table}=N is not for demo data: only {', '.join(SETTABLE)} can be set, the others follow",
                hint="bin/seed-test-data --rows orders=100_000",
            )
        if count < 1:
            raise UsageError(f"--rows {table}={count}: at least one")


def _accounts(scale: int | None, rows: Mapping[str, int]) -> int:
    """How many accounts, where that was not said."""
    if scale is not None:
        return scale * ACCOUNTS
    users, per = _USERS
    if "users" in rows:
        return max(1, rows["users"] * per // users)
    if "sessions" in rows:
        return max(1, rows["sessions"] // _SESSIONS)
    return max(1, -(-rows["orders"] // _ORDERS)) if "orders" in rows else ACCOUNTS
