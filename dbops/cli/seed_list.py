"""`bin/seed-test-data list`: the fixture sets, as the files have them; needs no database."""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Sequence

from dbops.cli.connect import load_settings
from dbops.cli.output import Output, table
from dbops.errors import DbopsError, ExitCode
from dbops.events import Warned, plural
from dbops.seeding import fixtures
from dbops.seeding.fixtures import Count, FixtureSet


def list_(arguments: argparse.Namespace, out: Output) -> int:
    """The sets, their tables and rows; a set that cannot be read is told, and the others are shown."""
    settings = load_settings(arguments, out)
    folder = settings.seeds_dir.value
    sets = fixtures.discover(folder)
    context = fixtures.Context(datetime.datetime.now(datetime.UTC), os.environ)
    counted: list[tuple[FixtureSet, Sequence[Count]]] = []
    broken = 0
    for one in sets:
        try:
            required = fixtures.choose(sets, [one.name])[:-1]
            counted.append((one, fixtures.count(one, context, *required)))
        except DbopsError as error:
            broken += 1
            detail = f"\n{error.detail}" if error.detail else ""
            out.event(Warned(f"the set {one.name} cannot be loaded: {error.message}{detail}"))
    out.result({"sets": [_data(one, counts) for one, counts in counted]}, _lines(counted, str(folder)))
    return ExitCode.FAILED if broken else ExitCode.DONE


def _data(one: FixtureSet, counts: Sequence[Count]) -> dict[str, object]:
    return {
        "name": one.name,
        "description": one.description,
        "requires": list(one.requires),
        "generates": one.generates,
        "files": [{"file": count.file, "table": count.table or None, "rows": count.rows} for count in counts],
    }


def _lines(counted: Sequence[tuple[FixtureSet, Sequence[Count]]], folder: str) -> list[str]:
    if not counted:
        return [f"no fixture sets in {folder}"]
    lines: list[str] = []
    for one, counts in counted:
        rows = sum(count.rows or 0 for count in counts)
        about = f": {one.description}" if one.description else ""
        held = [f"{plural(len(counts), 'file')}, {plural(rows, 'row')}"] if counts else []
        held += ["rows made by generate.toml"] if one.generates else []
        lines.append(f"{one.name}{about} ({'; '.join(held) or 'empty'})")
        cells = [
            [count.table or count.file, "" if count.rows is None else f"{count.rows:,}"] for count in counts
        ]
        lines += [f"  {line}" for line in table(["table", "rows"], cells)] if cells else []
    return lines
