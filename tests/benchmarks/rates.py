"""The contestants of the benchmark of seeding: Faker, the server alone, and `fill`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from dbops.seeding.fill import FillOptions, fill
from dbops.seeding.postgres.engine import Postgres
from tests.benchmarks.clients import COLUMNS, KEYS, SERVER_SIDE, Clients, Pools, by_faker, pools, prepare
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.measure import Contestant, Taken, in_turns

FAKER, SERVER = "Faker, an INSERT per row", "INSERT ... SELECT"
TIMES_FAKER, SHARE_OF_SERVER = 60, 0.6
_INSERT = f"insert into clients values ({', '.join(['%s'] * len(COLUMNS))})"

Fill = Callable[[psycopg.Connection[Any]], object]


def compare(place: Ground, count: int, few: int, rounds: int) -> None:
    """Let all run and print the table; `few` rows of what is slow."""
    rows = _contestants(place, count, few)
    in_turns(rows, rounds, warm_up=False)
    print(f"\n{place.describe()}; {rounds} rounds; seconds are those of a million rows")
    _print(rows)


def _contestants(place: Ground, count: int, few: int) -> list[Contestant]:
    database, found = place.database(), pools()

    def ours(jobs: int) -> Fill:
        return lambda connection: fill(Postgres(connection), Clients(found, count), FillOptions(jobs=jobs))

    ways: list[tuple[str, int, bool, Fill]] = [
        (FAKER, few, True, lambda connection: _one_by_one(connection, few)),
        (
            "Faker, executemany",
            few,
            True,
            lambda connection: connection.cursor().executemany(_INSERT, by_faker(few)),
        ),
        ("Faker, COPY", few, True, lambda connection: _copy(connection, by_faker(few))),
        (SERVER, count, True, lambda connection: connection.execute(SERVER_SIDE, [count])),
        (f"{SERVER}, keys after", count, False, lambda connection: connection.execute(SERVER_SIDE, [count])),
        ("fill, 1 job", count, True, ours(1)),
        ("fill, 2 jobs", count, True, ours(2)),
    ]
    return [_row(place, database, found, *way) for way in ways]


def _row(
    place: Ground, database: Database, found: Pools, name: str, count: int, keys_before: bool, way: Fill
) -> Contestant:
    def run() -> Taken:
        with database.connect() as connection:
            prepare(connection, found)
            if keys_before:
                connection.execute(KEYS)
            place.checkpoint()
            began, own = time.perf_counter(), time.process_time()
            with connection.transaction():
                way(connection)
                if not keys_before:
                    connection.execute(KEYS)
            seconds, own = time.perf_counter() - began, time.process_time() - own
            assert connection.execute("select count(*) from clients").fetchone() == (count,)
            facts = "select count(*) from pg_index where indrelid = 'clients'::regclass"
            assert connection.execute(facts).fetchone() == (4,)
        return Taken(seconds * 1e6 / count, own * 1e6 / count)

    return Contestant(name, run)


def _one_by_one(connection: psycopg.Connection[Any], count: int) -> None:
    cursor = connection.cursor()
    for row in by_faker(count):
        cursor.execute(_INSERT, row)


def _copy(connection: psycopg.Connection[Any], rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor().copy("copy clients from stdin") as copy:
        for row in rows:
            copy.write_row(row)


def _print(rows: list[Contestant]) -> None:
    """Rates, and how many times that of Faker and of the server's best they are; best by best, median by median."""
    faker = next(row for row in rows if row.name == FAKER)
    server = min((row for row in rows if row.name.startswith(SERVER)), key=lambda row: row.least)
    width = max(len(row.name) for row in rows)
    print(f"{'':{width}}  rows/s best   median  own CPU s  times Faker  (median)  times server  (median)")
    for row in rows:
        median = statistics.median(taken.seconds for taken in row.runs)
        print(
            f"{row.name:{width}}  {1e6 / row.least:11,.0f}  {1e6 / median:7,.0f}  {row.processor:9.2f}"
            f"  {faker.least / row.least:11.1f}  {faker.median / median:8.1f}"
            f"  {server.least / row.least:12.2f}  {server.median / median:8.2f}"
            + _verdict(row, faker, server)
        )


def _verdict(row: Contestant, faker: Contestant, server: Contestant) -> str:
    if not row.name.startswith("fill"):
        return ""
    kept = faker.least / row.least >= TIMES_FAKER and server.least / row.least >= SHARE_OF_SERVER
    return f"   bounds {TIMES_FAKER} and {SHARE_OF_SERVER}: {'kept' if kept else 'MISSED'}"
