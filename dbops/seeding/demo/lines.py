"""An instrument as one account trades it: what is fixed for the account, what it means to hold, what it holds."""

from __future__ import annotations

from collections import deque
from math import gcd

from dbops.seeding.demo.limits import Limits
from dbops.seeding.demo.paths import Tape
from dbops.seeding.demo.text import ratio

Filled = tuple[int, int, int, str, "Line", int, int, int, int, str, str]
"""A fill: time (ms), number, number and session of its order, line, side (1 or -1), price in ticks, lots, fee in
1e-8 of the account's currency; time and price as text.  Sorted by time they are in the order of the books."""

Lot = tuple[Filled, int, int]
"""Of an opening fill what is left: the fill, lots, and the fee for these."""

SIZES = (1, 2, 3)  # units of what the account usually trades
_MOST = 4  # units that an account holds before it only closes


class Line:
    """One account's trade in one instrument.

    Attributes that are fixed: `place` in the market, what `tape` says, `sizes` that orders have (lots) and the
    `most` that is held, `limit` on an order and how many lots it has `allowed`, the `gauge` of the position, `rates` of the quote currency by day.

    The trader's: `held`, in lots, by the order in which orders were made.  The book's, by the order of time: `net` and
    `cost` (lots times ticks) with the sign of the side, `pnl` in 1e-8, the `first` and the `last` fill, and the `lots`
    that are open.
    """

    __slots__ = (
        "above", "allowed", "below", "busy", "closes", "cost", "first", "gauge", "half_spread", "held", "instrument", "last",
        "limit", "lot", "lots", "most", "net", "place", "pnl", "rates", "sizes", "smallest", "step", "symbol", "tick",
    )  # fmt: skip

    def __init__(self, place: int, tape: Tape, unit: int, rates: list[int], limits: Limits) -> None:
        one = self.instrument = tape.instrument
        self.place, self.symbol, self.tick, self.lot = place, one.symbol, one.tick, one.lot
        self.closes, self.busy = tape.closes, tape.busy
        self.half_spread, self.step, self.smallest = tape.half_spread, tape.step, one.smallest
        self.sizes = [min(unit * size, one.largest) for size in SIZES]
        self.most = _MOST * unit
        self.limit, self.gauge = limits.orders.get(place), limits.positions.get(place)
        self.allowed = one.largest
        if self.limit and self.limit.action == "block":
            self.allowed = min(one.largest, self.limit.value // one.lot)
        self.rates = rates
        # One tick on one lot is above / below / 1e10 of the currency's 1e-8 at a rate of 1e-10.
        shared = gcd(tape.value, 10**26)
        self.above, self.below = tape.value // shared, 10**26 // shared
        self.held = self.net = self.cost = self.pnl = 0
        self.first: Filled | None = None
        self.last: Filled | None = None
        self.lots: deque[Lot] = deque()

    def worth(self, amount: int, day: int) -> int:
        """Lots times ticks in 1e-8 of the account's currency, at the rate of the day."""
        return ratio(amount * self.above * self.rates[day], self.below)
