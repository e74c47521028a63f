"""Makes the rows of the demo data, block by block."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import accumulate

from dbops.engines.catalog import TableName
from dbops.seeding import draw
from dbops.seeding.demo.accounts import Account, Accounts, Run
from dbops.seeding.demo.base import Base
from dbops.seeding.demo.book import Book, Filled
from dbops.seeding.demo.execution import MOST_FILLS, Order
from dbops.seeding.demo.limits import Limits, sorted_by_time
from dbops.seeding.demo.model import DAY, TABLES, DemoPlan
from dbops.seeding.demo.paths import Paths
from dbops.seeding.demo.people import People
from dbops.seeding.demo.routing import Router
from dbops.seeding.demo.rows import COLUMNS, Record
from dbops.seeding.demo.text import Clock
from dbops.seeding.demo.trading import Trader
from dbops.seeding.demo.writing import Writer
from dbops.seeding.fill.model import Destination

# How many numbers are set aside, for each order and each account.
_EVENTS = (4 * MOST_FILLS, 512)
_SNAPSHOTS = 64
_POSITIONS = 3
_TRIPS = 10_000  # numbers of events that come before those of the blocks

Rows = dict[str, list[str]]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Leave out the search for cycles among many short-lived objects that form none: a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class DemoSource:
    """The demo data of a plan, as `fill` asks for them.  Sent to other processes it makes its market anew."""

    def __init__(self, plan: DemoPlan) -> None:
        self.plan = plan
        self._tables = tuple(plan.rows)
        self.destinations = tuple(Destination(("public", table), COLUMNS[table]) for table in self._tables)
        self.blocks = plan.blocks
        self.rows: Mapping[TableName, int] = {("public", table): rows for table, rows in plan.rows.items()}

    def __reduce__(self) -> tuple[type[DemoSource], tuple[DemoPlan]]:
        return DemoSource, (self.plan,)

    def make(self, block: int) -> Sequence[tuple[int, int, bytes]]:
        """The rows of a block of accounts, in the order of `destinations`."""
        rows: Rows = {table: [] for table in TABLES}
        with _without_collection():
            self._maker.make(block, rows)
        return [
            (index, len(rows[table]), ("\n".join(rows[table]) + "\n").encode())
            for index, table in enumerate(self._tables)
            if rows[table]
        ]

    @cached_property
    def _maker(self) -> _Maker:
        return _Maker(self.plan)


class _Maker:
    """What all blocks stand on, and the making of one."""

    def __init__(self, plan: DemoPlan) -> None:
        self._plan = plan
        self._paths = Paths(plan)
        self._people = People(plan)
        self._clock = Clock(plan.start, plan.end // DAY + 40)
        self._accounts = Accounts(plan, self._paths, self._people)
        self._router = Router(plan.market)
        self._base = Base(plan, self._people, self._clock)
        self._writer = Writer(self._paths, self._router, self._clock, self._people.officers, plan.end)
        self._positions = draw.Uuids(plan.seed, "demo/positions")

    def make(self, block: int, rows: Rows) -> None:
        """Add the rows of a block."""
        if block == 0:
            rows["risk_events"] += [
                self._writer.trip(nth, trip)
                for nth, trip in enumerate(self._paths.trips, self._first("risk_events"))
            ]
        accounts = self._accounts.of(block)
        self._users(rows, block, accounts)
        sessions = self._shares(accounts, self._plan.share(self._plan.sessions, block), least=1)
        orders = self._shares(accounts, self._plan.share(self._plan.orders, block), least=0)
        drawn = [
            draw.longs(self._plan.seed, f"demo/orders/{column}", block, orders[-1].stop - orders[0].start)
            for column in ("when", "what", "how")
        ]
        columns = list(zip(*drawn, strict=True))
        ids = self._accounts.run_ids(range(sessions[0].start, sessions[-1].stop))
        self._position_ids = self._positions.block(
            accounts[0].number * _POSITIONS, len(accounts) * _POSITIONS
        )
        self._begin = accounts[0].number
        for account, runs, numbers in zip(accounts, sessions, orders, strict=True):
            first = numbers.start - orders[0].start
            own = ids[runs.start - sessions[0].start : runs.stop - sessions[0].start]
            made = self._accounts.runs(account, runs, own, len(numbers))
            self._account(rows, account, made, numbers, columns[first : first + len(numbers)])

    def _users(self, rows: Rows, block: int, accounts: list[Account]) -> None:
        owned: dict[str, list[Account]] = {}
        for account in accounts:
            owned.setdefault(account.user, []).append(account)
        for number in self._plan.users_of(block):
            person = self._people.person(number)
            # Whose accounts go on into the next block is taken for active.
            within = accounts[-1].user != person.id or block == self._plan.blocks - 1
            self._record(rows, self._base.user(person, owned.get(person.id, []) if within else []))

    def _shares(self, accounts: list[Account], total: range, *, least: int) -> list[range]:
        """The numbers of a block's rows, shared out by the weights of the accounts, `least` for each."""
        sums = list(accumulate(account.weight for account in accounts))
        spare = len(total) - least * len(accounts)
        bounds = [least * (nth + 1) + spare * at // sums[-1] for nth, at in enumerate(sums)]
        return [
            range(total.start + low, total.start + high)
            for low, high in zip([0, *bounds], bounds, strict=False)
        ]

    def _first(self, table: str) -> int:
        return self._plan.first_ids.get(table, 0) + 1

    def _record(self, rows: Rows, record: Record) -> None:
        rows[record.table].append(record.row())
        if self._plan.fast:
            rows["audit_log"].append(record.audit())

    def _account(
        self,
        rows: Rows,
        account: Account,
        runs: list[Run],
        numbers: range,
        drawn: Sequence[tuple[int, int, int]],
    ) -> None:
        plan = self._plan
        limits = Limits(plan.market, account)
        made = Trader(account, self._accounts, self._paths, limits, plan.end).trade(runs, drawn)
        fills = self._orders(rows, account, numbers.start, made)
        book = Book(account, self._paths, limits, plan.end)
        book.run(fills, made)
        self._record(rows, self._base.account(account, book))
        for run in runs:
            self._record(rows, self._base.session(run, plan.market.instruments))
        for record in self._base.limits(account):
            self._record(rows, record)
        self._books(rows, account, numbers, made, book, limits)

    def _orders(self, rows: Rows, account: Account, start: int, made: list[Order]) -> list[Filled]:
        """Add orders, routes and fills; returns the fills in the order of time."""
        writer, first = self._writer, self._first("orders")
        route_first, fill_first = self._first("order_routes"), self._first("fills")
        booked: list[Filled] = []
        for nth, order in enumerate(made):
            number = start + nth + first
            quantity = order.lots * self._plan.market.instruments[order.place].lot
            size, placed = f"{quantity}e-8", self._clock(order.placed)
            route = self._router.route(order.place, quantity, order.drawn >> 22)
            if route and order.status not in {"rejected", "pending"}:
                at = route_first + 2 * (start + nth)
                rows["order_routes"] += writer.routes(at, number, order, size, placed, route)
            provider = route[1] if route else None
            fills = [
                writer.filled(at, number, order, fill, provider)
                for at, fill in enumerate(order.fills, fill_first + MOST_FILLS * (start + nth))
            ]
            rows["orders"].append(writer.order(number, nth + 1, order, size, placed, fills))
            rows["fills"] += [writer.fill(fill, size, provider) for fill in fills]
            booked += fills
        booked.sort(key=lambda one: (one.time, one.number))
        return booked

    def _books(
        self, rows: Rows, account: Account, numbers: range, made: list[Order], book: Book, limits: Limits
    ) -> None:
        writer, first = self._writer, self._first
        rows["trades"] += writer.trades(first("trades") + MOST_FILLS * numbers.start, account, book)
        at = (account.number - self._begin) * _POSITIONS
        ids = self._position_ids[at : at + len(book.positions)]
        rows["positions"] += writer.positions(ids, account, book)
        rows["risk_snapshots"] += writer.snapshots(
            first("risk_snapshots") + _SNAPSHOTS * account.number, account, book
        )
        for order in made:
            limits.on_order(order)
        named = {id(order): number + first("orders") for order, number in zip(made, numbers, strict=True)}
        event = first("risk_events") + _TRIPS + _EVENTS[0] * numbers.start + _EVENTS[1] * account.number
        placed = sorted(order.placed for order in made)
        rows["risk_events"] += writer.events(event, account, sorted_by_time(limits.found), placed, named)
