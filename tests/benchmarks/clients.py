"""The table that the benchmark of seeding fills, and ways to fill it: all with the same pools of values.

Processes that make rows import this module, so it imports nothing large.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import TableName
from dbops.seeding import draw
from dbops.seeding.fill import Destination, Part

if TYPE_CHECKING:
    import psycopg

MANAGERS = 1_024
POOL = 1_024
CLIENTS: TableName = ("public", "clients")
COLUMNS = ("id", "name", "email", "city", "country", "created_at", "last_seen", "balance", "manager")
TABLE = """
create table clients (
    id bigint not null, name text not null, email text not null, city text not null, country char(2) not null,
    created_at timestamptz not null, last_seen timestamptz, balance numeric(14,2) not null, manager int not null
)
"""
KEYS = """
alter table clients add primary key (id);
create unique index clients_email on clients (email);
create index clients_created_at on clients (created_at);
create index clients_manager on clients (manager);
alter table clients add foreign key (manager) references managers;
"""
SERVER_SIDE = """
insert into clients
select n, given.value || ' ' || family.value, lower(given.value) || '.' || lower(family.value) || n || '@example.com',
    city.value, country.value,
    timestamptz '2020-01-01 00:00:00+00' + (hashint8extended(n, 4) & 1023) * interval '1 day' + (hashint8extended(n, 5) & 65535) * interval '1 s',
    case when hashint8extended(n, 6) & 7 > 0 then timestamptz '2024-01-01 00:00:00+00' + (hashint8extended(n, 7) & 65535) * interval '1 s' end,
    (hashint8extended(n, 8) & 1048575)::numeric / 100, (hashint8extended(n, 9) & 1023)
from generate_series(1, %s) as n
join pool as given on given.kind = 'given' and given.number = hashint8extended(n, 0) & 1023
join pool as family on family.kind = 'family' and family.number = hashint8extended(n, 1) & 1023
join pool as city on city.kind = 'city' and city.number = hashint8extended(n, 2) & 1023
join pool as country on country.kind = 'country' and country.number = hashint8extended(n, 3) & 1023
"""


@dataclasses.dataclass(frozen=True)
class Pools:
    """Values that were made once, `POOL` of each kind."""

    given: tuple[str, ...]
    family: tuple[str, ...]
    city: tuple[str, ...]
    country: tuple[str, ...]


def pools() -> Pools:
    """The pools, by Faker with a seed."""
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(1)
    makers = (fake.first_name, fake.last_name, fake.city, fake.country_code)
    return Pools(*(tuple(str(make()) for _ in range(POOL)) for make in makers))


def prepare(connection: psycopg.Connection[Any], found: Pools) -> None:
    """Make the table, empty and without its keys, and what it refers to; and the pools for what the server makes."""
    connection.execute("drop table if exists clients, managers, pool")
    connection.execute("create table managers (id int primary key, name text)")
    connection.execute("insert into managers select n, 'manager ' || n from generate_series(0, 1023) as n")
    connection.execute("create table pool (kind text, number int, value text, primary key (kind, number))")
    with connection.cursor().copy("copy pool from stdin") as copy:
        for kind, values in dataclasses.asdict(found).items():
            for number, value in enumerate(values):
                copy.write_row((kind, number, value))
    connection.execute(TABLE)
    connection.execute("analyze managers, pool")


def by_faker(count: int) -> Iterator[tuple[Any, ...]]:
    """Rows as factories make them: a call of Faker for each value."""
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(1)
    for number in range(1, count + 1):
        yield (
            number, fake.name(), f"{number}{fake.email()}", fake.city(), fake.country_code(),
            fake.date_time_between("-3y"), fake.date_time_this_year(), fake.pydecimal(left_digits=8, right_digits=2),
            fake.random_int(0, MANAGERS - 1),
        )  # fmt: skip


class Clients:
    """The same rows through `fill`: columns out of pools whose values end with what stands behind them."""

    destinations = (Destination(CLIENTS, COLUMNS),)

    def __init__(self, found: Pools, count: int) -> None:
        self._count = count
        self._given = [f"{value} " for value in found.given]
        self._family = [f"{value}\t" for value in found.family]
        self._given_mail = [f"{value.lower()}." for value in found.given]
        self._family_mail = [value.lower() for value in found.family]
        self._city = [f"{value}\t" for value in found.city]
        self._country = [f"{value}\t" for value in found.country]
        self._days = [f"{2020 + n // 336}-{n // 28 % 12 + 1:02d}-{n % 28 + 1:02d} " for n in range(1024)]
        clock = [f"{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}+00\t" for n in range(65_536)]
        self._clock = clock
        self._seen = [f"2024-01-01 {text}" if n % 8 else "\\N\t" for n, text in enumerate(clock)]
        self._cents = [f".{n % 100:02d}\t" for n in range(4096)]
        self._managers = [f"{n}\n" for n in range(MANAGERS)]

    @property
    def blocks(self) -> int:
        return -(-self._count // draw.BLOCK)

    @property
    def rows(self) -> Mapping[TableName, int]:
        return {CLIENTS: self._count}

    def make(self, block: int) -> Sequence[Part]:
        """The clients of one block."""
        first = block * draw.BLOCK + 1
        count = min(draw.BLOCK, self._count - first + 1)
        ids = list(map(str, range(first, first + count)))

        def pick(values: Sequence[str], column: str, bits: int) -> Iterator[str]:
            return map(values.__getitem__, draw.shorts(42, f"clients/{column}", block, count, bits=bits))

        columns = (
            ids, itertools.repeat("\t"),
            pick(self._given, "given", 10), pick(self._family, "family", 10),
            pick(self._given_mail, "given", 10), pick(self._family_mail, "family", 10),
            ids, itertools.repeat("@example.com\t"),
            pick(self._city, "city", 10), pick(self._country, "country", 10),
            pick(self._days, "day", 10), pick(self._clock, "clock", 16), pick(self._seen, "seen", 16),
            map(str, draw.shorts(42, "clients/units", block, count)), pick(self._cents, "cents", 12),
            pick(self._managers, "manager", 10),
        )  # fmt: skip
        rows = zip(*columns, strict=False)
        return [(0, count, "".join(itertools.chain.from_iterable(rows)).encode())]
