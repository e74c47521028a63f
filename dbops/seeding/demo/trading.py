"""What the accounts order: when, what, how much."""

from __future__ import annotations

from collections.abc import Sequence

from dbops.seeding.demo.accounts import Account, Accounts, Run
from dbops.seeding.demo.execution import PATIENCE, Order, execute, price
from dbops.seeding.demo.limits import Limits
from dbops.seeding.demo.model import BAR
from dbops.seeding.demo.paths import Paths

_KINDS = ("market",) * 29 + ("limit",) * 24 + ("stop",) * 6 + ("stop_limit",) * 5
_SIZES = (1, 1, 1, 2, 1, 2, 3, 1)  # units of what the account usually trades
_REASONS = ("insufficient margin", "price outside the band", "provider unavailable", "insufficient margin")
_MOST = 4  # units that an account holds before it only closes

Drawn = tuple[int, int, int]


class Trader:
    """Trades on one account, session after session."""

    def __init__(self, account: Account, accounts: Accounts, paths: Paths, limits: Limits, end: int) -> None:
        self._account, self._paths, self._limits, self._end = account, paths, limits, end
        self._units = {place: accounts.unit(account, place) for place in account.pairs}
        self._held = dict.fromkeys(account.pairs, 0)

    def trade(self, runs: Sequence[Run], drawn: Sequence[Drawn]) -> list[Order]:
        """The orders of the sessions, as many as each is to have, in about the order of time."""
        made: list[Order] = []
        for run in runs:
            for nth in range(run.orders):
                when, what, how = drawn[len(made)]
                made.append(self._order(run, nth, len(drawn) - len(made), (when, what, how)))
        return made

    def _order(self, run: Run, nth: int, left: int, drawn: Drawn) -> Order:
        when, what, how = drawn
        pair = (what & 255) % len(run.pairs)
        place = run.pairs[pair]
        tape = self._paths.tapes[place]
        bar = tape.moment(run.first, run.last, ((nth << 32) + (when & 0xFFFFFFFF)) // run.orders)
        assert bar is not None  # a session keeps to what is open in its time
        placed = bar * BAR + (when >> 32) % (BAR - PATIENCE)
        held = self._held[place]
        kind, side, lots = self._wish(place, held, what)
        order = Order(run, place, pair, side, kind, lots, placed, how)
        if self._account.closed and left <= (2 if held else 1):
            self._finish(order, held)
        else:
            self._place(order, what >> 40)
        self._held[place] = held + order.side * order.done
        return order

    def _wish(self, place: int, held: int, what: int) -> tuple[str, int, int]:
        """Kind, side and lots: what is held is closed sooner or later, and at once if it is much."""
        one = self._paths.tapes[place].instrument
        unit = self._units[place]
        side = 1 if what >> 8 & 1 else -1
        lots = min(unit * _SIZES[what >> 9 & 7], one.largest)
        if held and (what >> 12 & 15 < 10 or abs(held) >= _MOST * unit):
            side = -1 if held > 0 else 1
            lots = abs(held) if what >> 16 & 3 else max(one.smallest, abs(held) // 2)
        return _KINDS[what >> 18 & 63], side, lots

    def _place(self, order: Order, drawn: int) -> None:
        tape = self._paths.tapes[order.place]
        limit = self._limits.orders.get(order.place)
        if limit and limit.action == "block" and drawn & 255 == 0:  # a slip of the finger
            order.lots = limit.value * (110 + (drawn >> 8 & 127)) // 100 // tape.instrument.lot
        price(order, tape)
        if limit and limit.action == "block" and limit.level(order.lots * tape.instrument.lot) == 2:
            order.reject("limit max_order_quantity")
        elif drawn >> 16 & 63 == 0:
            order.reject(_REASONS[drawn >> 22 & 3])
        else:
            execute(order, tape, self._end)

    def _finish(self, order: Order, held: int) -> None:
        """The last orders of a closed account sell what it holds; with nothing held they come to nothing."""
        if not held:
            price(order, self._paths.tapes[order.place])
            order.reject("account is being closed")
            return
        order.kind, order.side, order.lots = "market", -1 if held > 0 else 1, abs(held)
        order.mid = self._paths.tapes[order.place].mid(order.placed)
        order.force, order.drawn = "day", order.drawn & (1 << 54) - 1  # in one fill
        execute(order, self._paths.tapes[order.place], self._end)
