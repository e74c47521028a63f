"""How long `migrate up` takes for 1,000 small migrations, against one psql session that runs the same files."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable

from tests import servers
from tests.benchmarks import contestants, ground
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.measure import Command, Contestant, Taken, in_turns, print_table, timed
from tests.benchmarks.workload import TABLES, write_psql, write_single

BOUND = 1.15


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1000, help="migrations (default: 1000)")
    options.add_argument("--rounds", type=int, default=5, help="how often each runs (default: 5)")
    options.add_argument("--no-peers", action="store_true", help="only dbops and psql")
    options.add_argument(
        "--fast", action="store_true", help="fsync off: what the tools themselves take shows more"
    )
    given = options.parse_args()
    ours = contestants.dbops()
    peers, absent = contestants.peers()
    with ground.prepared(servers.FAST if given.fast else ground.AS_SHIPPED) as place:
        files = place.folder / "psql" / "files"
        write_single(files, given.count)
        script = write_psql(place.folder / "psql", files)
        floor = _row(
            "psql, BEGIN and COMMIT", place, given.count, lambda database: contestants.psql(script, database)
        )
        rows = [floor]
        rows += [_tool(tool, place, given.count) for tool in [*ours, *([] if given.no_peers else peers)]]
        in_turns(rows, given.rounds, warm_up=True)
        print(
            f"\n{given.count} small migrations; {place.describe()}; {given.rounds} rounds, each on an empty database"
        )
        print_table(rows, floor, {tool.name: BOUND for tool in ours}, absent)


def _tool(tool: contestants.Tool, place: Ground, count: int) -> Contestant:
    folder = place.folder / tool.name.replace("/", "-")
    tool.write(folder, count)
    return _row(tool.name, place, count, lambda database: tool.up(folder, database))


def _row(name: str, place: Ground, count: int, command: Callable[[Database], Command]) -> Contestant:
    def run() -> Taken:
        database = place.database()
        place.checkpoint()
        before = place.processor()
        taken = timed(command(database))
        time.sleep(0.2)  # until the postmaster knows that the session has ended
        after = place.processor()
        if before is not None and after is not None:
            taken = dataclasses.replace(taken, server=after - before)
        assert database.tables(TABLES) == count, f"{name} did not apply all"
        database.drop()
        return taken

    return Contestant(name, run)


if __name__ == "__main__":
    main()
