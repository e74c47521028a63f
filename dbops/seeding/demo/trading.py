"""What the accounts order: when, what, how much."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import product

from dbops.seeding import draw
from dbops.seeding.demo.accounts import Account, Run
from dbops.seeding.demo.execution import (
    PATIENCE,
    WICK,
    Order,
    Outcome,
    Parts,
    Price,
    at_market,
    horizon,
    outcome,
    priced,
    refused,
    waiting,
)
from dbops.seeding.demo.lines import Line
from dbops.seeding.demo.model import BAR

Style = tuple[Price, bool]
"""Type and time in force, as yet without prices, and whether it can be filled at once."""

# Of 256 orders how many.
_STYLES: list[Style] = draw.spread(
    [
        ((kind, force, 0, 0), at_once)
        for kind, force, at_once in (
            ("market", "ioc", True), ("market", "fok", True), ("market", "day", True), ("market", "gtc", True),
            ("limit", "gtc", True), ("limit", "ioc", True), ("limit", "day", True),
            ("limit", "gtc", False), ("limit", "gtd", False), ("limit", "day", False), ("limit", "ioc", False),
            ("limit", "fok", False), ("stop", "gtc", False), ("stop", "gtd", False), ("stop", "day", False),
            ("stop_limit", "gtc", False), ("stop_limit", "gtd", False), ("stop_limit", "day", False),
        )
    ],
    (72, 15, 14, 15, 8, 3, 1, 38, 21, 21, 2, 2, 12, 6, 6, 10, 5, 5),
    bits=8,
)  # fmt: skip
_SIZES = draw.spread(range(3), (5, 2, 1), bits=8)  # see `lines.SIZES`
_SIDES = draw.spread((1, -1), bits=8)
# In one part or several; how much worse; and of those in several some are never filled to the end.
_PARTS: list[Parts] = draw.spread(
    [(count, slip, False) for count, slip in product((1, 2, 3, 4), range(4))] + [(2, 1, True), (3, 0, True)],
    [weight for weight in (24, 19, 12, 8) for _ in range(4)] + [2, 2],
    bits=8,
)
_CLOSED = 160  # of 256: how often what is held is closed, in part or in full
_SLIPS, _REFUSALS = 256, 1280  # of 65536: a slip of the finger, and refusals
_REASONS = ("insufficient margin", "price outside the band", "provider unavailable", "insufficient margin")
_TOO_LARGE = "limit max_order_quantity"
_LAST: Price = "market", "day", 0, 0
_CLOSING = "account is being closed"
assert max(slip + count for count, slip, _ in _PARTS) <= WICK

Drawn = tuple[int, int, int, int, int, int, Style, int, int, Parts, int]
"""When (within its share of the session, 16 bits; within the bar, ms), pair, side, size, whether it closes, style,
how far away, how long it waits, parts, luck."""


def drawn(seed: int, block: int, count: int) -> Iterator[Drawn]:
    """What is drawn for each order of a block."""

    def octets(column: str) -> bytes:
        return draw.octets(seed, f"demo/orders/{column}", block, count)

    return zip(
        draw.shorts(seed, "demo/orders/when", block, count),
        draw.below(draw.words(seed, "demo/orders/offset", block, count), BAR - PATIENCE),
        octets("pair"),
        map(_SIDES.__getitem__, octets("side")),
        map(_SIZES.__getitem__, octets("size")),
        octets("close"),
        map(_STYLES.__getitem__, octets("style")),
        octets("away"),
        octets("wait"),
        map(_PARTS.__getitem__, octets("parts")),
        draw.shorts(seed, "demo/orders/luck", block, count),
        strict=True,
    )


class Trader:
    """Trades on one account, session after session.

    :param lines: what it trades, by place in the market.
    :param end: of the history.
    """

    def __init__(self, account: Account, lines: dict[int, Line], end: int) -> None:
        self._lines, self._end = lines, end
        self._closed = account.closed

    def trade(self, runs: Sequence[Run], draws: Iterator[Drawn]) -> list[Order]:
        """The orders of the sessions, as many as each is to have, in about the order of time."""
        made: list[Order] = []
        left = sum(run.orders for run in runs)
        for run in runs:
            self._run(run, draws, made, left)
            left -= run.orders
        return made

    def _run(self, run: Run, draws: Iterator[Drawn], made: list[Order], left: int) -> None:
        first, last, whole = run.first, run.last, run.orders << 16
        lines = [self._lines[place] for place in run.pairs]
        begins = [line.busy[first - 1] for line in lines]
        widths = [line.busy[last - 1] - low for line, low in zip(lines, begins, strict=True)]
        for nth, one in zip(range(run.orders), draws):  # noqa: B905 - the draws go on
            when, offset, pair, side, size, close, style, _, wait, parts, luck = one
            pair %= len(lines)
            line = lines[pair]
            # The orders share out what is busy in the session.
            at = begins[pair] + widths[pair] * ((nth << 16) + when) // whole
            bar = bisect_right(line.busy, at, first, last)
            placed, before = bar * BAR + offset, line.closes[bar - 1]
            mid = before + (line.closes[bar] - before) * offset // BAR
            held, lots = line.held, line.sizes[size]
            if held and (close < _CLOSED or abs(held) >= line.most):
                side = -1 if held > 0 else 1
                lots = abs(held) if close & 3 else max(line.smallest, abs(held) // 2)
            if self._closed and left - nth <= 2 and (held or left - nth == 1):
                order = self._finish(run, line, pair, placed, mid, wait)
            elif luck < _REFUSALS or lots > line.allowed:
                order = self._refused(run, line, pair, side, lots, placed, mid, one)
            elif style[1] and not parts[2]:
                order = self._taken(run, line, pair, side, lots, placed, mid, one)
            else:
                order = self._waits(run, line, pair, side, lots, placed, mid, one)
            line.held = held + order[3] * order[8][3]
            made.append(order)

    def _taken(
        self, run: Run, line: Line, pair: int, side: int, lots: int, placed: int, mid: int, one: Drawn
    ) -> Order:
        """An order that gets all at once what is there."""
        price, wait = one[6][0], one[8]
        if price[0] != "market":
            price = priced(line, side, price, mid, one[7], crossing=True)
        fills = at_market(line, side, lots, placed, mid, wait, one[9])
        done: Outcome = "filled", None, fills[-1][0], lots, fills, True
        return run, line, pair, side, lots, placed, None, price, done

    def _waits(
        self, run: Run, line: Line, pair: int, side: int, lots: int, placed: int, mid: int, one: Drawn
    ) -> Order:
        """An order that may get nothing, or not all, and what becomes of it."""
        *_, (price, at_once), away, wait, parts, _ = one
        if price[0] != "market":
            price = priced(line, side, price, mid, away, crossing=at_once)
        if price[1] == "fok":
            parts = (parts[0], parts[1], False)
        over, fate, expires = horizon(price[1], placed, wait, run.ended)
        if at_once:
            fills = at_market(line, side, lots, placed, mid, wait, parts)
        else:
            fills = waiting(line, side, lots, placed, price, wait, parts, min(over, self._end))
        done = outcome(placed, lots, fills, at_once or price[3] != 0, over, fate, self._end)
        return run, line, pair, side, lots, placed, expires, price, done

    def _refused(
        self, run: Run, line: Line, pair: int, side: int, lots: int, placed: int, mid: int, one: Drawn
    ) -> Order:
        """An order that is refused."""
        *_, (price, at_once), away, wait, _, luck = one
        if line.allowed < line.instrument.largest and luck < _SLIPS:  # a slip of the finger
            lots = line.allowed * (110 + (luck & 127)) // 100 + 1
        reason = _TOO_LARGE if lots > line.allowed else _REASONS[luck & 3]
        if price[0] != "market":
            price = priced(line, side, price, mid, away, crossing=at_once)
        _, _, expires = horizon(price[1], placed, wait, None)
        return run, line, pair, side, lots, placed, expires, price, refused(placed, reason, wait)

    def _finish(self, run: Run, line: Line, pair: int, placed: int, mid: int, wait: int) -> Order:
        """The last orders of a closed account sell what it holds; with nothing held they come to nothing."""
        held, price = line.held, _LAST
        if not held:
            none = refused(placed, _CLOSING, wait)
            return run, line, pair, 1, line.sizes[0], placed, None, price, none
        side, lots = -1 if held > 0 else 1, abs(held)
        fills = at_market(line, side, lots, placed, mid, wait, (1, 0, False))
        done: Outcome = "filled", None, fills[-1][0], lots, fills, True
        return run, line, pair, side, lots, placed, None, price, done
