"""`bin/seed-test-data generate`: rows for any schema, on each engine."""

from __future__ import annotations

import pytest

from tests.contract.seeding import Seeded, schema
from tests.contract.site import Site


@pytest.fixture
def seeded(site: Site) -> Seeded:
    """With the shared schema, and no rows."""
    schema(site)
    return Seeded(site)


def test_every_table_is_filled(seeded: Seeded) -> None:
    """A circle, a table that refers to itself, keys over two columns, checks: all rows, twice; each row is valid."""
    result = seeded.ran("generate", "--rows", "300", "--rows", "notes=50", "--json").json
    assert {one["table"]: one["rows"] for one in result["tables"]} == {
        "teams": 300,
        "people": 300,
        "tags": 300,
        "notes": 50,
    }
    assert result["unfilled"] == []
    seeded.ran("generate", "--rows", "300")
    assert seeded.query("SELECT count(*) FROM people") == [(600,)]
    assert seeded.query("SELECT DISTINCT kind FROM notes ORDER BY 1") == [("a",), ("b",)]


def test_the_same_again(seeded: Seeded) -> None:
    """The same seed gives the same rows, another one others."""
    argv = ("generate", "--rows", "20", "--as-of", "2026-01-01", "--table", "notes")
    seeded.ran(*argv)
    first = seeded.query("SELECT text, kind FROM notes ORDER BY id")
    seeded.query("DELETE FROM notes")
    seeded.ran(*argv)
    assert seeded.query("SELECT text, kind FROM notes ORDER BY id") == first
    seeded.query("DELETE FROM notes")
    seeded.ran(*argv, "--random-seed", "7")
    assert seeded.query("SELECT text, kind FROM notes ORDER BY id") != first


def test_tables_to_take_and_to_leave(seeded: Seeded) -> None:
    """--skip leaves one out; --table takes one, whose parents have no rows: it is named, and the answer is no."""
    seeded.ran("generate", "--rows", "10", "--skip", "notes")
    assert [len(rows) for rows in seeded.all()] == [10, 10, 10, 0]
    seeded.query("DELETE FROM tags")
    seeded.ran("generate", "--rows", "10", "--table", "tags")
    seeded.query("CREATE TABLE parents (id integer PRIMARY KEY)")
    seeded.query("CREATE TABLE children (parent integer NOT NULL REFERENCES parents (id))")
    outcome = seeded.run("generate", "--rows", "10", "--table", "children", "--table", "notes")
    assert outcome.code == 3
    assert "no rows: children: " in outcome.stdout
    assert "needs rows of parents, which has none" in outcome.stdout
    assert seeded.query("SELECT count(*) FROM notes") == [(10,)]


def test_what_was_decided_as_a_set(seeded: Seeded) -> None:
    """--write-set writes generate.toml and no rows; loading the set makes the very rows, and again none."""
    argv = ("generate", "--rows", "30", "--as-of", "2026-01-01")
    seeded.ran(*argv, "--write-set", "start")
    assert seeded.all() == [[], [], [], []]
    seeded.ran("start")
    first = seeded.all()
    assert [len(rows) for rows in first] == [30, 30, 30, 30]
    assert "nothing generated" in seeded.ran("start").stdout
    seeded.ran("start", "--truncate")
    assert [len(rows) for rows in seeded.all()] == [30, 30, 30, 30]
    assert seeded.all()[3][0][1:] == first[3][0][1:]


def test_a_dry_run_shows_the_order(seeded: Seeded) -> None:
    """The tables in the order in which they would be filled; nothing is written."""
    result = seeded.ran("generate", "--dry-run", "--json").json
    assert {one["table"] for one in result["tables"]} == {"teams", "people", "tags", "notes"}
    assert seeded.all() == [[], [], [], []]
