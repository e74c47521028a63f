"""What becomes of an order on the path of its instrument."""

from __future__ import annotations

from array import array

from dbops.seeding.demo.accounts import Run
from dbops.seeding.demo.lines import Line
from dbops.seeding.demo.model import BAR, DAY, SECOND

PATIENCE = (
    3 * SECOND
)  # an order at market is filled within this time, and within the bar that it was placed in
MOST_FILLS = 4
_HOUR = 3600 * SECOND
_HOUR_BARS = _HOUR // BAR
WICK = 8  # ticks beyond the bar and half the spread; no slip is larger

Fill = tuple[int, int, int]
"""Time, price in ticks, quantity in lots."""

Parts = tuple[int, int, bool]
"""How an order is filled: in how many parts, ticks worse where it takes liquidity, and whether the last is missing."""

Price = tuple[str, str, int, int]
"""Type, time in force, limit and stop in ticks (0 where there is none)."""

Outcome = tuple[str, str | None, int, int, list[Fill], bool]
"""Status, reason of a refusal, time of the last change, lots that were filled, the fills, and whether they took."""

Order = tuple[Run, Line, int, int, int, int, int | None, Price, Outcome]
"""Session, line, its place among the session's pairs, side (1 to buy, -1 to sell), lots, when it was placed, when it
expires, its price, and what became of it."""

_NO_FILLS: list[Fill] = []


def refused(placed: int, reason: str, wait: int) -> Outcome:
    """A refusal, a moment after it was placed.  `wait` has eight bits."""
    return "rejected", reason, placed + 1 + (wait & 7), 0, _NO_FILLS, False


def at_market(line: Line, side: int, lots: int, placed: int, mid: int, wait: int, parts: Parts) -> list[Fill]:
    """What an order gets at once: the price that is there, or a little worse."""
    count, slip, cut = parts
    time, ticks = placed + 20 + wait, mid + side * (line.half_spread + slip)
    if count == 1 or lots < MOST_FILLS:
        return [(time, ticks if ticks > 0 else 1, lots)]
    each = lots // count
    fills = [(time + nth * (1 + wait), max(1, ticks + side * nth), each) for nth in range(count - 1)]
    if not cut:
        last = time + (count - 1) * (1 + wait), max(1, ticks + side * (count - 1)), lots - each * (count - 1)
        fills.append(last)
    return fills


def priced(line: Line, side: int, price: Price, mid: int, away: int, *, crossing: bool) -> Price:
    """An order that is not at market with its prices.  `away` has eight bits."""
    kind, force, _, _ = price
    far = line.step * (2 + (away & 15)) // 4 + line.half_spread
    if kind == "limit":
        return kind, force, max(1, mid + side * (line.half_spread + WICK if crossing else -far)), 0
    stop = max(1, mid + side * far)
    return kind, force, max(1, stop + side * (2 + (away >> 4 & 7))) if kind == "stop_limit" else 0, stop


def waiting(
    line: Line, side: int, lots: int, placed: int, price: Price, wait: int, parts: Parts, until: int
) -> list[Fill]:
    """What an order gets that waits for the path to reach it, until this time."""
    _, force, limit, stop = price
    if force in {"ioc", "fok"}:
        return _NO_FILLS
    target = stop or limit
    falling = (side > 0) == (stop == 0)  # whether the price must fall to the target
    bar = _first(line.closes, placed // BAR, until // BAR + 1, target, falling=falling)
    if bar is None:
        return _NO_FILLS
    time = _crossing(line.closes, bar, placed, target)
    if time > until:
        return _NO_FILLS
    count, slip, cut = parts
    if count == 1 or lots < MOST_FILLS:
        worst = abs(limit - stop) if limit and stop else slip
        return [(time, max(1, target + side * min(slip, worst)) if stop else target, lots)]
    each, over = lots // count, (bar + 1) * BAR
    fills = []
    for nth in range(count - 1 if cut else count):
        at = min(time + nth * (1 + wait), over - count + nth)
        if at > until:
            break
        worse = 0 if not stop else min(slip + nth, abs(limit - stop)) if limit else slip + nth
        part = each if nth < count - 1 else lots - each * (count - 1)
        fills.append((at, max(1, target + side * worse), part))
    return fills


def _first(closes: array[int], first: int, last: int, target: int, *, falling: bool) -> int | None:
    """The first bar from `first` to before `last` at whose end the path has reached the target."""
    for begin in range(first, min(last, len(closes)), _HOUR_BARS):  # most are reached in the first hours
        path = closes[begin : min(begin + _HOUR_BARS, last)]
        if falling:
            if min(path) <= target:
                return next(bar for bar, close in enumerate(path, begin) if close <= target)
        elif max(path) >= target:
            return next(bar for bar, close in enumerate(path, begin) if close >= target)
    return None


def _crossing(closes: array[int], bar: int, placed: int, target: int) -> int:
    """When within the bar the path, which runs straight, is at the target."""
    begin, over = bar * BAR, (bar + 1) * BAR
    before, after = closes[bar - 1], closes[bar]
    time = begin + BAR * abs(target - before) // max(1, abs(after - before))
    return min(max(time, begin, placed + 1), over - 1)


def horizon(force: str, placed: int, wait: int, ended: int | None) -> tuple[int, str, int | None]:
    """When an order ends that is not filled, as what, and when it expires by its own time in force.

    :param wait: eight bits; `ended` is when its session ended.
    """
    expires = None
    if force == "gtc":
        over, fate = placed + (1 + (wait & 63)) * BAR + wait * SECOND, "cancelled"
    elif force == "day":
        over, fate = (placed // DAY + 1) * DAY, "expired"
    elif force == "gtd":
        over = expires = placed + (1 + (wait & 7)) * _HOUR
        fate = "expired"
    else:
        over, fate = placed + PATIENCE, "cancelled"
    return (ended, "cancelled", expires) if ended is not None and ended < over else (over, fate, expires)


def outcome(
    placed: int, lots: int, fills: list[Fill], taker: bool, over: int, fate: str, end: int
) -> Outcome:
    """What an order has come to by the end of the history, where its time is up at `over`."""
    done = sum([fill[2] for fill in fills])
    if done == lots:
        return "filled", None, fills[-1][0], done, fills, taker
    if over <= end:
        return fate, None, over, done, fills, taker
    if done:
        return "partially_filled", None, fills[-1][0], done, fills, taker
    return "open" if placed < end - BAR else "pending", None, placed, 0, fills, taker
