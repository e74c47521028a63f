"""Rows of users, accounts, sessions and risk limits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dbops.seeding.demo.accounts import Account, Run
from dbops.seeding.demo.book import Book
from dbops.seeding.demo.model import DAY, SECOND, DemoPlan, Instrument
from dbops.seeding.demo.people import People, Person
from dbops.seeding.demo.rows import NO, NOTHING, YES, Record, Value, document, number, text, word
from dbops.seeding.demo.text import Clock, decimal

_ENDED = ("completed",) * 12 + ("stopped",) * 3 + ("failed",)
_NOTES = (
    "Paused over the central bank's decision", "Smaller size than usual", "Test of the new parameters",
    "Stopped by hand after the open", "Follows the desk's morning view", "To be reviewed with the client",
)  # fmt: skip


class Base:
    """Writes the base rows of one plan."""

    def __init__(self, plan: DemoPlan, people: People, clock: Clock) -> None:
        self._end, self._people, self._clock = plan.end, people, clock
        self._officers = people.officers
        self._audited = plan.fast  # else nobody reads what the audit trail would have

    def _time(self, time: int | None) -> Value:
        if time is None:
            return NOTHING
        return self._clock.at(time), self._clock.json(time) if self._audited else ""

    def user(self, one: Person, accounts: Sequence[Account]) -> Record:
        """A row of users; it is closed, or suspended, if all its accounts are."""
        created = self._time(one.created)
        statuses = {account.status for account in accounts}
        status = statuses.pop() if len(statuses) == 1 else "active"
        until = max(account.until for account in accounts) if status == "closed" else self._end
        login = max(one.created, until - one.login)
        changed = until if status == "closed" else login
        values = (
            word(one.id), word(one.username), word(one.email), word(one.password_hash), text(one.name),
            word(one.role), word(status), word(one.country), word(one.timezone), self._time(login),
            created, self._time(changed),
        )  # fmt: skip
        return Record("users", values, created[0])

    def account(self, one: Account, book: Book | None) -> Record:
        """A row of accounts, with the balance that its book ended with."""
        opened = self._time(one.opened)
        closed = self._time(one.until if one.closed else None)
        changed = one.until if one.closed else book.last if book else one.opened
        values = (
            word(one.id), word(one.user), text(one.name), word(one.kind), word(one.currency),
            number(decimal(one.initial)), number(decimal(book.balance if book else one.initial)),
            number(f"{one.leverage}.00"), word(one.status), opened, closed, opened, self._time(changed),
        )  # fmt: skip
        return Record("accounts", values, opened[0])

    def session(self, run: Run, instruments: tuple[Instrument, ...]) -> Record:
        """A row of sessions."""
        account, drawn = run.account, run.drawn
        symbols = [instruments[place].symbol for place in run.pairs]
        started, ended = self._time(run.started), self._time(run.ended)
        status = "active" if drawn >> 32 & 7 else "paused"
        if run.ended is not None:
            status = _ENDED[drawn >> 32 & 15]
        settled = self._settled(run)
        changed = settled or run.ended or run.started
        name = f"{run.strategy.replace('_', ' ').capitalize()} {symbols[0]} {run.number % 9000 + 1000}"
        values = (
            word(run.id), word(account.id), word(symbols[0]), text(name), word(run.strategy), word(status),
            _parameters(run.strategy, drawn >> 36 & 15, drawn >> 40 & 15),
            text(_NOTES[drawn >> 44 & 7] if (drawn >> 44 & 63) < len(_NOTES) else None),
            YES if account.kind != "demo" else NO, NO if settled is None else YES, self._time(settled),
            started, ended, started, self._time(changed), _symbols(tuple(symbols)), number(str(len(symbols))),
        )  # fmt: skip
        return Record("sessions", values, started[0])

    def _settled(self, run: Run) -> int | None:
        """Real money is settled on the next days."""
        if run.ended is None or run.account.kind == "demo":
            return None
        settled = run.ended + DAY + (run.drawn >> 40 & 0xFFFF) * SECOND
        return settled if settled < self._end else None

    def limits(self, account: Account) -> list[Record]:
        """Rows of risk_limits for the account's own limits."""
        opened = self._time(account.opened)
        officers = self._officers
        officer = officers[account.number % len(officers)] if officers else None
        return [
            Record(
                "risk_limits",
                (
                    word(limit.id), word(account.id), text(limit.symbol), word(limit.kind),
                    number(decimal(limit.value)), number(decimal(limit.warning, 2)), word(limit.action), YES,
                    text(officer), opened, opened,
                ),
                opened[0],
            )
            for limit in account.limits
        ]  # fmt: skip


@cache
def _symbols(symbols: tuple[str, ...]) -> Value:
    return document(symbols)


@cache
def _parameters(strategy: str, small: int, large: int) -> Value:
    """Settings of a strategy."""
    settings: dict[str, dict[str, object]] = {
        "manual": {},
        "trend_following": {
            "fast_bars": 5 + small,
            "slow_bars": 30 + 2 * large,
            "stop_ticks": 20 + 5 * small,
        },
        "mean_reversion": {"window_bars": 20 + large, "entry_deviations": f"{1 + small // 8}.{small % 8}"},
        "grid": {"levels": 3 + small, "spacing_ticks": 10 + 5 * large},
        "arbitrage": {"minimum_edge_ticks": 1 + small, "leg_timeout_ms": 100 + 50 * large},
        "market_making": {
            "spread_ticks": 2 + small,
            "levels": 1 + large % 4,
            "refresh_ms": 250 * (1 + large),
        },
    }
    return document(settings[strategy])
