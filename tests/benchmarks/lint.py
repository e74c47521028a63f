"""How long `migrate lint` takes on 500 files of ten statements each: without a database, and all of them pending."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests import servers
from tests.benchmarks import contestants, ground
from tests.benchmarks.measure import Command, Contestant, in_turns, timed

BOUND = 3.0
FILE = """\
-- Migration: {number:03d}_{name}

-- UP Migration
CREATE TABLE IF NOT EXISTS {name} (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    parent_id BIGINT REFERENCES {before} (id),
    price NUMERIC(18,8) NOT NULL CHECK (price > 0),
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_{name}_name ON {name} (name);
CREATE INDEX idx_{name}_parent ON {name} (parent_id);
ALTER TABLE {name} ADD COLUMN note TEXT;
COMMENT ON TABLE {name} IS 'number {number}';
CREATE FUNCTION lower_{name}() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.name := lower(NEW.name); RETURN NEW; END $$;
CREATE TRIGGER lower BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION lower_{name}();
INSERT INTO {name} (name, price) VALUES ('a', 1), ('b', 2);
UPDATE {before} SET note = 'x' WHERE note IS NULL;
CREATE VIEW {name}_dear AS SELECT id, name FROM {name} WHERE price > 10;

-- DOWN Migration
/*
DROP VIEW IF EXISTS {name}_dear;
DROP TABLE IF EXISTS {name} CASCADE;
DROP FUNCTION IF EXISTS lower_{name}();
*/
"""


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=500, help="files (default: 500)")
    options.add_argument("--rounds", type=int, default=5, help="how often each runs (default: 5)")
    given = options.parse_args()
    with ground.prepared(servers.FAST) as place:
        _write(place.folder / "migrations", given.count)
        environ = contestants.environ(place.folder, DATABASE_URL=place.database().url())
        argv = (contestants.PYTHON, "-I", "-m", "dbops", "migrate", "lint")
        commands = {
            "without a database": Command((*argv, "--no-database"), environ, place.folder),
            "all pending": Command(argv, environ, place.folder),
        }
        rows = [Contestant(name, lambda command=one: timed(command)) for name, one in commands.items()]  # type: ignore[misc]
        in_turns(rows, given.rounds, warm_up=True)
        print(f"\nlint of {given.count} files; {place.describe()}; {given.rounds} rounds; bound {BOUND:g} s")
        for row in rows:
            kept = "kept" if row.least < BOUND else "MISSED"
            print(
                f"{row.name:20} {row.least:.2f} s at least, median {row.median:.2f} s, CPU {row.processor:.2f} s: {kept}"
            )


def _write(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(1, count + 1):
        before = f"t{max(number - 1, 1)}"
        text = FILE.format(number=number, name=f"t{number}", before=before)
        (folder / f"{number:03d}_t{number}.sql").write_text(text)


if __name__ == "__main__":
    main()
