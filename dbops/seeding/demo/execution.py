"""What becomes of an order on the path of its instrument."""

from __future__ import annotations

import dataclasses
from array import array

from dbops.seeding.demo.accounts import Run
from dbops.seeding.demo.model import BAR, DAY, SECOND
from dbops.seeding.demo.paths import Tape

PATIENCE = (
    3 * SECOND
)  # an order at market is filled within this time, and within the bar that it was placed in
_PARTS = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4)
MOST_FILLS = 4
_HOUR = 3600 * SECOND
WICK = 8  # ticks beyond the bar and half the spread; no slip is larger

Fill = tuple[int, int, int, bool]
"""Time, price in ticks, quantity in lots, and whether the order took liquidity."""


@dataclasses.dataclass(slots=True)
class Order:
    """An order and how far it got.

    :param place: of the instrument in the market; `side` is 1 to buy, -1 to sell.
    :param lots: quantity; `limit` and `stop` are ticks, 0 where there is none; `mid` is the price as it is placed.
    :param ended: when it last changed.
    """

    run: Run
    place: int
    pair: int
    side: int
    kind: str
    lots: int
    placed: int
    drawn: int
    force: str = "gtc"
    limit: int = 0
    stop: int = 0
    expires: int | None = None
    status: str = "open"
    reason: str | None = None
    ended: int = 0
    done: int = 0
    mid: int = 0
    fills: list[Fill] = dataclasses.field(default_factory=list)

    def reject(self, reason: str) -> None:
        """Refuse it a moment after it was placed."""
        self.status, self.reason = "rejected", reason
        self.ended = self.placed + 1 + self.drawn % 9


def price(order: Order, tape: Tape) -> None:
    """Give the order its prices and how long it is to live, by its kind."""
    drawn, side = order.drawn, order.side
    mid = order.mid = tape.mid(order.placed)
    away = tape.step * (2 + (drawn & 15)) // 4 + tape.half_spread
    if order.kind == "market":
        order.force = ("ioc", "ioc", "ioc", "fok", "day", "gtc", "ioc", "ioc")[drawn >> 4 & 7]
        return
    if order.kind == "limit":
        crossing = drawn >> 7 & 7 == 0
        order.limit = max(1, mid + side * (tape.half_spread + WICK if crossing else -away))
    else:
        order.stop = max(1, mid + side * away)
        if order.kind == "stop_limit":
            order.limit = max(1, order.stop + side * (2 + (drawn >> 7 & 7)))
    order.force = ("gtc", "gtc", "gtc", "gtd", "gtd", "day", "day", "gtc")[drawn >> 10 & 7]
    if order.kind == "limit" and drawn >> 13 & 15 == 0:
        order.force = "ioc" if drawn >> 17 & 1 else "fok"
    if order.force == "gtd":
        order.expires = order.placed + (1 + (drawn >> 18 & 31)) * _HOUR


def execute(order: Order, tape: Tape, end: int) -> None:
    """Fill the order where the path reaches it, and end it when its time is up.  `end` is the end of history."""
    horizon, fate = _horizon(order)
    until = min(end, horizon)
    found = _reached(order, tape, until)
    if found:
        _fill(order, found, until)
    if order.done == order.lots:
        order.status, order.ended = "filled", order.fills[-1][0]
    elif horizon <= end:
        order.status, order.ended = fate, horizon
    elif order.done:
        order.status, order.ended = "partially_filled", order.fills[-1][0]
    else:
        order.status = "open" if order.placed < end - BAR else "pending"
        order.ended = order.placed


def _horizon(order: Order) -> tuple[int, str]:
    """When the order ends if it is not filled, and as what."""
    drawn, placed = order.drawn, order.placed
    if order.force in {"ioc", "fok"}:
        horizon, fate = placed + PATIENCE, "cancelled"
    elif order.force == "gtd":
        assert order.expires is not None
        horizon, fate = order.expires, "expired"
    elif order.force == "day":
        horizon, fate = (placed // DAY + 1) * DAY, "expired"
    else:
        horizon, fate = placed + (1 + (drawn >> 18 & 127)) * BAR + (drawn >> 30) % BAR, "cancelled"
    ended = order.run.ended
    return (ended, "cancelled") if ended is not None and ended < horizon else (horizon, fate)


def _reached(order: Order, tape: Tape, until: int) -> tuple[int, int, bool] | None:
    """When and at which price the order begins to be filled, and whether it takes liquidity."""
    side, placed = order.side, order.placed
    soon = placed + 20 + (order.drawn >> 36 & 255)
    ask = order.mid + side * tape.half_spread  # what can be had at once
    if order.kind == "market" or (order.kind == "limit" and side * (order.limit - ask) >= 0):
        return soon, ask, True
    if order.force in {"ioc", "fok"}:
        return None
    target = order.stop or order.limit
    falling = (side > 0) == (order.stop == 0)  # whether the price must fall to the target
    bar = _first(tape.closes, placed // BAR, until // BAR, target, falling=falling)
    if bar is None:
        return None
    time = _crossing(tape.closes, bar, placed, target)
    return time, target, order.stop != 0


def _first(closes: array[int], first: int, last: int, target: int, *, falling: bool) -> int | None:
    """The first bar at whose end the path has reached the target."""
    if falling:
        for bar in range(first, min(last + 1, len(closes))):
            if closes[bar] <= target:
                return bar
    else:
        for bar in range(first, min(last + 1, len(closes))):
            if closes[bar] >= target:
                return bar
    return None


def _crossing(closes: array[int], bar: int, placed: int, target: int) -> int:
    """When within the bar the path, which runs straight, is at the target."""
    begin, over = bar * BAR, (bar + 1) * BAR
    before, after = closes[bar - 1], closes[bar]
    time = begin + BAR * abs(target - before) // max(1, abs(after - before))
    return min(max(time, begin, placed + 1), over - 1)


def _fill(order: Order, found: tuple[int, int, bool], until: int) -> None:
    """Fill in parts, each a little later, and a little worse where the order takes; all within one bar."""
    time, start, taker = found
    drawn = order.drawn
    count = _PARTS[drawn >> 54 & 15] if order.lots >= MOST_FILLS else 1
    gap = 1 + (drawn >> 40 & 255)
    slip = drawn >> 58 & 3 if taker else 0
    cut = count > 1 and order.force != "fok" and order.reason is None and drawn >> 60 == 0
    each, over = order.lots // count, (time // BAR + 1) * BAR
    for nth in range(count - 1 if cut else count):
        at = time + nth * gap
        if at >= over - count + nth:
            at = over - count + nth
        if at > until:
            break
        ticks = start
        if taker:
            ticks += order.side * (slip + nth)
            if order.limit and order.side * (order.limit - ticks) < 0:
                ticks = order.limit
        lots = each if nth < count - 1 else order.lots - each * (count - 1)
        order.fills.append((at, ticks if ticks > 0 else 1, lots, taker))
        order.done += lots
