"""How long a database cannot be used while `dbops restore` replaces it, seen by a client that keeps connecting."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import sys
import threading
import time
from collections.abc import Iterator

import psycopg

from tests.benchmarks import backing, ground, trading
from tests.benchmarks.backing import Project
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.measure import say, timed

BOUND = 1.0
_EVERY = 0.01


@dataclasses.dataclass
class Client:
    """Connects anew every 10 ms and asks for a row; keeps when it was answered, and what it was told otherwise."""

    database: Database
    answered: list[float] = dataclasses.field(default_factory=list)
    refusals: list[str] = dataclasses.field(default_factory=list)
    _enough: threading.Event = dataclasses.field(default_factory=threading.Event)

    def longest_gap(self) -> float:
        """Seconds between two answers."""
        return max(after - before for before, after in itertools.pairwise(self.answered))

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Ask all through the body."""
        thread = threading.Thread(target=self._ask_on)
        thread.start()
        try:
            yield
        finally:
            self._enough.set()
            thread.join()

    def _ask_on(self) -> None:
        while not self._enough.wait(_EVERY):
            try:
                with self.database.connect() as connection:
                    connection.execute("SELECT symbol FROM instruments LIMIT 1").fetchone()
            except psycopg.Error as error:
                self.refusals.append(str(error).strip().splitlines()[-1])
            else:
                self.answered.append(time.monotonic())


def main() -> None:
    """Print the longest gap of each round, beside that of as long a time without a restore."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=2, help="restores at each size (default: 2)")
    options.add_argument("--scales", type=float, nargs="+", default=[0.06, 1.0], metavar="SCALE",
                         help="parts of the 4.3 million rows (default: 0.06 and 1)")  # fmt: skip
    options.add_argument("--sessions", type=int, default=10, help="idle sessions held open (default: 10)")
    given = options.parse_args()
    if backing.help_of("restore") is None:
        sys.exit("dbops restore is not in this clone: nothing to measure")
    with ground.prepared() as place:
        print(f"a client that connects and queries every 10 ms during dbops restore; {place.describe()}")
        for scale in given.scales:
            _measure(place, scale, given.rounds, given.sessions)


def _measure(place: Ground, scale: float, rounds: int, sessions: int) -> None:
    database = place.database()
    shape = trading.build(database, scale)
    say(shape.describe())
    project = backing.project(place, database)
    timed(project.backup("live"))
    quiet = Client(database)
    with quiet.asking():
        time.sleep(5)
    print(f"{shape.describe()}: no restore: longest gap {quiet.longest_gap() * 1e3:.0f} ms")
    for _ in range(rounds):
        _restore(project, database, sessions)
    database.drop()


def _restore(project: Project, database: Database, sessions: int) -> None:
    """One restore into the live name, which others are connected to."""
    client = Client(database)
    before = _oid(database)
    with contextlib.ExitStack() as held, client.asking():
        for _ in range(sessions):
            held.callback(_close, database.connect())
        taken = timed(project.restore("live"))
    assert _oid(database) != before, "the database was not replaced"
    gap = client.longest_gap()
    judged = "kept" if gap <= BOUND else "MISSED"
    said = f"; told {len(client.refusals)} times: {client.refusals[0]}" if client.refusals else ""
    print(
        f"  restore of {taken.seconds:.1f} s: longest gap {gap * 1e3:.0f} ms of {len(client.answered)} answers,"
        f" bound {BOUND * 1e3:.0f} ms: {judged}{said}",
        flush=True,
    )
    project.drop_displaced()


def _oid(database: Database) -> int:
    with database.connect() as connection:
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def _close(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """A session that the swap has ended."""
    connection.close()


if __name__ == "__main__":
    main()
