"""How long `status`, and `plan` and `up` with nothing to run, take with 1,000 applied migrations.

Against the least that a Python process takes.
"""

from __future__ import annotations

import argparse
import functools

from tests import servers
from tests.benchmarks import contestants, ground
from tests.benchmarks.measure import Contestant, in_turns, print_table, say, timed
from tests.benchmarks.workload import TABLES

BOUND = 1.4


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1000, help="applied migrations (default: 1000)")
    options.add_argument("--rounds", type=int, default=15, help="how often each runs (default: 15)")
    options.add_argument("--no-peers", action="store_true", help="only dbops and the floor")
    given = options.parse_args()
    ours = contestants.dbops()
    peers, absent = contestants.peers()
    with ground.prepared(servers.FAST) as place:
        empty = place.database()
        floor = contestants.floor(place.folder, empty)
        least = Contestant("floor: import psycopg, SELECT 1", lambda: timed(floor))
        rows = [least]
        for tool in [*ours, *([] if given.no_peers else peers)]:
            rows += _applied(tool, place, given.count)
        in_turns(rows, given.rounds, warm_up=True)
        print(f"\nstatus with {given.count} applied migrations; {place.describe()}; {given.rounds} rounds")
        bounded = [row.name for row in rows for tool in ours if row.name.startswith(tool.name)]
        print_table(rows, least, dict.fromkeys(bounded, BOUND), absent)


def _applied(tool: contestants.Tool, place: ground.Ground, count: int) -> list[Contestant]:
    """A tool whose migrations are all applied, in a database of its own; of ours the verbs that then do nothing, too."""
    folder, database = place.folder / tool.name.replace("/", "-"), place.database()
    tool.write(folder, count)
    say(f"{tool.name}: applying {count} migrations")
    timed(tool.up(folder, database))
    assert database.tables(TABLES) == count, f"{tool.name} did not apply all"
    commands = {tool.name: tool.status(folder, database)}
    if isinstance(tool, contestants.Dbops):
        commands[f"{tool.name} up"] = tool.up(folder, database)
        commands[f"{tool.name} plan"] = tool.plan(folder, database)
    return [Contestant(name, functools.partial(timed, command)) for name, command in commands.items()]


if __name__ == "__main__":
    main()
