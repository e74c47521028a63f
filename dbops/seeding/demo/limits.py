"""Risk limits as they apply to an account, and the events where they are neared or broken.

How each is measured:

- `max_order_quantity`: each order, when it is placed; an order above a limit that blocks is rejected.
- `max_position_quantity`: the net quantity after each fill.
- `max_daily_loss`: net loss of the trades closed in a day (UTC), after each trade.
- `max_notional` of all instruments together, `max_drawdown_percent`, `max_leverage` (gross notional to equity) and
  `max_open_orders`: at each snapshot.

Of all but the first there is an event where the level (within, warning, broken) rises above the one measured before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from dbops.seeding.demo.accounts import Account
from dbops.seeding.demo.model import Instrument, Limit, Market

Cause = tuple[str, int]
"""The order after which a limit was measured: its session's id, and its number."""


@dataclasses.dataclass(slots=True)
class Breach:
    """A limit was neared (level 1) or broken (level 2)."""

    time: int
    limit: Limit
    level: int
    observed: int
    cause: Cause | None = None
    symbol: str | None = None


class Gauge:
    """Measures against one limit, and tells when the level rises."""

    __slots__ = ("_found", "_level", "_near", "limit")

    def __init__(self, limit: Limit, found: list[Breach]) -> None:
        self.limit, self._found, self._level, self._near = limit, found, 0, limit.near

    def measure(
        self, time: int, observed: int, cause: Cause | None = None, symbol: str | None = None
    ) -> None:
        """Compare, and add an event if the level is above the last one."""
        if observed < self._near:
            self._level = 0
            return
        level = self.limit.level(observed)
        if level > self._level:
            self._found.append(Breach(time, self.limit, level, observed, cause, symbol))
        self._level = level

    def forget(self) -> None:
        """Begin anew, as with a new day."""
        self._level = 0


class Limits:
    """The limits of one account: of those that match, the narrowest counts."""

    def __init__(self, market: Market, account: Account) -> None:
        self._instruments = market.instruments
        self.found: list[Breach] = []
        self._of = market.limits_by_kind
        if account.limits:  # they count before those of the market
            own = {(limit.kind, limit.symbol): limit for limit in account.limits}
            self._of = {**market.limits_by_kind, **own}
        self.orders = self._by_place(account, "max_order_quantity")
        self.positions = {
            place: Gauge(limit, self.found)
            for place, limit in self._by_place(account, "max_position_quantity").items()
        }

    def _by_place(self, account: Account, kind: str) -> dict[int, Limit]:
        keys = {place: (kind, self._instruments[place].symbol) for place in account.pairs}
        return {place: self._of[key] for place, key in keys.items() if key in self._of}

    def gauge(self, kind: str) -> Gauge | None:
        """For a limit on the account as a whole."""
        limit = self._of.get((kind, None))
        return Gauge(limit, self.found) if limit else None

    def on_order(self, limit: Limit, one: Instrument, time: int, lots: int, cause: Cause) -> None:
        """Measure an order as it is placed."""
        observed = lots * one.lot
        if observed >= limit.near:
            self.found.append(Breach(time, limit, limit.level(observed), observed, cause, one.symbol))


def sorted_by_time(found: Iterable[Breach]) -> list[Breach]:
    """The events in the order of time."""
    return sorted(found, key=lambda breach: breach.time)
