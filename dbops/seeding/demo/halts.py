"""Where circuit breakers on price moves trip.

Within a bar the price runs straight, so a window shorter than a bar sees its share of the bar's move.  A window
does not reach back across a halt: what a price did while trading stood still is no move.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Sequence

from dbops.seeding.demo.model import BAR, BARS, E8, SECOND, Breaker, Instrument, Market
from dbops.seeding.demo.text import ratio


@dataclasses.dataclass(frozen=True)
class Trip:
    """A breaker tripped at the end of a bar by the move of an instrument; `observed` is percent in 1e-8."""

    breaker: Breaker
    symbol: str
    bar: int
    observed: int

    @property
    def time(self) -> int:
        """When, since the beginning."""
        return (self.bar + 1) * BAR

    @property
    def bars(self) -> int:
        """For how many bars trading stops."""
        return -(-self.breaker.cooldown * SECOND // BAR)


def trips(market: Market, closes: Sequence[array[int]], bars: int) -> tuple[Trip, ...]:
    """All trips of the first `bars` bars, in the order of time."""
    found = []
    for breaker in market.breakers:
        for instrument, path in zip(market.instruments, closes, strict=True):
            if breaker.covers(instrument):
                found += list(_moves(breaker, instrument, path, bars))
    found.sort(key=lambda trip: trip.bar)
    kept: list[Trip] = []
    free = dict.fromkeys((instrument.symbol for instrument in market.instruments), 0)
    for trip in found:
        if trip.bar - _window(trip.breaker) >= free[trip.symbol]:
            kept.append(trip)
            for instrument in market.instruments:
                if trip.breaker.covers(instrument):
                    free[instrument.symbol] = max(free[instrument.symbol], trip.bar + 1 + trip.bars)
    return tuple(kept)


def _window(breaker: Breaker) -> int:
    return max(1, breaker.window * SECOND // BAR)


def _moves(breaker: Breaker, instrument: Instrument, path: array[int], bars: int) -> Iterator[Trip]:
    """Every bar at whose end the breaker would trip."""
    back = _window(breaker)
    # percent = move / before * 100, of which a window shorter than a bar sees its share
    share, whole = 100 * E8 * min(breaker.window * SECOND, back * BAR), back * BAR
    bound = breaker.threshold * whole
    for day in range(0, bars, BARS):
        first, last = max(back, day), min(day + BARS, bars - 1)
        part = path[first - back : last]
        if len(part) <= back or (max(part) - min(part)) * share <= min(part) * bound:
            continue
        for bar in range(first, last):
            before = path[bar - back]
            move = abs(path[bar] - before) * share
            if move > before * bound:
                yield Trip(breaker, instrument.symbol, bar, ratio(move, before * whole))
