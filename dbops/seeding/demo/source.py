"""Makes the rows of the demo data, block by block."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import accumulate

from dbops.engines.catalog import TableName
from dbops.seeding import draw
from dbops.seeding.demo import trading, writing
from dbops.seeding.demo.accounts import Account, Accounts, Run
from dbops.seeding.demo.base import Base
from dbops.seeding.demo.book import Book
from dbops.seeding.demo.execution import MOST_FILLS, Order
from dbops.seeding.demo.limits import Limits, sorted_by_time
from dbops.seeding.demo.lines import Line
from dbops.seeding.demo.model import DAY, TABLES, DemoPlan
from dbops.seeding.demo.paths import Paths
from dbops.seeding.demo.people import People
from dbops.seeding.demo.routing import Router
from dbops.seeding.demo.rows import COLUMNS, Record
from dbops.seeding.demo.text import Clock
from dbops.seeding.demo.writing import Rows, Writer
from dbops.seeding.fill.model import Destination

# How many numbers are set aside, for each order and each account.
_EVENTS = (4 * MOST_FILLS, 512)
_SNAPSHOTS = 64
_POSITIONS = 3
_TRIPS = 10_000  # numbers of events that come before those of the blocks


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
        texts: dict[str, list[str]] = {table: [] for table in TABLES}
        counts = dict.fromkeys(TABLES, 0)
        with _without_collection():
            for rows in self._maker.make(block):
                for table, lines in rows.items():
                    if lines:
                        counts[table] += len(lines)
                        lines.append("")  # for the end of the last line
                        texts[table].append("\n".join(lines))
        return [
            (index, counts[table], "".join(texts.pop(table)).encode())
            for index, table in enumerate(self._tables)
            if counts[table]
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
        self._base = Base(plan, self._people, self._clock)
        self._writer = Writer(Router(plan.market), self._clock, self._people.officers, plan.end)
        self._positions = draw.Uuids(plan.seed, "demo/positions")

    def make(self, block: int) -> Iterator[Rows]:
        """The rows of a block: those of users, then account after account."""
        accounts = self._accounts.of(block)
        yield self._users(block, accounts)
        sessions = self._shares(accounts, self._plan.share(self._plan.sessions, block), least=1)
        orders = self._shares(accounts, self._plan.share(self._plan.orders, block), least=0)
        count = orders[-1].stop - orders[0].start
        draws = trading.drawn(self._plan.seed, block, count), writing.drawn(self._plan.seed, block, count)
        ids = self._accounts.run_ids(range(sessions[0].start, sessions[-1].stop))
        first = accounts[0].number
        positions = self._positions.block(first * _POSITIONS, len(accounts) * _POSITIONS)
        for nth, (account, runs, numbers) in enumerate(zip(accounts, sessions, orders, strict=True)):
            own = ids[runs.start - sessions[0].start : runs.stop - sessions[0].start]
            made = self._accounts.runs(account, runs, own, len(numbers))
            yield self._account(account, made, numbers, draws, positions[nth * _POSITIONS :])

    def _users(self, block: int, accounts: list[Account]) -> Rows:
        """Rows of users, and before all else those of the market's halts."""
        rows: Rows = {table: [] for table in TABLES}
        if block == 0:
            first = self._first("risk_events")
            rows["risk_events"] += [
                self._writer.trip(nth, trip) for nth, trip in enumerate(self._paths.trips, first)
            ]
        owned: dict[str, list[Account]] = {}
        for account in accounts:
            owned.setdefault(account.user, []).append(account)
        for number in self._plan.users_of(block):
            person = self._people.person(number)
            # Whose accounts go on into the next block is taken for active.
            within = accounts[-1].user != person.id or block == self._plan.blocks - 1
            self._record(rows, self._base.user(person, owned.get(person.id, []) if within else []))
        return rows

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
        account: Account,
        runs: list[Run],
        numbers: range,
        draws: tuple[Iterator[trading.Drawn], Iterator[writing.Drawn]],
        positions: Sequence[str],
    ) -> Rows:
        """All rows of an account; its orders have these numbers, its positions some of these ids."""
        plan, writer, first = self._plan, self._writer, self._first
        rows: Rows = {table: [] for table in TABLES}
        limits = Limits(plan.market, account)
        lines = {place: self._line(account, place, limits) for place in account.pairs}
        made = trading.Trader(account, lines, plan.end).trade(runs, draws[0])
        start = numbers.start
        begin = (
            first("orders") + start, first("order_routes") + 2 * start, first("fills") + MOST_FILLS * start,
        )  # fmt: skip
        fills = writer.orders(begin, account, made, draws[1], rows)
        book = Book(account, list(lines.values()), limits, plan.end)
        book.run(fills, made)
        self._record(rows, self._base.account(account, book))
        for run in runs:
            self._record(rows, self._base.session(run, plan.market.instruments))
        for record in self._base.limits(account):
            self._record(rows, record)
        rows["trades"] = writer.trades(first("trades") + MOST_FILLS * start, account, book)
        rows["positions"] = writer.positions(positions, account, book)
        at = first("risk_snapshots") + _SNAPSHOTS * account.number
        rows["risk_snapshots"] = list(writer.snapshots(at, account, book))
        rows["risk_events"] = self._events(account, start, made, limits)
        return rows

    def _line(self, account: Account, place: int, limits: Limits) -> Line:
        tape = self._paths.tapes[place]
        rates = self._paths.rates(tape.instrument.quote, account.currency)
        return Line(place, tape, self._accounts.unit(account, place), rates, limits)

    def _events(self, account: Account, start: int, made: list[Order], limits: Limits) -> list[str]:
        first = self._first("orders") + start
        for number, (run, line, _, _, lots, placed, _, _, _) in enumerate(made, first):
            if line.limit:
                limits.on_order(line.limit, line.instrument, placed, lots, (run.id, number))
        if not limits.found:
            return []
        at = self._first("risk_events") + _TRIPS + _EVENTS[0] * start + _EVENTS[1] * account.number
        times = sorted([order[5] for order in made])
        return list(self._writer.events(at, account, sorted_by_time(limits.found), times))
