"""Who the firm's clients are, and its staff."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

from dbops.errors import UsageError
from dbops.seeding import draw
from dbops.seeding.demo.model import ACCOUNTS, DAY, DemoPlan
from dbops.seeding.pools import LOCALES, WORLD, Crowd

_STAFF = ("risk_officer", "admin", "risk_officer", "viewer", "risk_officer", "viewer")
_FIRST_DEALS = 22 * DAY  # who comes later than so long before the end would not trade any more


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """A client, or one of the staff; `login` is how long before the end the last login was."""

    id: str
    username: str
    email: str
    name: str
    role: str
    country: str
    currency: str
    timezone: str
    created: int
    login: int
    password_hash: str


class People:
    """Makes the users, by row number."""

    def __init__(self, plan: DemoPlan) -> None:
        self._plan = plan
        self._ids = draw.Uuids(plan.seed, "demo/users")
        self._crowd = Crowd(plan.seed, "demo/users", {code: WORLD[code] for code in plan.locales or WORLD})
        self.staff = min(len(_STAFF), plan.users // 8)
        self._chunk = lru_cache(maxsize=4)(self._people)

    def is_staff(self, number: int) -> bool:
        """Whether the user works for the firm."""
        return number < self.staff

    @property
    def officers(self) -> list[str]:
        """The ids of those who watch the risk."""
        return [self.person(number).id for number in range(self.staff) if _STAFF[number] == "risk_officer"]

    def person(self, number: int) -> Person:
        """The user of this row number."""
        return self._chunk(number // ACCOUNTS)[number % ACCOUNTS]

    def _people(self, chunk: int) -> list[Person]:
        first = chunk * ACCOUNTS
        crowd = self._crowd.people(first, ACCOUNTS)
        drawn = draw.longs(self._plan.seed, "demo/users", chunk, ACCOUNTS)
        room = self._plan.end - _FIRST_DEALS
        each = zip(
            range(first, first + ACCOUNTS), self._ids.block(first, ACCOUNTS), crowd.username, crowd.email,
            crowd.full_name, crowd.country, crowd.currency, crowd.timezone, drawn, strict=True,
        )  # fmt: skip
        return [
            Person(
                id_, username, email, name, _STAFF[number] if self.is_staff(number) else "trader",
                country, currency, timezone,
                0 if self.is_staff(number) else (one & 0xFFFFFFFF) * room >> 32,
                (one >> 32 & 0xFFFF) ** 3 * 20 * DAY >> 48, self._password(number, id_),
            )
            for number, id_, username, email, name, country, currency, timezone, one in each
        ]  # fmt: skip

    def _password(self, number: int, id_: str) -> str:
        """The staff have none."""
        return (None if self.is_staff(number) else self._plan.password_hash) or _no_password(id_)


def _no_password(id_: str) -> str:
    """A hash in the right form that no password has."""
    digits = id_.replace("-", "")
    return f"$argon2id$v=19$m=65536,t=3,p=4${digits[:22]}${digits[::-1]}{digits[:11]}"


def require_locales(codes: tuple[str, ...]) -> None:
    """Return if there are people of all these locales.

    :raises UsageError: of one there are none.
    """
    for code in codes:
        if code not in LOCALES:
            raise UsageError(
                f"no names and places for the locale {code!r}",
                hint=f"one or more of: --locale {','.join(LOCALES)}",
            )
