"""How much memory `migrate up` takes at its peak: with few and many migrations, and with a large one."""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys

from tests import servers
from tests.benchmarks import contestants, ground
from tests.benchmarks.ground import Ground
from tests.benchmarks.measure import Command, say
from tests.benchmarks.workload import TABLES, write_large, write_single

# A child's peak begins with that of the process that forked it, so a small one stands between.
BETWEEN = """
import os, resource, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
    file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status = os.waitpid(child, 0)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(peak * (1 if sys.platform == "darwin" else 1024))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def main() -> None:
    """Print the peaks."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--counts", type=int, nargs="+", default=[10, 1000, 5000], metavar="N")
    options.add_argument("--megabytes", type=float, nargs="+", default=[0.01, 20.0], metavar="MB")
    given = options.parse_args()
    with ground.prepared(servers.FAST) as place:
        many = [(count, _many(place, count)) for count in given.counts]
        large = [_large(place, megabytes) for megabytes in given.megabytes]
        print(f"\npeak resident memory of migrate up; {place.describe()}")
        for count, peak in many:
            print(f"{count:6} small migrations       {peak / 1e6:8.1f} MB")
        for (few, least), (count, most) in itertools.pairwise(many):
            growth = (most - least) / (count - few) / 1e3
            print(f"  from {few} to {count}: {growth:.2f} KB more per migration")
        for size, peak in large:
            print(f"{size / 1e6:9.2f} MB in one file      {peak / 1e6:8.1f} MB")
        for (small, least), (size, most) in itertools.pairwise(large):
            growth = (most - least) / (size - small)
            print(
                f"  from {small / 1e6:.2f} to {size / 1e6:.2f} MB: {growth:.2f} bytes more per byte of the file"
            )


def _many(place: Ground, count: int) -> int:
    """Peak in bytes with that many small migrations."""
    folder = place.folder / f"many-{count}"
    write_single(folder / "migrations", count)
    database = place.database()
    peak = _peak(contestants.dbops()[0].up(folder, database))
    assert database.tables(TABLES) == count, "not all were applied"
    database.drop()
    say(f"{count} migrations: {peak / 1e6:.1f} MB")
    return peak


def _large(place: Ground, megabytes: float) -> tuple[int, int]:
    """Size of the file and peak, both in bytes, of one migration with INSERT statements."""
    folder = place.folder / f"large-{megabytes:g}"
    size = write_large(folder / "migrations", megabytes)
    database = place.database()
    peak = _peak(contestants.dbops()[0].up(folder, database))
    assert database.tables(TABLES) == 1, "it was not applied"
    database.drop()
    say(f"{size / 1e6:.2f} MB in one file: {peak / 1e6:.1f} MB")
    return size, peak


def _peak(command: Command) -> int:
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", BETWEEN, *command.argv],
        env=command.environ,
        cwd=command.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if ended.returncode != 0:
        sys.exit(
            f"{' '.join(command.argv[:6])} ended with {ended.returncode}:\n{ended.stderr.decode()[-2000:]}"
        )
    return int(ended.stdout)


if __name__ == "__main__":
    main()
