"""How long a backup of about 800 MB takes, against `pg_dump | gzip` and against the quickest known ways."""

from __future__ import annotations

import argparse
import itertools
import shutil
from pathlib import Path

from tests.benchmarks import backing, ground, known, trading
from tests.benchmarks.backing import Project
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.measure import Command, Contestant, in_turns, print_table, say

FULL_PROOF_BOUND, FULL_PROOF_AIM = 1 / 2.0, 1 / 2.5
NO_PROOF_BOUND = 1.1
SIZE_BOUND = 1.0
OURS = {
    "dbops --proof full": ("--proof", "full"),
    "dbops --proof counts": ("--proof", "counts"),
    "dbops --proof none": ("--proof", "none"),
}
FORMATS = ("directory", "custom", "plain", "plain --compress zstd")


def main() -> None:
    """Print the table and the verdicts."""
    given = _options()
    with ground.prepared() as place:
        database = place.database()
        say("filling the database")
        shape = trading.build(database, given.scale)
        say(shape.describe())
        original, plain, checked, absent = _known(place, database)
        ours = [] if given.no_dbops else _ours(place, database, formats=not given.no_formats)
        rows = [original, *([] if given.brief else plain), *checked, *ours]
        in_turns(rows, given.rounds, warm_up=False)
        print(f"\nbackup of {shape.describe()}; {place.describe()}; {given.rounds} rounds")
        print_table(rows, original, {"dbops --proof full": FULL_PROOF_BOUND}, absent)
        _judge(original, checked, ours)


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3, help="how often each runs (default: 3)")
    options.add_argument("--scale", type=float, default=1.0, help="part of the 4.3 million rows (default: 1)")
    options.add_argument("--no-dbops", action="store_true", help="only the known ways")
    options.add_argument("--no-formats", action="store_true", help="dbops in its default format only")
    options.add_argument(
        "--brief", action="store_true", help="the known ways only with fsync, hash and reading back"
    )
    return options.parse_args()


def _known(
    place: Ground, database: Database
) -> tuple[Contestant, list[Contestant], list[Contestant], list[str]]:
    """The original script; the known ways; the same with fsync, hash and reading back; what is missing."""
    ways, absent = known.without_missing(known.BACKUPS)
    original = _way(place, database, known.ORIGINAL, checked=False)
    plain = [_way(place, database, way, checked=False) for way in ways]
    checked = [_way(place, database, way, checked=True) for way in ways]
    return original, plain, checked, absent


def _way(place: Ground, database: Database, way: known.Backup, *, checked: bool) -> Contestant:
    name = f"{way.name}, fsync, sha256, read" if checked else way.name
    folder = place.folder / name.replace(" ", "_")
    return backing.row(
        name,
        place,
        lambda: way.command(backing.emptied(folder), database, checked=checked),
        left=lambda: known.size(folder / way.made),
        after=lambda: _removed(folder),
    )


def _ours(place: Ground, database: Database, *, formats: bool) -> list[Contestant]:
    help_text = backing.help_of("backup")
    if help_text is None:
        say("dbops backup: not in this clone, left out")
        return []
    project = backing.project(place, database)
    rows = [_dbops(place, project, name, options) for name, options in OURS.items()]
    if formats:
        rows += [
            _dbops(place, project, f"dbops --format {kind}", ("--proof", "full", "--format", *kind.split()))
            for kind in FORMATS
        ]
    return rows


def _dbops(place: Ground, project: Project, name: str, options: tuple[str, ...]) -> Contestant:
    numbers = itertools.count(1)
    folder = project.backups

    def prepare() -> Command:
        return project.backup(f"bench_{next(numbers)}", *options)

    return backing.row(name, place, prepare, left=lambda: known.size(folder), after=lambda: _removed(folder))


def _removed(folder: Path) -> None:
    shutil.rmtree(folder)


def _judge(original: Contestant, checked: list[Contestant], ours: list[Contestant]) -> None:
    found = {one.name: one for one in ours}
    if not found:
        return
    full, none = found["dbops --proof full"], found["dbops --proof none"]
    quickest = backing.best(checked)
    backing.print_verdict(
        "full proof, time of the gzip script",
        full.least / original.least,
        FULL_PROOF_BOUND,
        aim=FULL_PROOF_AIM,
    )
    backing.print_verdict("size, of the gzip script's", (full.size or 0) / (original.size or 1), SIZE_BOUND)
    backing.print_verdict(
        f"without proof, time of {quickest.name}", none.least / quickest.least, NO_PROOF_BOUND
    )


if __name__ == "__main__":
    main()
