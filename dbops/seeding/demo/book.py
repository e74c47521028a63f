"""The books of one account: from its fills follow fees, trades, positions, the balance, and the risk over time.

Fills are matched first in, first out: what was opened first is closed first, and each pair of an opening and a
closing fill is a trade.  A fill's fee is shared out over the trades that it is part of, to the last 1e-8.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence

from dbops.seeding.demo.accounts import Account
from dbops.seeding.demo.execution import Order
from dbops.seeding.demo.limits import Limits
from dbops.seeding.demo.model import BAR, DAY, E8, WEEK
from dbops.seeding.demo.paths import Paths, Tape
from dbops.seeding.demo.text import ratio

_FINAL = frozenset({"filled", "cancelled", "expired", "rejected"})


@dataclasses.dataclass(slots=True)
class Filled:
    """A fill with its number, of the order with number `order_number`; `fee` in 1e-8 of the account's currency."""

    time: int
    number: int
    order_number: int
    order: Order
    ticks: int
    lots: int
    fee: int


@dataclasses.dataclass(slots=True)
class Lot:
    """What is left of an opening fill."""

    time: int
    order_number: int
    ticks: int
    lots: int
    fee: int


@dataclasses.dataclass(slots=True)
class Trade:
    """A lot, or a part of it, that was closed; `rate` in 1e-10, `pnl` and `fees` in 1e-8."""

    place: int
    side: int
    lots: int
    entry: Lot
    entry_time: int
    exit: Filled
    rate: int
    pnl: int
    fees: int


@dataclasses.dataclass(slots=True)
class Position:
    """What is held of an instrument: `net` and `cost` (lots times ticks) have the sign of the side."""

    place: int
    first: int
    last: int = 0
    net: int = 0
    cost: int = 0
    pnl: int = 0
    lots: deque[Lot] = dataclasses.field(default_factory=deque)


@dataclasses.dataclass(slots=True)
class Snapshot:
    """Risk at one time; money in 1e-8, `drawdown` in 1e-4 percent."""

    time: int
    balance: int
    unrealized: int
    margin: int
    gross: int
    open_orders: int
    drawdown: int


class Book:
    """Books the fills of one account, in the order of time."""

    def __init__(self, account: Account, paths: Paths, limits: Limits, end: int) -> None:
        self._account, self._paths, self._limits = account, paths, limits
        self.balance = self._peak = account.initial
        self.last = account.opened
        self.positions: dict[int, Position] = {}
        self.trades: list[Trade] = []
        self.snapshots: list[Snapshot] = []
        self._next = (account.opened // WEEK + 1) * WEEK
        self._until = min(account.until, end)
        self._day, self._lost = -1, 0
        self._loss_limit = limits.of("max_daily_loss")

    def run(self, fills: Sequence[Filled], orders: Sequence[Order]) -> None:
        """Book all fills, with a snapshot every week of the account's life."""
        placed = sorted(order.placed for order in orders)
        ended = sorted(order.ended for order in orders if order.status in _FINAL)
        for fill in fills:
            while self._next <= fill.time:
                self._snapshot(placed, ended)
            self._book(fill)
        while self._next <= self._until:
            self._snapshot(placed, ended)

    def _book(self, fill: Filled) -> None:
        order = fill.order
        place, side = order.place, order.side
        position = self.positions.get(place)
        if position is None:
            position = self.positions[place] = Position(place, fill.time)
        left, fee = fill.lots, fill.fee
        while left and position.net * side < 0:
            lots, share = self._close(position, fill, left, fee)
            left -= lots
            fee -= share
        if left:
            position.lots.append(Lot(fill.time, fill.order_number, fill.ticks, left, fee))
            position.net += side * left
            position.cost += side * left * fill.ticks
        position.last = self.last = fill.time
        limit = self._limits.position(place)
        if limit:
            one = self._paths.tapes[place].instrument
            self._limits.measure(fill.time, limit, abs(position.net) * one.lot, order, one.symbol)

    def _close(self, position: Position, fill: Filled, left: int, fee: int) -> tuple[int, int]:
        """Close what was opened first; returns how many lots, and their share of the closing fee."""
        lot = position.lots[0]
        lots = min(left, lot.lots)
        opening, closing = lot.fee * lots // lot.lots, fee * lots // left
        side = -fill.order.side
        tape = self._paths.tapes[position.place]
        rate = self._paths.rate(tape.instrument.quote, self._account.currency, fill.time // BAR)
        pnl = ratio(side * (fill.ticks - lot.ticks) * lots * tape.value * rate, 10**26)
        trade = Trade(position.place, side, lots, lot, lot.time, fill, rate, pnl, opening + closing)
        self.trades.append(trade)
        position.net -= side * lots
        position.cost -= side * lots * lot.ticks
        position.pnl += pnl
        lot.lots -= lots
        lot.fee -= opening
        if not lot.lots:
            position.lots.popleft()
        self._earn(fill, pnl - opening - closing)
        return lots, closing

    def _earn(self, fill: Filled, amount: int) -> None:
        self.balance += amount
        limit = self._loss_limit
        if limit:
            day = fill.time // DAY
            if day != self._day:
                self._day, self._lost = day, 0
                self._limits.forget(limit)
            self._lost -= amount
            self._limits.measure(fill.time, limit, self._lost, fill.order)

    def _snapshot(self, placed: Sequence[int], ended: Sequence[int]) -> None:
        time = self._next
        self._next += WEEK
        unrealized = gross = margin = 0
        for position in self.positions.values():
            if position.net:
                tape = self._paths.tapes[position.place]
                worth, profit = self._worth(position, tape, time // BAR - 1)
                gross += worth
                unrealized += profit
                margin += ratio(worth * tape.instrument.margin, 10**5)
        equity = self.balance + unrealized
        self._peak = max(self._peak, equity)
        drawdown = ratio((self._peak - equity) * 10**6, self._peak)
        working = bisect_right(placed, time) - bisect_right(ended, time)
        made = Snapshot(time, self.balance, unrealized, margin, gross, working, min(drawdown, 9_999_999))
        self.snapshots.append(made)
        self._watch(made, equity)

    def _worth(self, position: Position, tape: Tape, bar: int) -> tuple[int, int]:
        """Notional and profit of a position at the market's price."""
        rate = self._paths.rate(tape.instrument.quote, self._account.currency, bar)
        mark = tape.closes[bar]
        factor = tape.value * rate
        profit = (position.net * mark - position.cost) * factor
        return ratio(abs(position.net) * mark * factor, 10**26), ratio(profit, 10**26)

    def _watch(self, made: Snapshot, equity: int) -> None:
        for kind, observed in (
            ("max_notional", made.gross),
            ("max_drawdown_percent", made.drawdown * 10**4),
            ("max_leverage", ratio(made.gross * E8, max(equity, E8))),
            ("max_open_orders", made.open_orders * E8),
        ):
            limit = self._limits.of(kind)
            if limit:
                self._limits.measure(made.time, limit, observed)


def after(times: Sequence[int], time: int) -> int | None:
    """The first of the ascending times that is after `time`."""
    at = bisect_left(times, time + 1)
    return times[at] if at < len(times) else None
