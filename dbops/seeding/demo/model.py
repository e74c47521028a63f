"""What the demo data stand on: the market as the database has it, and the plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property

E8 = 10**8
SECOND = 1000  # times are whole milliseconds
BAR = 300 * SECOND  # the price path is made of bars of five minutes
DAY = 86_400 * SECOND
BARS = DAY // BAR  # bars of a day
ACCOUNTS = 40  # accounts of a block, fixed for ever: every value depends on it
WEEK = 7 * DAY

TABLES = (
    "users", "accounts", "sessions", "risk_limits", "orders", "fills", "trades", "positions",
    "order_routes", "risk_events", "risk_snapshots", "audit_log",
)  # fmt: skip
"""What is filled, parents first."""


@dataclasses.dataclass(frozen=True)
class Instrument:
    """An instrument that is traded.

    :param tick: step of the price, `lot` of the quantity, `contract` units in a quantity of 1; all in 1e-8.
    :param smallest: of an order, in lots; `largest` too.
    :param margin: share of the notional, in 1e-5.
    :param hours: when it is open, as (from, to) in time since the beginning, ascending; None is always.
    """

    symbol: str
    asset_class: str
    base: str | None
    quote: str
    tick: int
    lot: int
    smallest: int
    largest: int
    contract: int
    margin: int
    hours: tuple[tuple[int, int], ...] | None


@dataclasses.dataclass(frozen=True)
class Provider:
    """A liquidity provider; fees are shares of the notional in 1e-8, the maker's may be negative."""

    id: str
    code: str
    maker: int
    taker: int


@dataclasses.dataclass(frozen=True)
class Quote:
    """What a provider quotes: `spread` in price, smallest and largest quantity, all in 1e-8."""

    provider: str
    symbol: str
    spread: int
    smallest: int
    largest: int


@dataclasses.dataclass(frozen=True)
class Rule:
    """A routing rule for any account; quantities in 1e-8, None is no bound."""

    id: str
    priority: int
    asset_class: str | None
    symbol: str | None
    smallest: int | None
    largest: int | None
    provider: str
    weight: int

    def matches(self, instrument: Instrument, quantity: int) -> bool:
        """Whether an order of this quantity (1e-8) goes by this rule."""
        return (
            self.asset_class in {None, instrument.asset_class}
            and self.symbol in {None, instrument.symbol}
            and (self.smallest or 0) <= quantity
            and (self.largest is None or quantity <= self.largest)
        )


@dataclasses.dataclass(frozen=True)
class Limit:
    """A risk limit; `value` in 1e-8 of its unit, `warning` in 1e-2 percent of it."""

    id: str
    kind: str
    symbol: str | None
    value: int
    warning: int
    action: str

    @cached_property
    def near(self) -> int:
        """From which value on there is a warning."""
        return -(-self.value * self.warning // 10_000)

    def level(self, observed: int) -> int:
        """0 within, 1 near enough for a warning, 2 broken."""
        return 2 if observed > self.value else 1 if observed >= self.near else 0


@dataclasses.dataclass(frozen=True)
class Breaker:
    """A circuit breaker on the move of a price; `threshold` is percent in 1e-8, times are seconds."""

    id: str
    asset_class: str | None
    symbol: str | None
    threshold: int
    window: int
    cooldown: int

    def covers(self, instrument: Instrument) -> bool:
        """Whether it stops this instrument."""
        return self.asset_class in {None, instrument.asset_class} and self.symbol in {None, instrument.symbol}


@dataclasses.dataclass(frozen=True)
class Market:
    """What the fixture sets hold: what can be traded, where it is routed, how far it may go."""

    instruments: tuple[Instrument, ...]
    providers: tuple[Provider, ...]
    quotes: tuple[Quote, ...]
    rules: tuple[Rule, ...]
    limits: tuple[Limit, ...]
    breakers: tuple[Breaker, ...]

    @cached_property
    def limits_by_kind(self) -> dict[tuple[str, str | None], Limit]:
        """The limits by kind and symbol."""
        return {(limit.kind, limit.symbol): limit for limit in self.limits}


@dataclasses.dataclass(frozen=True)
class DemoPlan:
    """What will be made.

    :param as_of: the end of the firm's life, in milliseconds since the epoch; `start` its beginning, a midnight.
    :param locales: where the clients live; empty is everywhere.
    :param fast: the triggers are left out, so the rows of the audit trail are made, too.
    :param first_ids: for each table with numbered rows the highest number that is there already.
    :param password_hash: of all clients; None where they have no password.
    """

    seed: int
    as_of: int
    start: int
    users: int
    accounts: int
    sessions: int
    orders: int
    locales: tuple[str, ...]
    fast: bool
    market: Market
    first_ids: Mapping[str, int]
    password_hash: str | None = dataclasses.field(default=None, repr=False)

    @property
    def blocks(self) -> int:
        """How many blocks of accounts."""
        return -(-self.accounts // ACCOUNTS)

    @property
    def end(self) -> int:
        """The end, in time since the beginning."""
        return self.as_of - self.start

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table, parents first; of those that follow from the orders an estimate."""
        known = {
            "users": self.users,
            "accounts": self.accounts,
            "sessions": self.sessions,
            "orders": self.orders,
        }
        follow = {table: self.orders * share // 1000 for table, share in _PER_1000_ORDERS.items()}
        follow["risk_limits"] = self.accounts * 3 // 2
        follow["positions"] = self.accounts * 7 // 3
        follow["risk_snapshots"] = self.accounts * self.end // WEEK // 2
        follow["audit_log"] = self.users + self.accounts + self.sessions + follow["risk_limits"]
        return {table: {**follow, **known}[table] for table in TABLES if table != "audit_log" or self.fast}

    def accounts_of(self, block: int) -> range:
        """The accounts of a block, by row number."""
        return range(block * ACCOUNTS, min((block + 1) * ACCOUNTS, self.accounts))

    def owner(self, account: int) -> int:
        """The user, by row number, that an account belongs to."""
        return account * self.users // self.accounts

    def users_of(self, block: int) -> range:
        """The users whose first account is in this block (or whose place among the users is)."""
        return range(self._first_user(block), self._first_user(block + 1))

    def _first_user(self, block: int) -> int:
        if block == 0:
            return 0
        if block >= self.blocks:
            return self.users
        return (block * ACCOUNTS - 1) * self.users // self.accounts + 1

    def share(self, total: int, block: int) -> range:
        """The rows of a block, by number, where `total` rows are spread over all accounts."""
        accounts = self.accounts_of(block)
        return range(total * accounts.start // self.accounts, total * accounts.stop // self.accounts)


_PER_1000_ORDERS = {"fills": 1320, "trades": 900, "order_routes": 1000, "risk_events": 30}
