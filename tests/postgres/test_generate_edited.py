"""`generate.toml` as somebody edited it: what is wrong is named by table, column and field, and nothing is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.engines.postgres.catalog import read
from dbops.errors import ConfigError
from dbops.seeding.generate.model import Request
from dbops.seeding.generate.toml.reading import read_set
from dbops.seeding.generate.toml.writing import FILE, to_toml
from dbops.seeding.postgres.probe import PostgresProbe
from tests.older import known_to
from tests.postgres.generating import SCHEMA, planned, text_of
from tests.servers import Database
from tests.zoo import nasty

Connect = Callable[..., psycopg.Connection[Any]]

START = """seed = 42
as-of = 2026-01-01T00:00:00Z

[[tables]]
name = "public.crew"
rows = 10
order = ["id", "name", "boss", "hired", "left_at"]
[tables.columns]
id = { make = "numbers", low = 1, high = 1000, how = "counted" }
name = { make = "person", field = "full_name", nulls = 100 }
hired = { make = "times", first = 0, step = 1000000, count = 1000, form = "timestamptz" }
left_at = { make = "after", columns = ["hired"], form = "timestamptz" }
[[tables.references]]
name = "crew_boss_fkey"
columns = ["boss"]
table = "public.crew"
referenced = ["id"]
nulls = 100
"""
EDITS = {
    "as-of = 2026-01-01T00:00:00Z > as-of = 5": "as-of must be a time",
    "seed = 42 > seed = 'x'": "seed must be a whole number",
    "rows = 10 > rows = -1": "public.crew: rows must be a whole number from 0",
    "rows = 10 > rows = 'many'": "public.crew: rows must be",
    "rows = 10 > rowz = 10": "rows is missing",
    'public.crew"\nrows > public.crow"\nrows': "public.crow: the database has no such table",
    'make = "numbers" > mak = "numbers"': "public.crew, column id: make is missing",
    "low = 1, > low = 1, lo = 2,": "public.crew, column id: lo is not known here",
    "low = 1, > low = 2000,": "public.crew, column id has no values",
    "high = 1000 > high = 1000, scale = 999999999": "scale must be a whole number from -1000 to 1000",
    "high = 1000 > high = 1000, step = 0": "step must not be 0",
    "nulls = 100 } > nulls = 'x' }": "public.crew, column name: nulls must be",
    "nulls = 100 } > nulls = 5000 }": "from 0 to 1000",
    'field = "full_name" > field = "nosuch"': "public.crew, column name: field must be one of",
    'make = "person", field = "full_name" > make = "pool", pool = "nosuch"': "pool must be one of",
    'make = "person", field = "full_name" > make = "pattern", pattern = "[A-Z]{1000000}"': "pattern is not known",
    'make = "person", field = "full_name" > make = "pattern", pattern = "(?=x)("': "pattern is not known",
    'make = "person", field = "full_name" > make = "listed", values = []': "column name has no values",
    'make = "person", field = "full_name" > make = "listed", values = [1]': "values must be a list of texts",
    "count = 1000 > count = 0": "public.crew, column hired: count must be",
    "count = 1000 > count = 999999999999": "beyond the year 9999",
    'columns = ["hired"] > columns = ["left_at"]': "public.crew, column left_at: it comes after itself",
    'columns = ["hired"] > columns = ["name"]': "name is no time",
    'how = "counted" > how = "often"': "how must be one of",
    'how = "counted" > how = "key"': "in none of the keys",
    'order = ["id", > order = ["nose",': "order: there is no nose",
    "left_at = { > nose = {": "has no column nose",
    'columns = ["boss"] > columns = ["id", "boss"]': "must be of one length",
    'table = "public.crew" > table = "public.ship"': "the database has no table public.ship",
    'table = "public.crew" > table = "public.boat"': "the file does not fill public.boat",
    "rows = 10 > rows = [": "",
}


@pytest.mark.one_major
def test_edits_that_are_wrong(database: Database, connect: Connect, tmp_path: Path) -> None:
    """Types, ranges, names and circles: each is a configuration error with the place, whatever the tables hold."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE crew (id int PRIMARY KEY, name text, boss int REFERENCES crew, hired timestamptz, left_at timestamptz);"
        "CREATE TABLE boat (id int PRIMARY KEY); INSERT INTO crew (id) VALUES (1)"
    )
    catalog, probe, file = read(connection), PostgresProbe(connection), tmp_path / FILE
    file.write_text(START)
    assert text_of(read_set(tmp_path, catalog, probe))
    for edit, said in EDITS.items():
        before, _, after = edit.partition(" > ")
        assert before in START, edit
        file.write_text(START.replace(before, after, 1))
        with pytest.raises(ConfigError) as caught:
            read_set(tmp_path, catalog, probe)
        assert said in str(caught.value), (edit, str(caught.value))


@pytest.mark.one_major
def test_what_is_written_is_read(database: Database, connect: Connect, tmp_path: Path) -> None:
    """The plan of a schema of everything, and of the nasty ones, is read as it was written."""
    connection = connect(database)
    connection.execute(known_to(connection.info.server_version, SCHEMA))
    for _, text in nasty.available(connection):
        connection.execute(text.encode())
    made = planned(connection, Request(rows=5))
    (tmp_path / FILE).write_text(to_toml(made), encoding="utf-8")
    again = read_set(tmp_path, read(connection), PostgresProbe(connection))
    assert to_toml(again).splitlines() == [
        line
        for line in to_toml(made).splitlines()
        if line not in {f"# {note}" for one in made.tables for note in one.notes}
    ]
