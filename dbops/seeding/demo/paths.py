"""A price path for each instrument, bar by bar, and what follows from it: how busy, what a currency is worth.

A day's return is drawn from a bell whose width depends on the class of the asset and wanders (calm and wild days
come in clusters); the bars between two days' ends are a random walk tied to both, whose steps are as large as the
hour is busy.  A closed bar keeps its price.  Rarely a shock moves a price within one bar; where that is as far as a
circuit breaker allows, trading stops for its cooldown, and the price stands still.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, repeat
from math import isqrt
from operator import add, mul

from dbops.seeding import draw
from dbops.seeding.demo.halts import Trip, trips
from dbops.seeding.demo.model import BAR, BARS, DAY, E8, DemoPlan, Instrument, Market
from dbops.seeding.demo.text import ratio

_ONE = 1 << 32  # returns are in 2**-32
_DAILY = {"forex": 50, "crypto": 300, "commodities": 130, "indices": 100}  # usual move of a day, 1e-4
_SHOCKS = 150  # one day in so many has one

# Typical prices, in 1e-5 of the quote currency, to begin at.
_PRICES = {
    "EUR/USD": 108_450, "GBP/USD": 127_200, "USD/JPY": 14_885_000, "USD/CHF": 88_300, "USD/CAD": 136_400,
    "AUD/USD": 65_900, "NZD/USD": 60_700, "EUR/GBP": 85_300, "EUR/JPY": 16_140_000, "GBP/JPY": 18_930_000,
    "EUR/CHF": 95_700, "BTC/USD": 6_180_000_000, "ETH/USD": 298_000_000, "SOL/USD": 14_200_000,
    "XRP/USD": 58_000, "LTC/USD": 8_100_000, "ADA/USD": 46_000, "BTC/USDT": 6_180_000_000,
    "ETH/USDT": 298_000_000, "XAU/USD": 236_000_000, "XAG/USD": 2_790_000, "WTI/USD": 7_840_000,
    "BRENT/USD": 8_250_000, "US500": 527_000_000, "US30": 3_910_000_000, "NAS100": 1_852_000_000,
    "DE40": 1_864_000_000, "UK100": 824_000_000, "JP225": 3_870_000_000, "FR40": 801_000_000,
}  # fmt: skip
_TICKS = 50_000  # what an instrument without a price of its own begins at

# How busy each hour of the day (UTC) is: what follows the sun, and indices by the hours of their exchange, busiest
# where they open and close, quieter at noon.
_AROUND_THE_CLOCK = (4, 4, 4, 4, 4, 4, 5, 7, 8, 7, 6, 5, 6, 8, 9, 9, 8, 7, 6, 6, 5, 4, 4, 4)
_CRYPTO = (6, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7, 8, 9, 9, 8, 8, 7, 7, 7, 6, 6)
_EXCHANGES = {
    "USD": (2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 7, 10, 9, 7, 6, 7, 9, 10, 4, 2, 2),
    "EUR": (2, 2, 2, 2, 2, 2, 3, 10, 9, 7, 6, 5, 6, 7, 8, 10, 7, 3, 2, 2, 2, 2, 2, 2),
    "GBP": (2, 2, 2, 2, 2, 2, 3, 7, 10, 8, 7, 6, 5, 6, 8, 9, 10, 4, 2, 2, 2, 2, 2, 2),
    "JPY": (10, 8, 5, 7, 8, 9, 10, 4, 3, 3, 3, 3, 3, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2, 4),
}


@dataclasses.dataclass(frozen=True)
class Tape:
    """The path of an instrument.

    :param closes: price at the end of each bar, in ticks; between two ends it runs straight.
    :param busy: how busy the bars up to here were, added up; a closed bar adds nothing.
    :param half_spread: in ticks; `step` the usual move of a bar.
    :param value: worth of one tick on one lot, in 1e-24 of the quote currency.
    """

    instrument: Instrument
    closes: array[int]
    busy: array[int]
    half_spread: int
    step: int
    value: int


class Paths:
    """The tapes of all instruments, in their order, and where circuit breakers tripped."""

    def __init__(self, plan: DemoPlan) -> None:
        market = plan.market
        bars = self._bars = plan.end // BAR + 1
        weights = [_weights(one, bars) for one in market.instruments]
        closes = [_walk(plan, one, weight) for one, weight in zip(market.instruments, weights, strict=True)]
        self.trips: tuple[Trip, ...] = trips(market, closes, bars)
        for trip in self.trips:
            for place, instrument in enumerate(market.instruments):
                if trip.breaker.covers(instrument):
                    _halt(closes[place], weights[place], trip)
        # Instruments of the same hours share what is as large as the path itself.
        busy = {key: array("I", accumulate(map(mul, key, key))) for key in map(bytes, weights)}
        self.tapes = tuple(
            _tape(market, one, path, busy[bytes(weight)])
            for one, path, weight in zip(market.instruments, closes, weights, strict=True)
        )
        self._dollars = _dollars(self.tapes)
        self._rates: dict[tuple[str, str], list[int]] = {}

    def rates(self, quote: str, currency: str) -> list[int]:
        """By day the price of one unit of `quote` in `currency` as the day begins, in 1e-10.

        Results and fees are converted at the rate of their day.
        """
        found = self._rates.get((quote, currency))
        if found is None:
            found = [self._rate(quote, currency, bar) for bar in range(0, self._bars, BARS)]
            self._rates[quote, currency] = found
        return found

    def _rate(self, quote: str, currency: str, bar: int) -> int:
        if quote == currency:
            return 10**10
        above, below = self._dollar(quote, bar)
        over, under = self._dollar(currency, bar)
        return max(1, ratio(above * under * 10**10, below * over))

    def knows(self, currency: str) -> bool:
        """Whether the worth of a currency follows from the instruments."""
        return currency in self._dollars

    def _dollar(self, currency: str, bar: int) -> tuple[int, int]:
        tape, turned = self._dollars[currency]
        if tape is None:
            return 1, 1
        price = tape.closes[bar] * tape.instrument.tick
        return (E8, price) if turned else (price, E8)


def _weights(instrument: Instrument, bars: int) -> bytearray:
    """How large the steps of each bar are; 0 where it is closed."""
    hours = _AROUND_THE_CLOCK
    if instrument.asset_class == "crypto":
        hours = _CRYPTO
    elif instrument.asset_class == "indices":
        hours = _EXCHANGES.get(instrument.quote, _EXCHANGES["USD"])
    day = bytearray(weight for weight in hours for _ in range(BARS // 24))
    days = -(-bars // BARS)
    if instrument.hours is None:
        return day * days
    weights = bytearray(BARS * days)
    for opens, closes in instrument.hours:
        for bar in range(max(0, -(-opens // BAR)), min(closes // BAR, len(weights))):
            weights[bar] = day[bar % BARS]
    return weights


def _walk(plan: DemoPlan, instrument: Instrument, weights: bytearray) -> array[int]:
    """The path before any breaker trips."""
    days = len(weights) // BARS
    returns = draw.normals(plan.seed, f"demo/days/{instrument.symbol}", 0, _ONE, days)
    wild = _clusters(draw.octets(plan.seed, f"demo/clusters/{instrument.symbol}", 0, days))
    shocks = draw.longs(plan.seed, f"demo/shocks/{instrument.symbol}", 0, days)
    usual = _DAILY[instrument.asset_class] * _ONE // 10_000
    bell = _unit_bell()
    closes = array("i")
    price = _first_price(instrument) << 16
    for day in range(days):
        weight = weights[day * BARS : (day + 1) * BARS]
        total = isqrt(sum(map(mul, weight, weight)))
        if not total:
            closes.extend([price >> 16] * BARS)
            continue
        width = usual * wild[day] * isqrt((BARS - weight.count(0)) * _SQUARE // BARS) >> 16
        noise = draw.shorts(
            plan.seed, f"demo/bars/{instrument.symbol}", plan.start // DAY + day, BARS, bits=12
        )
        steps = list(map(mul, map(bell.__getitem__, noise), weight))
        moved = returns[day] * width >> 32
        if shocks[day] % _SHOCKS == 0:
            bar, shock = _shock(shocks[day] // _SHOCKS, weight, width)
            steps[bar] += (shock << 32) * total // width
            moved += shock
        path, price = _tied(price, steps, width // total, weight, moved)
        closes.extend(path)
    return closes


_SQUARE = 1 << 16


@cache
def _unit_bell() -> list[int]:
    return draw.normals(0, "demo/bell", 0, _ONE, 4096)


def _tied(
    price: int, steps: list[int], width: int, weights: Sequence[int], moved: int
) -> tuple[list[int], int]:
    """Prices in ticks, and the last in 2**-16 of one, from `price` on in steps in units of `width`.

    The steps are bent so that they end where the day has `moved` to.
    """
    gap = ((moved << 32) - sum(steps) * width) // sum(weights)
    bent = map(
        add, map(mul, steps, repeat(price * width >> 32)), map(mul, weights, repeat(price * gap >> 32))
    )
    path = [at >> 48 for at in accumulate(bent, initial=price << 32)][1:]
    last = price * (_ONE + moved) >> 32
    return path if min(path) > 0 else [max(one, 1) for one in path], max(last, 1 << 16)


def _clusters(drawn: bytes) -> list[int]:
    """How wild each day is, 256 is as usual: it decays to the usual and is pushed away again."""
    wild, found = 256, []
    for one in drawn:
        wild = 256 + (wild - 256) * 14 // 16 + (one * one >> 9) - 42
        wild = min(max(wild, 128), 640)
        found.append(wild)
    return found


def _shock(drawn: int, weights: Sequence[int], width: int) -> tuple[int, int]:
    """In which bar of the day, and how far: two to five times what a day usually moves."""
    bars = [bar for bar, weight in enumerate(weights) if weight]
    size = width * (128 + drawn % 192) >> 6
    return bars[drawn // 192 % len(bars)], -size if drawn >> 40 & 1 else size


def _first_price(instrument: Instrument) -> int:
    known = _PRICES.get(instrument.symbol)
    return max(1, known * 1000 // instrument.tick) if known else _TICKS


def _halt(closes: array[int], weights: bytearray, trip: Trip) -> None:
    for bar in range(trip.bar + 1, min(trip.bar + 1 + trip.bars, len(closes))):
        closes[bar] = closes[trip.bar]
        weights[bar] = 0


def _tape(market: Market, instrument: Instrument, closes: array[int], busy: array[int]) -> Tape:
    spreads = [quote.spread for quote in market.quotes if quote.symbol == instrument.symbol]
    usual = closes[0] * _DAILY[instrument.asset_class] // 10_000 // isqrt(BARS)
    return Tape(
        instrument,
        closes,
        busy,
        max(1, min(spreads, default=instrument.tick) // instrument.tick // 2),
        max(1, usual),
        instrument.tick * instrument.lot * instrument.contract,
    )


def _dollars(tapes: Sequence[Tape]) -> dict[str, tuple[Tape | None, bool]]:
    """By currency the tape that tells its worth in dollars, and whether it has to be turned round."""
    found: dict[str, tuple[Tape | None, bool]] = {
        "USD": (None, False),
        "USDT": (None, False),
        "USDC": (None, False),
    }
    for tape in tapes:
        base, quote = tape.instrument.base, tape.instrument.quote
        if quote == "USD" and base:
            found.setdefault(base, (tape, False))
        elif base == "USD":
            found.setdefault(quote, (tape, True))
    return found
