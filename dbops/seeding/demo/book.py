"""The books of one account: from its fills follow trades, positions, the balance, and the risk over time.

Fills are matched first in, first out: what was opened first is closed first, and each pair of an opening and a
closing fill is a trade.  A fill's fee is shared out over the trades that it is part of, to the last 1e-8.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from dbops.seeding.demo.accounts import Account
from dbops.seeding.demo.execution import Order
from dbops.seeding.demo.limits import Gauge, Limits
from dbops.seeding.demo.lines import Filled, Line
from dbops.seeding.demo.model import BAR, DAY, E8, WEEK
from dbops.seeding.demo.text import ratio

_FINAL = frozenset({"filled", "cancelled", "expired", "rejected"})

Trade = tuple[Filled, Filled, int, int, int, int]
"""The opening and the closing fill, lots, conversion rate in 1e-10, profit and fees in 1e-8."""

Snapshot = tuple[int, int, int, int, int, int, int]
"""Time, balance, unrealized profit, margin, notional (all in 1e-8), open orders, drawdown in 1e-4 percent."""


class Book:
    """Books the fills of one account, in the order of time."""

    def __init__(self, account: Account, lines: Sequence[Line], limits: Limits, end: int) -> None:
        self.lines = lines
        self.balance = self._peak = account.initial
        self.last = account.opened
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
        placed = sorted([order[5] for order in orders])
        ended = sorted([order[8][2] for order in orders if order[8][0] in _FINAL])
        for fill in fills:
            time, _, number, session, line, side, ticks, left, fee, _, _ = fill
            while self._next <= time:
                self._snapshot(placed, ended)
            if line.net * side < 0:
                left, fee = self._close(line, fill, left, fee)
            if left:
                line.lots.append((fill, left, fee))
                line.net += side * left
                line.cost += side * left * ticks
            if line.first is None:
                line.first = fill
            line.last = fill
            self.last = time
            if line.gauge:
                line.gauge.measure(time, abs(line.net) * line.lot, (session, number), line.symbol)
        while self._next <= self._until:
            self._snapshot(placed, ended)

    def _close(self, line: Line, fill: Filled, left: int, fee: int) -> tuple[int, int]:
        """Close what was opened first, and on; returns the lots that are left then, and the fee for these."""
        side, ticks, day = fill[5], fill[6], fill[0] // DAY
        rate, opened = line.rates[day], line.lots
        while left and opened:
            entry, lots, share = opened[0]
            if lots > left:
                opening = share * left // lots
                opened[0] = entry, lots - left, share - opening
                lots = left
            else:
                opening = share
                opened.popleft()
            closing = fee * lots // left
            pnl = ratio((entry[6] - ticks) * side * lots * line.above * rate, line.below)
            self.trades.append((entry, fill, lots, rate, pnl, opening + closing))
            line.net += side * lots
            line.cost += side * lots * entry[6]
            line.pnl += pnl
            net = pnl - opening - closing
            self.balance += net
            left -= lots
            fee -= closing
            if self._loss:
                self._lose(self._loss, fill, day, net)
        return left, fee

    def _lose(self, loss: Gauge, fill: Filled, day: int, net: int) -> None:
        if day != self._day:
            self._day, self._lost = day, 0
            loss.forget()
        self._lost -= net
        loss.measure(fill[0], self._lost, (fill[3], fill[2]))

    def _snapshot(self, placed: Sequence[int], ended: Sequence[int]) -> None:
        time = self._next
        self._next += WEEK
        unrealized = gross = margin = 0
        for line in self.lines:
            if line.net:
                mark, day = line.closes[time // BAR - 1], time // DAY
                worth = line.worth(abs(line.net) * mark, day)
                gross += worth
                unrealized += line.worth(line.net * mark - line.cost, day)
                margin += worth * line.instrument.margin // 10**5
        equity = self.balance + unrealized
        if equity >= self._peak:
            self._peak, drawdown = equity, 0
        else:
            drawdown = min(ratio((self._peak - equity) * 10**6, self._peak), 9_999_999)
        working = bisect_right(placed, time) - bisect_right(ended, time)
        self.snapshots.append((time, self.balance, unrealized, margin, gross, working, drawdown))
        if self._notional:
            self._notional.measure(time, gross)
        if self._drawdown:
            self._drawdown.measure(time, drawdown * 10**4)
        if self._leverage:
            self._leverage.measure(time, ratio(gross * E8, max(equity, E8)) if gross else 0)
        if self._working:
            self._working.measure(time, working * E8)
