"""Who the firm's clients are."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

from dbops.seeding import draw
from dbops.seeding.demo.model import ACCOUNTS, DAY, DemoPlan


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """A client, or one of the staff."""

    id: str
    username: str
    email: str
    name: str
    role: str
    status: str
    country: str
    timezone: str
    created: int
    login: int | None
    password_hash: str


class People:
    """Makes the users, by row number."""

    def __init__(self, plan: DemoPlan) -> None:
        self._plan = plan
        self._ids = draw.Uuids(plan.seed, "demo/users")
        self.staff = min(6, plan.users // 8)
        self._chunk = lru_cache(maxsize=4)(self._people)

    def is_staff(self, number: int) -> bool:
        """Whether the user works for the firm."""
        return number < self.staff

    @property
    def officers(self) -> list[str]:
        """The ids of those who watch the risk."""
        return [self.person(number).id for number in range(self.staff) if number % 2 == 0]

    def person(self, number: int) -> Person:
        """The user of this row number."""
        return self._chunk(number // ACCOUNTS)[number % ACCOUNTS]

    def _people(self, chunk: int) -> list[Person]:
        drawn = draw.longs(self._plan.seed, "demo/users", chunk, ACCOUNTS)
        ids = self._ids.block(chunk * ACCOUNTS, ACCOUNTS)
        return [self._person(chunk * ACCOUNTS + nth, *one) for nth, one in enumerate(zip(ids, drawn, strict=True))]

    def _person(self, number: int, id_: str, drawn: int) -> Person:
        room = self._plan.end - 22 * DAY
        staff = self.is_staff(number)
        created = 0 if staff else (drawn & 0xFFFFFFFF) * room >> 32
        role = ("risk_officer", "admin", "risk_officer", "viewer")[number % 4] if staff else "trader"
        login = self._plan.end - (drawn >> 32 & 0xFFFF) * DAY // 4096
        return Person(id_, f"client.{number}", f"client.{number}@mail.example", f"Client {number}", role, "active", "DE",
                      "Europe/Berlin", created, login, "$argon2id$v=19$m=65536,t=3,p=4$" + id_.replace("-", "")[:22] + "$" + id_.replace("-", "") * 2)  # fmt: skip
