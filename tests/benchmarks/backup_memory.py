"""How much memory backup and restore take at their peak: dbops itself, and the programs that it runs, apart."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from tests import servers
from tests.benchmarks import backing, ground, trading
from tests.benchmarks.backing import Project
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.measure import Command, say

BOUND_MB = 150.0
_EVERY = 0.02
_LARGE_ROWS, _LARGE_ROW_BYTES = 24, 10_000_000
_LARGE_OBJECTS, _LARGE_OBJECT_BYTES = 2_000, 40_000

# sha512 makes 64 bytes at a time, and nothing that compresses
_WIDE = """
CREATE TABLE documents (id integer PRIMARY KEY, body text NOT NULL);
INSERT INTO documents
SELECT n, (SELECT left(string_agg(encode(sha512((n || '-' || k)::bytea), 'hex'), ''), %(bytes)s)
           FROM generate_series(1, %(bytes)s / 128 + 1) k)
FROM generate_series(1, %(rows)s) n;
"""
_OBJECTS = """
SELECT lo_from_bytea(0, (SELECT string_agg(sha512((n || '-' || k)::bytea), '')
                         FROM generate_series(1, %(bytes)s / 64) k))
FROM generate_series(1, %(count)s) n;
"""


@dataclasses.dataclass
class Peaks:
    """Peaks in bytes: of the process itself, and of each process below it, by its name."""

    itself: int = 0
    below: dict[int, tuple[str, int]] = dataclasses.field(default_factory=dict)

    def by_name(self) -> dict[str, int]:
        """The largest of each name."""
        found: dict[str, int] = {}
        for name, peak in self.below.values():
            found[name] = max(found.get(name, 0), peak)
        return found


def main() -> None:
    """Print the peaks."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scales", type=float, nargs="*", default=[0.06, 1.0], metavar="SCALE",
                         help="parts of the 4.3 million rows (default: 0.06 and 1)")  # fmt: skip
    options.add_argument("--formats", nargs="+", default=["auto", "directory", "custom", "plain"])
    given = options.parse_args()
    if not Path("/proc/self/status").exists():
        sys.exit("needs /proc to see the peak of each process")
    if backing.help_of("backup") is None:
        sys.exit("dbops backup is not in this clone: nothing to measure")
    with ground.prepared(servers.FAST) as place:
        print(f"peak resident memory in MB; {place.describe()}; bound for dbops itself {BOUND_MB:g}")
        for scale in given.scales:
            _measure(place, given.formats, functools.partial(_trading, scale))
        _measure(place, given.formats, _wide)
        _measure(place, given.formats, _objects)


def _trading(scale: float, database: Database) -> str:
    return trading.build(database, scale).describe()


def _wide(database: Database) -> str:
    _fill(database, _WIDE, rows=_LARGE_ROWS, bytes=_LARGE_ROW_BYTES)
    return f"{_LARGE_ROWS} rows of {_LARGE_ROW_BYTES / 1e6:g} MB"


def _objects(database: Database) -> str:
    _fill(database, _OBJECTS, count=_LARGE_OBJECTS, bytes=_LARGE_OBJECT_BYTES)
    return f"{_LARGE_OBJECTS:,} large objects of {_LARGE_OBJECT_BYTES / 1e3:g} kB"


def _fill(database: Database, script: str, **numbers: int) -> None:
    with database.connect() as connection:
        connection.execute((script % numbers).encode())


def _measure(place: Ground, formats: list[str], fill: Callable[[Database], str]) -> None:
    source = place.database()
    print(fill(source), flush=True)
    project = backing.project(place, source)
    for kind in formats:
        _print(f"backup --format {kind}", peaks(project.backup(kind, "--format", kind)))
        if backing.help_of("restore") is not None:
            _print(f"restore of format {kind}", _restored(project, kind, place.database()))
    source.drop()


def _restored(project: Project, label: str, live: Database) -> Peaks:
    target = dataclasses.replace(project, database=live)
    found = peaks(target.restore(label))
    target.drop_displaced()
    live.drop()
    return found


def _print(what: str, found: Peaks) -> None:
    judged = "kept" if found.itself / 1e6 <= BOUND_MB else "MISSED"
    below = ", ".join(f"{name} {peak / 1e6:.0f}" for name, peak in sorted(found.by_name().items()))
    print(
        f"  {what:28} dbops {found.itself / 1e6:6.1f} ({judged})   {below or 'no other process'}", flush=True
    )


def peaks(command: Command) -> Peaks:
    """Run a command to its end and look at it and at all processes below it every 20 ms.

    The system keeps each one's peak (VmHWM of /proc/PID/status), so only what grows within the last 20 ms is
    missed.  Until a child has become its program it shows the peak of the process that forked it: the last
    look counts.
    """
    found = Peaks()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            command.argv, env=command.environ, cwd=command.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )  # fmt: skip
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(child.pid, found, ended))
        watch.start()
        code = child.wait()
        ended.set()
        watch.join()
        if code != 0:
            said.seek(0)
            sys.exit(
                f"{' '.join(command.argv[:6])} ended with {code}:\n{said.read().decode(errors='replace')[-2000:]}"
            )
    say(f"{' '.join(command.argv[4:7])}: {found.itself / 1e6:.1f} MB")
    return found


def _watch(pid: int, found: Peaks, ended: threading.Event) -> None:
    while not ended.wait(_EVERY):
        itself = _peak(pid)
        found.itself = itself[1] if itself else found.itself
        for one in _below(pid):
            seen = _peak(one)
            if seen:
                found.below[one] = seen


def _peak(pid: int) -> tuple[str, int] | None:
    """Name and peak in bytes; None of a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    fields = dict(line.partition(":")[::2] for line in lines)
    if "VmHWM" not in fields:
        return None
    return fields["Name"].strip(), int(fields["VmHWM"].split()[0]) * 1024


def _below(pid: int) -> list[int]:
    """All processes below one; a program may be started from any thread."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in listing.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *_below(child)]
    return found


if __name__ == "__main__":
    main()
