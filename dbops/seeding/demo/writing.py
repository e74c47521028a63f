"""Rows of what one account does: orders, routes, fills, trades, positions, events, snapshots.

Amounts are written as `123456e-8`, which the server reads as it does 0.00123456, and Python writes at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from dbops.seeding import draw
from dbops.seeding.demo.accounts import Account
from dbops.seeding.demo.book import Book
from dbops.seeding.demo.execution import MOST_FILLS, Order
from dbops.seeding.demo.halts import Trip
from dbops.seeding.demo.limits import Breach
from dbops.seeding.demo.lines import Filled
from dbops.seeding.demo.model import DAY, E8, SECOND, WEEK, Provider
from dbops.seeding.demo.routing import Route, Router
from dbops.seeding.demo.text import NULL, Clock, ratio

_TAGS = draw.spread(
    (
        "{}", '{"source": "mobile"}', '{"source": "web"}', '{"source": "api", "client_version": "2.14"}',
        '{"source": "desk", "desk": "london"}', '{"tag": "hedge"}', '{"tag": "news"}', '{"tag": "rollover"}',
        '{"source": "api", "client_version": "2.15"}',
    ),
    (248, 1, 1, 1, 1, 1, 1, 1, 1),
    bits=8,
)  # fmt: skip
_REFUSED = ("no liquidity", "rate limit", "price moved", "instrument busy")
_ACTIONS = {"warn": "warned", "block": "blocked", "liquidate": "warned"}
_FAILS = 8  # of 256 routes to a provider come to nothing at first, half of them without an answer

_NOT_ROUTED = frozenset({"rejected", "pending"})

Rows = dict[str, list[str]]
"""Rows as COPY text, by table."""

Numbers = tuple[int, int, int]
"""The first numbers of orders, routes and fills."""

Drawn = tuple[int, int, int, str]
"""Which provider (of 64), how long it takes to answer, whether it fails, and the attributes of the order."""


def drawn(seed: int, block: int, count: int) -> Iterator[Drawn]:
    """What is drawn for the writing of each order of a block."""
    route, answer, fails, tag = (
        draw.octets(seed, f"demo/order_routes/{column}", block, count)
        for column in ("route", "answer", "fails", "tag")
    )
    return zip(route, answer, fails, map(_TAGS.__getitem__, tag), strict=True)


class Writer:
    """Writes the rows of accounts."""

    def __init__(self, router: Router, clock: Clock, officers: Sequence[str], end: int) -> None:
        self._router, self._clock = router, clock.at
        self._officers, self._end = officers, end
        self._weeks = [clock.at(time) for time in range(0, end + 1, WEEK)]

    def orders(
        self, first: Numbers, account: Account, made: Sequence[Order], draws: Iterator[Drawn], rows: Rows
    ) -> list[Filled]:
        """Add rows of orders, routes and fills; returns the fills in the order of time."""
        clock, write = self._clock, rows["orders"].append
        number, route_number, fill_number = first
        booked: list[Filled] = []
        before, head, code = None, "", ""
        for nth, (one, (which, delay, fails, tags)) in enumerate(zip(made, draws), 1):  # noqa: B905 - draws go on
            run, line, pair, side, lots, when, expires, price, outcome = one
            kind, force, limit, stop = price
            status, reason, ended, done, fills, _ = outcome
            if run is not before:
                before, head, code = run, f"{account.id}\t{run.id}", run.strategy[:2]
            size, placed = f"{lots * line.lot}e-8", clock(when)
            provider = None
            route = self._router.route(line.place, lots * line.lot, which)
            if route:
                provider = route[1]
                if status not in _NOT_ROUTED:
                    attempt = fails if fills else _FAILS
                    self._route(
                        rows["order_routes"], route_number, number, one, size, placed, route, delay, attempt
                    )
            average = changed = NULL
            if fills:
                filled = self._fills(rows["fills"], fill_number, number, one, size, provider)
                booked += filled
                average, changed = filled[0][10], filled[-1][9]
                if len(fills) > 1:
                    total = sum([fill[1] * fill[2] for fill in fills]) * line.tick
                    average = f"{ratio(total, done)}e-8"
            write(
                f"{number}\t{head}\t{line.symbol}\t{code}-{nth}"
                f"\t{'buy' if side > 0 else 'sell'}\t{kind}\t{force}\t{size}"
                f"\t{f'{limit * line.tick}e-8' if limit else NULL}\t{f'{stop * line.tick}e-8' if stop else NULL}"
                f"\t{size if done == lots else f'{done * line.lot}e-8'}\t{average}\t{status}\t{reason or NULL}"
                f"\t{tags}\t{placed}\t{clock(expires) if expires else NULL}"
                f"\t{changed if done == lots else clock(ended)}\t{pair}"
            )
            number, route_number, fill_number = number + 1, route_number + 2, fill_number + MOST_FILLS
        booked.sort()
        return booked

    def _route(
        self, rows: list[str], number: int, order: int, one: Order, size: str, placed: str, route: Route,
        delay: int, fails: int,
    ) -> None:  # fmt: skip
        """Add rows of order_routes: mostly one, a second where the first came to nothing."""
        rule, provider = route
        attempt, sent, answered = 1, placed, one[5] + 1 + (delay & 7)
        if fails < _FAILS:
            quoting = self._router.quoting[one[1].place]
            others = [other for other in quoting if other != provider] or [provider]
            answer = f"timed_out\t{NULL}\t{NULL}\t{placed}\t{NULL}"
            if fails & 1:
                reason = _REFUSED[delay >> 3 & 3]
                answer = f"rejected\t{NULL}\t{reason}\t{placed}\t{self._clock(one[5] + 2)}"
            rows.append(f"{number}\t{order}\t1\t{others[0].id}\t{NULL}\t{size}\t{answer}")
            number, attempt, sent, answered = number + 1, 2, self._clock(one[5] + 5), answered + 5
        rows.append(
            f"{number}\t{order}\t{attempt}\t{provider.id}\t{rule or NULL}\t{size}\taccepted"
            f"\t{provider.code}-{number}\t{NULL}\t{sent}\t{self._clock(answered)}"
        )

    def _fills(
        self, rows: list[str], first: int, order: int, one: Order, size: str, provider: Provider | None
    ) -> list[Filled]:
        """Add rows of fills; the firm's own book, which takes no fee, gives its executions no names."""
        run, line, _, side, total, _, _, _, outcome = one
        fills, taker = outcome[4], outcome[5]
        share = 0 if provider is None else provider.taker if taker else provider.maker
        name = f"{provider.code}-" if provider and (provider.taker or provider.maker) else None
        found: list[Filled] = []
        for number, (time, ticks, lots) in enumerate(fills, first):
            fee = 0
            if share:
                fee = ticks * lots * line.above * line.rates[time // DAY] * share // (line.below * E8)
            when, price = self._clock(time), f"{ticks * line.tick}e-8"
            found.append((time, number, order, run.id, line, side, ticks, lots, fee, when, price))
            rows.append(
                f"{number}\t{order}\t{run.id}\t{line.symbol}\t{'buy' if side > 0 else 'sell'}\t{price}"
                f"\t{size if lots == total else f'{lots * line.lot}e-8'}\t{fee}e-8"
                f"\t{'taker' if taker else 'maker'}\t{f'{name}{number}' if name else NULL}"
                f"\t{when}\t{when}"
            )
        return found

    def trades(self, first: int, account: Account, book: Book) -> list[str]:
        """Rows of trades."""
        return [
            f"{number}\t{account.id}\t{closed[3]}\t{closed[4].symbol}\t{'long' if entry[5] > 0 else 'short'}"
            f"\t{lots * closed[4].lot}e-8\t{entry[2]}\t{closed[2]}\t{entry[10]}\t{closed[10]}"
            f"\t{rate}e-10\t{pnl}e-8\t{fees}e-8\t{entry[9]}\t{closed[9]}\t{closed[9]}"
            for number, (entry, closed, lots, rate, pnl, fees) in enumerate(book.trades, first)
        ]

    def positions(self, ids: Sequence[str], account: Account, book: Book) -> list[str]:
        """Rows of positions."""
        rows = []
        for id_, one in zip(ids, book.lines, strict=False):
            if one.first and one.last:
                average = f"{ratio(abs(one.cost) * one.tick, abs(one.net))}e-8" if one.net else NULL
                rows.append(
                    f"{id_}\t{account.id}\t{one.symbol}\t{one.net * one.lot}e-8"
                    f"\t{average}\t{one.pnl}e-8\t{one.first[9]}\t{one.last[9]}"
                )
        return rows

    def snapshots(self, first: int, account: Account, book: Book) -> Iterator[str]:
        """Rows of risk_snapshots."""
        for number, one in enumerate(book.snapshots, first):
            time, balance, unrealized, margin, gross, working, drawdown = one
            yield (
                f"{number}\t{account.id}\t{self._weeks[time // WEEK]}\t{balance}e-8\t{unrealized}e-8"
                f"\t{margin}e-8\t{gross}e-8\t{working}\t{drawdown}e-4"
            )

    def events(
        self,
        first: int,
        account: Account,
        found: Sequence[Breach],
        placed: Sequence[int],
    ) -> Iterator[str]:
        """Rows of risk_events; `placed` are the account's orders in the order of time."""
        for at, one in enumerate(found, first):
            broken = one.level == 2
            until = None
            if (
                broken and one.limit.action == "block"
            ):  # it was dealt with before the account could order again
                later = bisect_right(placed, one.time)
                until = placed[later] if later < len(placed) else None
            resolved, officer = self._resolution(at, one.time, until)
            session = f"{one.cause[0]}\t{one.cause[1]}" if one.cause else f"{NULL}\t{NULL}"
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
