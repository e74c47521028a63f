"""Risk limits as they apply to an account, and the events where they are neared or broken.

How each is measured:

- `max_order_quantity`: each order, when it is placed; an order above a limit that blocks is rejected.
- `max_position_quantity`: the net quantity after each fill.
- `max_daily_loss`: net loss of the trades closed in a day (UTC), after each trade.
- `max_notional` of all instruments together, `max_drawdown_percent`, `max_leverage` (gross notional to equity) and
  `max_open_orders`: at each snapshot.

Of the last three there is an event where the level (within, warning, broken) rises above the one measured before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from dbops.seeding.demo.accounts import Account
from dbops.seeding.demo.execution import Order
from dbops.seeding.demo.model import Instrument, Limit, Market


@dataclasses.dataclass(slots=True)
class Breach:
    """A limit was neared (level 1) or broken (level 2)."""

    time: int
    limit: Limit
    level: int
    observed: int
    order: Order | None = None
    symbol: str | None = None


class Limits:
    """The limits of one account: of those that match, the narrowest counts."""

    def __init__(self, market: Market, account: Account) -> None:
        self._of: dict[tuple[str, str | None], Limit] = {}
        for limit in (*market.limits, *account.limits):  # the account's own come last and count
            self._of[limit.kind, limit.symbol] = limit
        self._instruments = market.instruments
        self._levels: dict[Limit, int] = {}
        self._quantities = {
            place: self._of[key]
            for place in account.pairs
            if (key := ("max_order_quantity", market.instruments[place].symbol)) in self._of
        }
        self.found: list[Breach] = []

    def order_quantity(self, place: int) -> Limit | None:
        """The limit on one order of an instrument."""
        return self._quantities.get(place)

    def on_order(self, order: Order) -> None:
        """Measure an order as it is placed."""
        limit = self._quantities.get(order.place)
        if limit:
            one: Instrument = self._instruments[order.place]
            observed = order.lots * one.lot
            level = limit.level(observed)
            if level:
                self.found.append(Breach(order.placed, limit, level, observed, order, one.symbol))

    def position(self, place: int) -> Limit | None:
        """The limit on the position in an instrument."""
        return self._of.get(("max_position_quantity", self._instruments[place].symbol))

    def of(self, kind: str) -> Limit | None:
        """The limit on the account as a whole."""
        return self._of.get((kind, None))

    def measure(
        self, time: int, limit: Limit, observed: int, order: Order | None = None, symbol: str | None = None
    ) -> None:
        """Compare with the last level of this limit, and tell if it has risen."""
        level = limit.level(observed)
        if level > self._levels.get(limit, 0):
            self.found.append(Breach(time, limit, level, observed, order, symbol))
        self._levels[limit] = level

    def forget(self, limit: Limit) -> None:
        """A new day begins at nothing."""
        self._levels.pop(limit, None)


def sorted_by_time(found: Iterable[Breach]) -> list[Breach]:
    """The events in the order of time."""
    return sorted(found, key=lambda breach: breach.time)
