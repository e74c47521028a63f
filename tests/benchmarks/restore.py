"""How long a restore of about 800 MB takes, against `gunzip | psql` and against the quickest known ways."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from tests.benchmarks import backing, ground, known, trading
from tests.benchmarks.backing import Project
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.measure import Command, Contestant, in_turns, print_table, say, timed

PROOF_BOUND, PROOF_AIM = 1.0, 1 / 1.3
NO_PROOF_BOUND = 1.1
FORMATS = ("directory", "custom", "plain")
_PROVEN, _UNPROVEN = "dbops restore, proof compared", "dbops restore, no proof"


def main() -> None:
    """Print the table and the verdicts."""
    given = _options()
    with ground.prepared() as place:
        source = place.database()
        say("filling the database")
        shape = trading.build(source, given.scale)
        say(shape.describe())
        original, others, absent = _known(place, source, shape)
        ours = [] if given.no_dbops else _ours(place, source, shape, formats=given.formats)
        rows = [original, *others, *ours]
        in_turns(rows, given.rounds, warm_up=False)
        print(f"\nrestore of {shape.describe()}; {place.describe()}; {given.rounds} rounds")
        print_table(rows, original, {_PROVEN: PROOF_BOUND}, absent)
        _judge(original, others, ours)


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3, help="how often each runs (default: 3)")
    options.add_argument("--scale", type=float, default=1.0, help="part of the 4.3 million rows (default: 1)")
    options.add_argument("--no-dbops", action="store_true", help="only the known ways")
    options.add_argument("--formats", action="store_true", help="also dbops with a backup of each format")
    return options.parse_args()


def _known(
    place: Ground, source: Database, shape: trading.Shape
) -> tuple[Contestant, list[Contestant], list[str]]:
    """The original script as it is, the other known ways with the ANALYZE that they need, and what is missing."""
    here, absent = known.without_missing((known.ORIGINAL, *known.BACKUPS))
    ways = [way for way in (known.ORIGINAL_BACK, *known.RESTORES) if way.of in here]
    for way in ways:
        say(f"making ready for {way.name}")
        folder = backing.emptied(_folder(place, way))
        timed(way.of.command(folder, source, checked=False))
    original, *others = [_way(place, shape, way, analyze=way is not known.ORIGINAL_BACK) for way in ways]
    return original, others, [f"pg_restore of {name}" for name in absent]


def _folder(place: Ground, way: known.Restore) -> Path:
    return place.folder / way.of.made


def _way(place: Ground, shape: trading.Shape, way: known.Restore, *, analyze: bool) -> Contestant:
    """Into a fresh empty database each time, dropped after its rows were counted."""
    made: list[Database] = []

    def prepare() -> Command:
        made.append(place.database())
        return way.command(_folder(place, way), made[-1], analyze=analyze)

    def after() -> None:
        database = made.pop()
        assert trading.shape(database).rows == shape.rows, f"{way.name} did not restore all"
        database.drop()

    return backing.row(way.name + ", ANALYZE" * analyze, place, prepare, after=after)


def _ours(place: Ground, source: Database, shape: trading.Shape, *, formats: bool) -> list[Contestant]:
    """dbops into a live database of its own, which gets its content by the first restore."""
    if backing.help_of("restore") is None:
        say("dbops restore: not in this clone, left out")
        return []
    made = backing.project(place, source)
    live = dataclasses.replace(made, database=place.database())
    kinds = FORMATS if formats else ()
    levels = (("proven", "--proof", "full"), ("unproven", "--proof", "none"))
    for words in (*levels, *((kind, "--format", kind) for kind in kinds)):
        say(f"dbops backup {' '.join(words)}")
        timed(made.backup(*words))
    rows = [_dbops(place, live, shape, _PROVEN, "proven", ())]
    rows.append(_dbops(place, live, shape, _UNPROVEN, "unproven", ()))
    rows += [_dbops(place, live, shape, f"dbops restore of format {kind}", kind, ()) for kind in kinds]
    return rows


def _dbops(
    place: Ground, live: Project, shape: trading.Shape, name: str, label: str, options: tuple[str, ...]
) -> Contestant:
    def after() -> None:
        assert trading.shape(live.database).rows == shape.rows, f"{name} did not restore all"
        live.drop_displaced()

    return backing.row(name, place, lambda: live.restore(label, *options), after=after)


def _judge(original: Contestant, others: list[Contestant], ours: list[Contestant]) -> None:
    found = {one.name: one for one in ours}
    if not found:
        return
    quickest = backing.best(others)
    backing.print_verdict(
        "with proof, time of gunzip | psql", found[_PROVEN].least / original.least, PROOF_BOUND, aim=PROOF_AIM
    )
    backing.print_verdict(
        f"without proof, time of {quickest.name}", found[_UNPROVEN].least / quickest.least, NO_PROOF_BOUND
    )


if __name__ == "__main__":
    main()
