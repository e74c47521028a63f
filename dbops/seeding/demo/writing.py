"""Rows of what one account does: orders, routes, fills, trades, positions, events, snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbops.seeding.demo.accounts import Account
from dbops.seeding.demo.book import Book, Filled, after
from dbops.seeding.demo.execution import Order
from dbops.seeding.demo.limits import Breach
from dbops.seeding.demo.model import BAR, SECOND, Provider
from dbops.seeding.demo.paths import Paths
from dbops.seeding.demo.routing import Route, Router
from dbops.seeding.demo.text import NULL, Clock, decimal, plain, ratio

SIDES = {1: "buy", -1: "sell"}
_TAGS = (
    '{"source": "mobile"}', '{"source": "web"}', '{"source": "api", "client_version": "2.14"}',
    '{"source": "desk", "desk": "london"}', '{"tag": "hedge"}', '{"tag": "news"}', '{"tag": "rollover"}',
    '{"source": "api", "client_version": "2.15"}',
)  # fmt: skip
_REFUSED = ("no liquidity", "rate limit", "price moved", "instrument busy")
_ACTIONS = {"warn": "warned", "block": "blocked", "liquidate": "warned"}


class Writer:
    """Writes the rows of accounts; texts of instruments are made once."""

    def __init__(self, paths: Paths, router: Router, clock: Clock, officers: Sequence[str], end: int) -> None:
        self._paths, self._router, self._clock = paths, router, clock
        self._officers, self._end = officers, end
        self._symbols = [tape.instrument.symbol for tape in paths.tapes]
        self._ticks = [tape.instrument.tick for tape in paths.tapes]
        self._lots = [tape.instrument.lot for tape in paths.tapes]

    def order(self, number: int, nth: int, one: Order) -> str:
        """A row of orders."""
        place, clock, run = one.place, self._clock, one.run
        tick, lot = self._ticks[place], self._lots[place]
        average = NULL
        if one.done:
            worth = sum([ticks * lots for _, ticks, lots, _ in one.fills]) if len(one.fills) > 1 else 0
            average = plain(ratio(worth * tick, one.done) if worth else one.fills[0][1] * tick)
        return (
            f"{number}\t{run.account.id}\t{run.id}\t{self._symbols[place]}\t{run.strategy[:2]}-{nth:06d}"
            f"\t{SIDES[one.side]}\t{one.kind}\t{one.force}\t{plain(one.lots * lot)}"
            f"\t{plain(one.limit * tick) if one.limit else NULL}\t{plain(one.stop * tick) if one.stop else NULL}"
            f"\t{plain(one.done * lot)}\t{average}\t{one.status}\t{one.reason or NULL}"
            f"\t{'{}' if one.drawn >> 28 & 15 else _TAGS[one.drawn >> 32 & 7]}\t{clock(one.placed)}"
            f"\t{NULL if one.expires is None else clock(one.expires)}\t{clock(one.ended)}\t{one.pair}"
        )

    def routes(self, first: int, order_number: int, one: Order, quantity: int, route: Route) -> Iterator[str]:
        """Rows of order_routes: mostly one, a second where the first came to nothing."""
        drawn, clock = one.drawn, self._clock
        rule, provider = route
        sent = one.placed + 100 + (drawn >> 44 & 511)
        size = plain(quantity)
        fails = drawn >> 20 & 63
        if fails < 2 and one.done:
            others = [other for other in self._router.quoting[one.place] if other != provider] or [provider]
            if fails:
                answer = f"rejected\t{NULL}\t{_REFUSED[drawn >> 26 & 3]}\t{clock(sent)}\t{clock(sent + 700)}"
            else:
                answer = f"timed_out\t{NULL}\t{NULL}\t{clock(sent)}\t{NULL}"
            yield f"{first}\t{order_number}\t1\t{others[0].id}\t{NULL}\t{size}\t{answer}"
            first, sent = first + 1, sent + 5000
        attempt = 2 if fails < 2 and one.done else 1
        yield (
            f"{first}\t{order_number}\t{attempt}\t{provider.id}\t{rule or NULL}\t{size}\taccepted"
            f"\t{provider.code}-{first:x}\t{NULL}\t{clock(sent)}\t{clock(sent + 300 + (drawn & 8191))}"
        )

    def fee(self, one: Order, fill: tuple[int, int, int, bool], provider: Provider | None, currency: str) -> int:
        """The fee of a fill in 1e-8 of the account's currency."""
        share = 0 if provider is None else provider.taker if fill[3] else provider.maker
        if not share:
            return 0
        tape = self._paths.tapes[one.place]
        rate = self._paths.rate(tape.instrument.quote, currency, fill[0] // BAR)
        return ratio(fill[1] * fill[2] * tape.value * rate * share, 10**34)

    def fill(self, one: Filled, taker: bool, code: str | None) -> str:  # noqa: FBT001 - a column
        """A row of fills; the firm's own book gives its executions no names."""
        order, place = one.order, one.order.place
        time = self._clock(one.time)
        return (
            f"{one.number}\t{one.order_number}\t{order.run.id}\t{self._symbols[place]}\t{SIDES[order.side]}"
            f"\t{plain(one.ticks * self._ticks[place])}\t{plain(one.lots * self._lots[place])}"
            f"\t{decimal(one.fee)}\t{'taker' if taker else 'maker'}"
            f"\t{f'{code}-{one.number:x}' if code else NULL}\t{time}\t{time}"
        )

    def trades(self, first: int, account: Account, book: Book) -> Iterator[str]:
        """Rows of trades."""
        clock = self._clock
        for number, one in enumerate(book.trades, first):
            place, closed = one.place, clock(one.exit.time)
            tick = self._ticks[place]
            yield (
                f"{number}\t{account.id}\t{one.exit.order.run.id}\t{self._symbols[place]}"
                f"\t{'long' if one.side > 0 else 'short'}\t{plain(one.lots * self._lots[place])}"
                f"\t{one.entry.order_number}\t{one.exit.order_number}\t{plain(one.entry.ticks * tick)}"
                f"\t{plain(one.exit.ticks * tick)}\t{decimal(one.rate, 10)}\t{decimal(one.pnl)}"
                f"\t{decimal(one.fees)}\t{clock(one.entry.time)}\t{closed}\t{closed}"
            )

    def positions(self, ids: Sequence[str], account: Account, book: Book) -> Iterator[str]:
        """Rows of positions."""
        for id_, one in zip(ids, book.positions.values(), strict=False):
            tick = self._ticks[one.place]
            average = plain(ratio(abs(one.cost) * tick, abs(one.net))) if one.net else NULL
            yield (
                f"{id_}\t{account.id}\t{self._symbols[one.place]}\t{decimal(one.net * self._lots[one.place])}"
                f"\t{average}\t{decimal(one.pnl)}\t{self._clock(one.first)}\t{self._clock(one.last)}"
            )

    def snapshots(self, first: int, account: Account, book: Book) -> Iterator[str]:
        """Rows of risk_snapshots."""
        for number, one in enumerate(book.snapshots, first):
            yield (
                f"{number}\t{account.id}\t{self._clock(one.time)}\t{decimal(one.balance)}"
                f"\t{decimal(one.unrealized)}\t{decimal(one.margin)}\t{decimal(one.gross)}"
                f"\t{one.open_orders}\t{decimal(one.drawdown, 4)}"
            )

    def events(
        self, first: int, account: Account, found: Sequence[Breach], placed: Sequence[int], number: dict[int, int]
    ) -> Iterator[str]:
        """Rows of risk_events; `placed` are the account's orders in the order of time, `number` their ids."""
        for at, one in enumerate(found, first):
            blocked = one.level == 2 and one.limit.action == "block"
            until = after(placed, one.time) if blocked else None  # before it could order again, it was dealt with
            resolved, officer = self.resolution(at, one.time, until)
            session = f"{one.order.run.id}\t{number[id(one.order)]}" if one.order else f"{NULL}\t{NULL}"
            yield (
                f"{at}\t{one.limit.id}\t{NULL}\t{account.id}\t{session}\t{one.symbol or NULL}"
                f"\t{'breach' if one.level == 2 else 'warning'}\t{'critical' if one.level == 2 else 'warning'}"
                f"\t{decimal(one.observed)}\t{decimal(one.limit.value)}"
                f"\t{_ACTIONS[one.limit.action] if one.level == 2 else 'warned'}"
                f'\t{{"limit_type": "{one.limit.kind}"}}\t{self._clock(one.time)}\t{resolved}\t{officer}'
            )

    def resolution(self, number: int, time: int, until: int | None) -> tuple[str, str]:
        """When an event was dealt with and by whom: some are still open, the most recent mostly."""
        resolved = time + (1 + number * 7919 % 720) * 60 * SECOND
        if until is not None:
            resolved = min(resolved, until)
        elif number % 13 == 0:
            resolved = self._end + 1
        if resolved > self._end:
            return NULL, NULL
        officers = self._officers
        return self._clock(resolved), officers[number % len(officers)] if officers else NULL
