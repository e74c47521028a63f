"""Rows of what one account does: orders, routes, fills, trades, positions, events, snapshots.

Amounts are written as `123456e-8`, which the server reads as it does 0.00123456, and Python writes at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from dbops.seeding.demo.accounts import Account
from dbops.seeding.demo.book import Book, Filled
from dbops.seeding.demo.execution import Fill, Order
from dbops.seeding.demo.halts import Trip
from dbops.seeding.demo.limits import Breach
from dbops.seeding.demo.model import DAY, SECOND, Provider
from dbops.seeding.demo.paths import Paths
from dbops.seeding.demo.routing import Route, Router
from dbops.seeding.demo.text import NULL, Clock, ratio

_TAGS = (
    '{"source": "mobile"}', '{"source": "web"}', '{"source": "api", "client_version": "2.14"}',
    '{"source": "desk", "desk": "london"}', '{"tag": "hedge"}', '{"tag": "news"}', '{"tag": "rollover"}',
    '{"source": "api", "client_version": "2.15"}',
)  # fmt: skip
_REFUSED = ("no liquidity", "rate limit", "price moved", "instrument busy")
_ACTIONS = {"warn": "warned", "block": "blocked", "liquidate": "warned"}


class Writer:
    """Writes the rows of accounts."""

    def __init__(self, paths: Paths, router: Router, clock: Clock, officers: Sequence[str], end: int) -> None:
        self._paths, self._router, self._clock = paths, router, clock
        self._officers, self._end = officers, end
        self._symbols = [tape.instrument.symbol for tape in paths.tapes]
        self._ticks = [tape.instrument.tick for tape in paths.tapes]
        self._lots = [tape.instrument.lot for tape in paths.tapes]

    def order(
        self, number: int, nth: int, one: Order, size: str, placed: str, fills: Sequence[Filled]
    ) -> str:
        """A row of orders; `size` is its quantity as text, `placed` its time."""
        clock, run, tick = self._clock, one.run, self._ticks[one.place]
        done = size if one.done == one.lots else f"{one.done * self._lots[one.place]}e-8"
        limit = f"{one.limit * tick}e-8" if one.limit else NULL
        stop = f"{one.stop * tick}e-8" if one.stop else NULL
        changed = fills[-1].when if one.done == one.lots else clock(one.ended)
        return (
            f"{number}\t{run.account.id}\t{run.id}\t{self._symbols[one.place]}\t{run.strategy[:2]}-{nth:06d}"
            f"\t{'buy' if one.side > 0 else 'sell'}\t{one.kind}\t{one.force}\t{size}"
            f"\t{limit}\t{stop}"
            f"\t{done}\t{self._average(one, fills, tick)}\t{one.status}\t{one.reason or NULL}"
            f"\t{'{}' if one.drawn >> 28 & 15 else _TAGS[one.drawn >> 32 & 7]}\t{placed}"
            f"\t{NULL if one.expires is None else clock(one.expires)}\t{changed}\t{one.pair}"
        )

    def _average(self, one: Order, fills: Sequence[Filled], tick: int) -> str:
        if len(fills) < 2:
            return fills[0].price if fills else NULL
        return f"{ratio(sum([fill.ticks * fill.lots for fill in fills]) * tick, one.done)}e-8"

    def routes(
        self, first: int, order_number: int, one: Order, size: str, placed: str, route: Route
    ) -> Iterator[str]:
        """Rows of order_routes: mostly one, a second where the first came to nothing."""
        drawn, clock = one.drawn, self._clock
        rule, provider = route
        attempt, sent, answered = 1, placed, one.placed + 1 + (drawn & 7)
        fails = drawn >> 20 & 63
        if fails < 2 and one.done:
            others = [other for other in self._router.quoting[one.place] if other != provider] or [provider]
            if fails:
                answer = f"rejected\t{NULL}\t{_REFUSED[drawn >> 26 & 3]}\t{placed}\t{clock(one.placed + 2)}"
            else:
                answer = f"timed_out\t{NULL}\t{NULL}\t{placed}\t{NULL}"
            yield f"{first}\t{order_number}\t1\t{others[0].id}\t{NULL}\t{size}\t{answer}"
            first, attempt, sent, answered = first + 1, 2, clock(one.placed + 5), answered + 5
        yield (
            f"{first}\t{order_number}\t{attempt}\t{provider.id}\t{rule or NULL}\t{size}\taccepted"
            f"\t{provider.code}-{first:x}\t{NULL}\t{sent}\t{clock(answered)}"
        )

    def filled(
        self, number: int, order_number: int, order: Order, fill: Fill, provider: Provider | None
    ) -> Filled:
        """A fill with its number, its fee and its texts."""
        time, ticks, lots, taker = fill
        share = 0 if provider is None else provider.taker if taker else provider.maker
        fee = 0
        if share:
            tape = self._paths.tapes[order.place]
            rate = self._paths.rates(tape.instrument.quote, order.run.account.currency)[time // DAY]
            fee = ratio(ticks * lots * tape.value * rate * share, 10**34)
        price = f"{ticks * self._ticks[order.place]}e-8"
        return Filled(time, number, order_number, order, ticks, lots, fee, self._clock(time), price)

    def fill(self, one: Filled, size: str, provider: Provider | None) -> str:
        """A row of fills; the firm's own book, which takes no fee, gives its executions no names."""
        order, place = one.order, one.order.place
        quantity = size if one.lots == order.lots else f"{one.lots * self._lots[place]}e-8"
        taker = order.stop or order.kind == "market" or order.fills[0][3]
        name = f"{provider.code}-{one.number:x}" if provider and (provider.taker or provider.maker) else NULL
        return (
            f"{one.number}\t{one.order_number}\t{order.run.id}\t{self._symbols[place]}"
            f"\t{'buy' if order.side > 0 else 'sell'}\t{one.price}\t{quantity}\t{one.fee}e-8"
            f"\t{'taker' if taker else 'maker'}\t{name}\t{one.when}\t{one.when}"
        )

    def trades(self, first: int, account: Account, book: Book) -> Iterator[str]:
        """Rows of trades."""
        for number, (entry, closed, lots, rate, pnl, fees) in enumerate(book.trades, first):
            place, when = closed.order.place, closed.when
            yield (
                f"{number}\t{account.id}\t{closed.order.run.id}\t{self._symbols[place]}"
                f"\t{'long' if entry.order.side > 0 else 'short'}\t{lots * self._lots[place]}e-8"
                f"\t{entry.order_number}\t{closed.order_number}\t{entry.price}\t{closed.price}"
                f"\t{rate}e-10\t{pnl}e-8\t{fees}e-8"
                f"\t{entry.when}\t{when}\t{when}"
            )

    def positions(self, ids: Sequence[str], account: Account, book: Book) -> Iterator[str]:
        """Rows of positions."""
        for id_, one in zip(ids, book.positions.values(), strict=True):
            tick = self._ticks[one.place]
            average = f"{ratio(abs(one.cost) * tick, abs(one.net))}e-8" if one.net else NULL
            yield (
                f"{id_}\t{account.id}\t{self._symbols[one.place]}\t{one.net * self._lots[one.place]}e-8"
                f"\t{average}\t{one.pnl}e-8\t{one.first.when}\t{one.last.when}"
            )

    def snapshots(self, first: int, account: Account, book: Book) -> Iterator[str]:
        """Rows of risk_snapshots."""
        for number, one in enumerate(book.snapshots, first):
            time, balance, unrealized, margin, gross, working, drawdown = one
            yield (
                f"{number}\t{account.id}\t{self._clock(time)}\t{balance}e-8\t{unrealized}e-8"
                f"\t{margin}e-8\t{gross}e-8\t{working}\t{drawdown}e-4"
            )

    def events(
        self,
        first: int,
        account: Account,
        found: Sequence[Breach],
        placed: Sequence[int],
        number: dict[int, int],
    ) -> Iterator[str]:
        """Rows of risk_events; `placed` are the account's orders in the order of time, `number` their ids."""
        for at, one in enumerate(found, first):
            broken = one.level == 2
            until = None
            if (
                broken and one.limit.action == "block"
            ):  # it was dealt with before the account could order again
                later = bisect_right(placed, one.time)
                until = placed[later] if later < len(placed) else None
            resolved, officer = self._resolution(at, one.time, until)
            session = f"{one.order.run.id}\t{number[id(one.order)]}" if one.order else f"{NULL}\t{NULL}"
            yield (
                f"{at}\t{one.limit.id}\t{NULL}\t{account.id}\t{session}\t{one.symbol or NULL}"
                f"\t{'breach' if broken else 'warning'}\t{'critical' if broken else 'warning'}"
                f"\t{one.observed}e-8\t{one.limit.value}e-8"
                f"\t{_ACTIONS[one.limit.action] if broken else 'warned'}"
                f'\t{{"limit_type": "{one.limit.kind}"}}\t{self._clock(one.time)}\t{resolved}\t{officer}'
            )

    def _resolution(self, number: int, time: int, until: int | None) -> tuple[str, str]:
        """When an event was dealt with, and by whom; some are still open, the most recent mostly."""
        resolved = time + (1 + number * 7919 % 720) * 60 * SECOND
        if until is not None:
            resolved = min(resolved, until)
        elif number % 13 == 0:
            resolved = self._end + 1
        if resolved > self._end:
            return NULL, NULL
        officers = self._officers
        return self._clock(resolved), officers[number % len(officers)] if officers else NULL

    def trip(self, number: int, trip: Trip) -> str:
        """A row of risk_events for a circuit breaker; it arms itself again after its cooldown."""
        breaker = trip.breaker
        over = trip.time + breaker.cooldown * SECOND
        return (
            f"{number}\t{NULL}\t{breaker.id}\t{NULL}\t{NULL}\t{NULL}\t{trip.symbol}\ttrip\tcritical"
            f"\t{trip.observed}e-8\t{breaker.threshold}e-8\thalted"
            f'\t{{"window_seconds": {breaker.window}}}\t{self._clock(trip.time)}'
            f"\t{self._clock(over) if over <= self._end else NULL}\t{NULL}"
        )
