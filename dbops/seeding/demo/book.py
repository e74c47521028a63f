"""The books of one account: from its fills follow trades, positions, the balance, and the risk over time.

Fills are matched first in, first out: what was opened first is closed first, and each pair of an opening and a
closing fill is a trade.  A fill's fee is shared out over the trades that it is part of, to the last 1e-8.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

from dbops.seeding.demo.accounts import Account
from dbops.seeding.demo.execution import Order
from dbops.seeding.demo.limits import Limits
from dbops.seeding.demo.model import BAR, BARS, DAY, E8, WEEK
from dbops.seeding.demo.paths import Paths, Tape
from dbops.seeding.demo.text import ratio

_FINAL = frozenset({"filled", "cancelled", "expired", "rejected"})


@dataclasses.dataclass(slots=True)
class Filled:
    """A fill with its number, of the order with number `order_number`.

    :param fee: in 1e-8 of the account's currency.
    :param when: its time as text, `price` too.
    """

    time: int
    number: int
    order_number: int
    order: Order
    ticks: int
    lots: int
    fee: int
    when: str
    price: str


@dataclasses.dataclass(slots=True)
class Lot:
    """What is left of an opening fill."""

    opened: Filled
    lots: int
    fee: int


Trade = tuple[Filled, Filled, int, int, int, int]
"""The opening and the closing fill, lots, conversion rate in 1e-10, profit and fees in 1e-8."""

Snapshot = tuple[int, int, int, int, int, int, int]
"""Time, balance, unrealized profit, margin, notional (all in 1e-8), open orders, drawdown in 1e-4 percent."""


@dataclasses.dataclass(slots=True)
class Position:
    """What is held of an instrument: `net` and `cost` (lots times ticks) have the sign of the side."""

    place: int
    first: Filled
    last: Filled
    net: int = 0
    cost: int = 0
    pnl: int = 0
    lots: deque[Lot] = dataclasses.field(default_factory=deque)


class Book:
    """Books the fills of one account, in the order of time."""

    def __init__(self, account: Account, paths: Paths, limits: Limits, end: int) -> None:
        self._currency, self._paths, self._limits = account.currency, paths, limits
        self.balance = self._peak = account.initial
        self.last = account.opened
        self.positions: dict[int, Position] = {}
        self.trades: list[Trade] = []
        self.snapshots: list[Snapshot] = []
        self._next = (account.opened // WEEK + 1) * WEEK
        self._until = min(account.until, end)
        self._day, self._lost = -1, 0
        self._loss = limits.gauge("max_daily_loss")
        self._notional = limits.gauge("max_notional")
        self._drawdown = limits.gauge("max_drawdown_percent")
        self._leverage = limits.gauge("max_leverage")
        self._working = limits.gauge("max_open_orders")

    def run(self, fills: Sequence[Filled], orders: Sequence[Order]) -> None:
        """Book all fills, with a snapshot every week of the account's life."""
        placed = sorted([order.placed for order in orders])
        ended = sorted([order.ended for order in orders if order.status in _FINAL])
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
            position = self.positions[place] = Position(place, fill, fill)
        left, fee = fill.lots, fill.fee
        while left and position.net * side < 0:
            lots, share = self._close(position, fill, left, fee)
            left -= lots
            fee -= share
        if left:
            position.lots.append(Lot(fill, left, fee))
            position.net += side * left
            position.cost += side * left * fill.ticks
        position.last = fill
        self.last = fill.time
        gauge = self._limits.positions.get(place)
        if gauge:
            one = self._paths.tapes[place].instrument
            gauge.measure(fill.time, abs(position.net) * one.lot, order, one.symbol)

    def _close(self, position: Position, fill: Filled, left: int, fee: int) -> tuple[int, int]:
        """Close what was opened first; returns how many lots, and their share of the closing fee."""
        lot = position.lots[0]
        entry = lot.opened
        lots = min(left, lot.lots)
        opening, closing = lot.fee * lots // lot.lots, fee * lots // left
        signed = -fill.order.side * lots
        tape = self._paths.tapes[position.place]
        rate = self._paths.rates(tape.instrument.quote, self._currency)[fill.time // DAY]
        pnl = ratio((fill.ticks - entry.ticks) * signed * tape.value * rate, 10**26)
        fees = opening + closing
        self.trades.append((entry, fill, lots, rate, pnl, fees))
        position.net -= signed
        position.cost -= signed * entry.ticks
        position.pnl += pnl
        if lots == lot.lots:
            position.lots.popleft()
        else:
            lot.lots -= lots
            lot.fee -= opening
        self.balance += pnl - fees
        if self._loss:
            self._lose(fill, fees - pnl)
        return lots, closing

    def _lose(self, fill: Filled, amount: int) -> None:
        assert self._loss is not None
        day = fill.time // DAY
        if day != self._day:
            self._day, self._lost = day, 0
            self._loss.forget()
        self._lost += amount
        self._loss.measure(fill.time, self._lost, fill.order)

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
        drawdown = min(ratio((self._peak - equity) * 10**6, self._peak), 9_999_999)
        working = bisect_right(placed, time) - bisect_right(ended, time)
        self.snapshots.append((time, self.balance, unrealized, margin, gross, working, drawdown))
        if self._notional:
            self._notional.measure(time, gross)
        if self._drawdown:
            self._drawdown.measure(time, drawdown * 10**4)
        if self._leverage:
            self._leverage.measure(time, ratio(gross * E8, max(equity, E8)))
        if self._working:
            self._working.measure(time, working * E8)

    def _worth(self, position: Position, tape: Tape, bar: int) -> tuple[int, int]:
        """Notional and profit of a position at the market's price."""
        mark = tape.closes[bar]
        factor = tape.value * self._paths.rates(tape.instrument.quote, self._currency)[bar // BARS]
        profit = (position.net * mark - position.cost) * factor
        return ratio(abs(position.net) * mark * factor, 10**26), ratio(profit, 10**26)
