"""How long `migrate verify --all` takes on 200 migrations of five kinds, all applied: with rows, and without."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from tests import servers
from tests.benchmarks import contestants, ground
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.measure import Command, Contestant, Taken, in_turns, timed

BOUND = 60.0

TABLE = """\
CREATE TABLE {name} (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    {name}_code TEXT NOT NULL UNIQUE,
    parent_id BIGINT,
    price NUMERIC(18,8) NOT NULL CHECK (price > 0),
    active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
COMMENT ON TABLE {name} IS 'number {name}';
"""
KINDS: tuple[tuple[str, str, str], ...] = (
    ("table", TABLE, "DROP TABLE {name};"),
    ("index", "CREATE INDEX {name}_by_name ON {name} (name, created_at);", "DROP INDEX {name}_by_name;"),
    ("column", "ALTER TABLE {name} ADD COLUMN note TEXT NOT NULL DEFAULT '-';", "ALTER TABLE {name} DROP COLUMN note;"),
    (
        "key",
        "ALTER TABLE {name} ADD CONSTRAINT {name}_parent FOREIGN KEY (parent_id) REFERENCES {before} (id);",
        "ALTER TABLE {name} DROP CONSTRAINT {name}_parent;",
    ),
    ("view", "CREATE VIEW {name}_dear AS SELECT id, name FROM {name} WHERE price > 10;", "DROP VIEW {name}_dear;"),
)  # fmt: skip
"""Of each table: what its five migrations are called, do and undo."""


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=200, help="migrations (default: 200)")
    options.add_argument("--rounds", type=int, default=3, help="how often each runs (default: 3)")
    given = options.parse_args()
    with ground.prepared(servers.FAST) as place:
        _write(place.folder / "migrations", given.count)
        rows = _contestants(place, place.database())
        in_turns(rows, given.rounds, warm_up=False)
        print(f"\nverify --all of {given.count} migrations; {place.describe()}; bound {BOUND:g} s for 200")
        for row in rows:
            kept = "kept" if row.least < BOUND * given.count / 200 else "MISSED"
            print(
                f"{row.name:12} {row.least:.1f} s at least, median {row.median:.1f} s; "
                f"CPU {row.processor:.1f} s, of the server {row.server or 0:.1f} s: {kept}"
            )


def _contestants(place: Ground, database: Database) -> list[Contestant]:
    environ = contestants.environ(place.folder, DATABASE_URL=database.url())
    argv = (contestants.PYTHON, "-I", "-m", "dbops", "migrate")
    timed(Command((*argv, "up"), environ, place.folder))
    verify = (*argv, "verify", "--all")
    return [
        Contestant("with rows", _run(place, Command(verify, environ, place.folder))),
        Contestant("--empty", _run(place, Command((*verify, "--empty"), environ, place.folder))),
    ]


def _run(place: Ground, command: Command) -> Callable[[], Taken]:
    def run() -> Taken:
        place.checkpoint()
        before = place.processor()
        taken = timed(command)
        time.sleep(0.2)  # until the postmaster knows that the sessions have ended
        after = place.processor()
        known = before is not None and after is not None
        return dataclasses.replace(taken, server=(after or 0) - (before or 0)) if known else taken

    return run


def _write(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        kind, up, down = KINDS[number % len(KINDS)]
        at = number // len(KINDS)
        names = {"name": f"t{at}", "before": f"t{max(at - 1, 0)}"}
        text = f"-- UP Migration\n{up.format(**names)}\n\n-- DOWN Migration\n/*\n{down.format(**names)}\n*/\n"
        (folder / f"{number + 1:03d}_t{at}_{kind}.sql").write_text(text)


if __name__ == "__main__":
    main()
