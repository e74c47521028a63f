"""Accounts of a block, their limits, and the sessions in which they trade."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from dbops.seeding import draw
from dbops.seeding.demo.model import BAR, BARS, DAY, E8, SECOND, DemoPlan, Limit
from dbops.seeding.demo.paths import Paths
from dbops.seeding.demo.people import People, Person

_FUNDS = draw.spread(
    (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000),
    (8, 12, 16, 24, 16, 12, 8, 3, 1),
    bits=8,
)
_HOUSE = 5_000_000
_LEVERAGES = (5, 10, 20, 30, 30, 30, 50, 100)
_POPULAR = {"forex": 5, "crypto": 4, "commodities": 3, "indices": 3}
_STRATEGIES = draw.spread(
    ("manual", "trend_following", "mean_reversion", "grid", "arbitrage", "market_making"),
    (9, 4, 3, 2, 1, 1),
    bits=8,
)
_LIMITS = 3  # limits of its own that an account may have
_LEAST = 10 * DAY  # an account lives at least so long


@dataclasses.dataclass(slots=True)
class Account:
    """An account; `pairs` are places in the market's instruments, `until` is when it was closed, or the end."""

    number: int
    id: str
    user: str
    name: str
    kind: str
    currency: str
    initial: int
    leverage: int
    opened: int
    until: int
    status: str
    pairs: tuple[int, ...]
    weight: int
    limits: tuple[Limit, ...]

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self.status == "closed"


@dataclasses.dataclass(slots=True)
class Run:
    """A session: `first` and `last` are its whole bars (last not included), `ended` is None while it runs."""

    number: int
    id: str
    account: Account
    strategy: str
    pairs: tuple[int, ...]
    started: int
    ended: int | None
    first: int
    last: int
    orders: int
    drawn: int


class Accounts:
    """Makes the accounts and sessions of blocks."""

    def __init__(self, plan: DemoPlan, paths: Paths, people: People) -> None:
        self._plan, self._paths, self._people = plan, paths, people
        seed = plan.seed
        self._ids = draw.Uuids(seed, "demo/accounts")
        self._runs = draw.Uuids(seed, "demo/sessions")
        self._limits = draw.Uuids(seed, "demo/risk_limits")
        self._names = draw.Permutation(seed, "demo/accounts/number", 10**8)
        tradable = [
            place for place, tape in enumerate(paths.tapes)
            if tape.busy[-1] and paths.knows(tape.instrument.quote)
        ]  # fmt: skip
        self._tradable = tradable
        weights = [_POPULAR[paths.tapes[place].instrument.asset_class] for place in tradable]
        self._choice = draw.spread(range(len(tradable)), weights, bits=8)

    def of(self, block: int) -> list[Account]:
        """The accounts of a block, in the order of their numbers."""
        numbers = self._plan.accounts_of(block)
        drawn = draw.longs(self._plan.seed, "demo/accounts", block, 2 * len(numbers))
        names = self._names.block(numbers.start, len(numbers))
        self._limit_ids = self._limits.block(numbers.start * _LIMITS, len(numbers) * _LIMITS)
        self._first = numbers.start
        ids = self._ids.block(numbers.start, len(numbers))
        each = zip(numbers, ids, names, drawn[0::2], drawn[1::2], strict=True)
        return [self._account(*one) for one in each]

    def _account(self, number: int, id_: str, name: int, drawn: int, more: int) -> Account:
        owner = self._plan.owner(number)
        person = self._people.person(owner)
        staff = self._people.is_staff(owner)
        currency = self._currency(person, staff=staff)
        funds = _HOUSE if staff else _FUNDS[drawn & 255]
        opened = person.created + 3600 * SECOND + (drawn >> 8 & 0xFFFF) * (9 * DAY) // 0x10000
        status, until = self._fate(opened, drawn >> 24, staff=staff)
        account = Account(
            number, id_, person.id, f"DM-{name // 10_000:04d}-{name % 10_000:04d}",
            "house" if staff else "demo" if (drawn >> 40 & 15) < 5 else "live",
            currency, funds * (100 if currency == "JPY" else 1) * E8,
            20 if staff else _LEVERAGES[drawn >> 44 & 7], opened, until, status,
            self._pairs(more, alone=status == "closed"),
            8 + ((more >> 24 & 255) ** 2 >> 9), (),
        )  # fmt: skip
        account.limits = tuple(self._own_limits(account, more >> 32))
        return account

    def _currency(self, person: Person, *, staff: bool) -> str:
        """That of the country, or what is nearest of those whose worth is known."""
        if not staff:
            for currency in (person.currency, "EUR" if person.timezone.startswith("Europe/") else "USD"):
                if self._paths.knows(currency) and len(currency) == 3:
                    return currency
        return "USD"

    def _fate(self, opened: int, drawn: int, *, staff: bool) -> tuple[str, int]:
        """Its status, and until when it lives."""
        fate = drawn & 127
        if fate < 8 and not staff:
            room = self._plan.end - 2 * DAY - opened - _LEAST
            return "closed", opened + _LEAST + (drawn >> 7 & 0xFFFF) * room // 0x10000
        return "suspended" if fate < 12 and not staff else "active", self._plan.end

    def _pairs(self, drawn: int, *, alone: bool) -> tuple[int, ...]:
        # A closed account has sold all it had; with one instrument there is always a session that can.
        count = 1 if alone else 3
        size = len(self._tradable)
        first = self._choice[drawn & 255]
        step = 1 + (drawn >> 8 & 255) % max(1, size - 1)
        places = dict.fromkeys((first + step * nth) % size for nth in range(count))
        return tuple(self._tradable[place] for place in places)

    def _own_limits(self, account: Account, drawn: int) -> Iterator[Limit]:
        """Limits of this account alone; a breach is told, and what then happens is for people to decide."""
        at = (account.number - self._first) * _LIMITS
        ids = self._limit_ids[at : at + _LIMITS]
        worth = account.initial // 100
        if drawn & 3:
            yield Limit(ids[0], "max_daily_loss", None, worth * (2 + (drawn >> 2 & 3)), 8000, "warn")
        if drawn >> 4 & 1:
            yield Limit(ids[1], "max_notional", None, worth * 50 * (2 + (drawn >> 5 & 7)), 7500, "warn")
        if drawn >> 8 & 3 == 0:
            place = account.pairs[0]
            symbol = self._paths.tapes[place].instrument.symbol
            value = self.unit(account, place) * 4 * self._paths.tapes[place].instrument.lot
            yield Limit(ids[2], "max_position_quantity", symbol, value, 8000, "warn")

    def unit(self, account: Account, place: int) -> int:
        """How many lots of an instrument the account usually trades at a time."""
        tape = self._paths.tapes[place]
        one = tape.instrument
        percent = (3 + account.number % 6) * min(account.leverage, 10)
        if one.asset_class == "crypto":
            percent //= 3
        bar = account.opened // BAR
        worth = tape.closes[bar] * tape.value * self._paths.rates(one.quote, account.currency)[bar // BARS]
        lots = account.initial * percent * 10**24 // worth
        return min(max(lots, one.smallest), max(one.largest // 50, one.smallest))

    def run_ids(self, numbers: range) -> list[str]:
        """The ids of sessions."""
        return self._runs.block(numbers.start, len(numbers))

    def runs(self, account: Account, numbers: range, ids: Sequence[str], orders: int) -> list[Run]:
        """The sessions of an account, which share its orders."""
        drawn = draw.longs(self._plan.seed, "demo/sessions", account.number, len(numbers))
        made = []
        for nth, (number, id_, one) in enumerate(zip(numbers, ids, drawn, strict=True)):
            started, ended = self._span(account, nth, len(numbers), one)
            count = orders * (nth + 1) // len(numbers) - orders * nth // len(numbers)
            pairs = (
                account.pairs[: 1 + (one >> 20 & 7) % len(account.pairs)] if one & 1 else account.pairs[-1:]
            )
            run = Run(
                number, id_, account, _STRATEGIES[one >> 24 & 255], pairs, started, ended, 0, 0, count, one
            )
            self._settle(run)
            made.append(run)
        return made

    def _span(self, account: Account, nth: int, count: int, drawn: int) -> tuple[int, int | None]:
        slot = (account.until - account.opened) // count
        started = account.opened + nth * slot + (drawn >> 4 & 0xFF) * slot // 1024
        length = max(2 * DAY, slot * (2 + (drawn >> 12 & 3)) // 8)
        started = min(started, account.until - 2 * DAY)
        if nth == count - 1 and account.status == "active" and drawn >> 16 & 7 < 5:
            return started, None
        return started, min(started + length, account.until - SECOND)

    def _settle(self, run: Run) -> None:
        """Find bars in which something is open; a session over a weekend begins earlier and ends later."""
        until = run.account.until
        while True:
            run.first = -(-run.started // BAR)
            run.last = (until if run.ended is None else run.ended) // BAR
            tapes = self._paths.tapes
            busy = [at for at in run.pairs if tapes[at].busy[run.last - 1] > tapes[at].busy[run.first - 1]]
            if busy:
                run.pairs = tuple(busy)
                return
            run.started = max(run.account.opened, run.started - DAY)
            run.ended = None if run.ended is None else min(run.ended + DAY, until - SECOND)
