"""Rows for any schema: every constraint holds, what cannot be filled is named, the data are always the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.engines.postgres.catalog import read
from dbops.seeding.generate.making.source import GenerateSource
from dbops.seeding.generate.model import Request
from dbops.seeding.generate.toml.reading import read_set
from dbops.seeding.generate.toml.writing import write_set
from dbops.seeding.postgres.probe import PostgresProbe
from tests.conftest import ROOT, Project
from tests.older import known_to
from tests.postgres.generating import EXTENSIONS, SCHEMA, counts, filled, planned, text_of
from tests.postgres.migrating import ran
from tests.servers import Database
from tests.zoo import nasty

Connect = Callable[..., psycopg.Connection[Any]]
HOPELESS = {"impossible", "nocols", "refusing", "needs_refusing"}


@pytest.mark.one_major
def test_fills_a_schema_of_everything(database: Database, connect: Connect) -> None:
    """Of tables with all types, kinds of keys and checks only those that take no row at all stay empty, and are named.

    A second run collides with nothing of the first; tables whose keys are used up are named.
    """
    connection = connect(database)
    connection.execute(known_to(connection.info.server_version, SCHEMA))
    outcome = filled(connection, Request(rows=40))
    reasons = {one.table[1]: one.reason for one in outcome.unfilled}
    assert reasons.keys() == HOPELESS
    assert "no refusing today" in reasons["refusing"]
    assert "needs rows of refusing" in reasons["needs_refusing"]
    there = counts(connection, read(connection))
    assert {name for name, rows in there.items() if rows == 0} == HOPELESS
    assert there == {one.table[1]: one.rows for one in outcome.tables} | dict.fromkeys(HOPELESS, 0)

    again = filled(connection, Request(rows=40))
    used_up = {one.table[1] for one in again.unfilled} - HOPELESS
    assert used_up == {"alltypes", "bools", "enumkey"}
    after = counts(connection, read(connection))
    assert all(after[name] > there[name] for name in there if name not in used_up | HOPELESS)


@pytest.mark.one_major
def test_types_and_constraints_of_extensions(database: Database, connect: Connect) -> None:
    """citext, hstore, ltree, and exclusion constraints that need btree_gist."""
    connection = connect(database)
    there = connection.execute(
        "SELECT name FROM pg_available_extensions WHERE name = 'btree_gist'"
    ).fetchone()
    if there is None:  # a server without contrib has no such schemas
        return
    connection.execute(EXTENSIONS)
    outcome = filled(connection, Request(rows=80))
    assert outcome.unfilled == ()
    assert {one.rows for one in outcome.tables} == {80}


@pytest.mark.one_major
def test_fills_the_projects_own_schema(configured: Project, database: Database, connect: Connect) -> None:
    """All tables of the trading engine, audit triggers firing, get the rows that were asked for."""
    shutil.copytree(ROOT / "migrations", configured.folder / "migrations", dirs_exist_ok=True)
    ran(configured, "up")
    connection = connect(database)
    outcome = filled(connection, Request(rows=50, per_table={("public", "users"): 7}))
    assert outcome.unfilled == ()
    rows = {one.table[1]: one.rows for one in outcome.tables}
    assert rows.pop("users") == 7
    assert set(rows.values()) == {50}
    assert len(rows) == 16
    again = filled(connection, Request(rows=10, seed=7))
    assert ({one.rows for one in again.tables}, again.unfilled) == ({10}, ())


@pytest.mark.one_major
def test_fills_the_nasty_schemas(database: Database, connect: Connect) -> None:
    """Schemas as nasty as real ones: no rule is broken, and only what cannot be filled by design stays empty."""
    connection = connect(database)
    names = []
    for name, text in nasty.available(connection):
        connection.execute(text.encode())
        names.append(name)
    filled(connection, Request(rows=40))
    broken = [one for one in nasty.violations(connection) if " is generated: " not in one]
    assert broken == []  # what the server computes is no concern of ours
    empty = {table for table, rows in nasty.tables(connection).items() if not rows}
    assert empty == {table for name in names for table in nasty.KNOWN_UNSATISFIABLE.get(name, {})}


@pytest.mark.one_major
def test_the_same_seed_gives_the_same_data(database: Database, connect: Connect, tmp_path: Path) -> None:
    """Made block by block in any order, or from the set that was written, the text is the same; another seed differs."""
    connection = connect(database)
    connection.execute(known_to(connection.info.server_version, SCHEMA))
    skip = tuple(("public", name) for name in ("chk", "opaque", "noisy", "gen", "partial", "nnd"))
    big = {("public", "tenant"): 9000, ("public", "mf"): 9000}
    request = Request(rows=20, per_table=big, skip=skip)
    made = planned(connection, request)
    texts = text_of(made)
    assert text_of(planned(connection, request)) == texts
    source = GenerateSource(made)
    backwards = [source.make(block) for block in reversed(range(source.blocks))]
    forwards = [GenerateSource(made).make(block) for block in range(source.blocks)]
    assert backwards == forwards[::-1]
    write_set(made, tmp_path / "start")
    assert text_of(read_set(tmp_path / "start", read(connection), PostgresProbe(connection))) == texts
    other = text_of(planned(connection, Request(rows=20, seed=7, only=(("public", "people"),))))
    assert other["public.people"] != texts["public.people"]


@pytest.mark.one_major
def test_parents_that_are_there_are_referred_to(database: Database, connect: Connect) -> None:
    """With only the child asked for, its rows refer to rows of the parent that are there; without any, it is named."""
    connection = connect(database)
    connection.execute("CREATE TABLE team (id int PRIMARY KEY)")
    connection.execute("CREATE TABLE player (id int PRIMARY KEY, team int NOT NULL REFERENCES team)")
    only = Request(rows=20, only=(("public", "player"),))
    assert [one.table[1] for one in filled(connection, only).unfilled] == ["player"]
    connection.execute("INSERT INTO team VALUES (5), (7)")
    assert filled(connection, only).unfilled == ()
    row = connection.execute("SELECT array_agg(DISTINCT team ORDER BY team) FROM player").fetchone()
    assert row == ([5, 7],)


@pytest.mark.one_major
def test_meaning_of_names(database: Database, connect: Connect) -> None:
    """A person's e-mail goes with the name, times of a row are in order, prices are prices."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE users (id serial PRIMARY KEY, first_name text NOT NULL, email text NOT NULL UNIQUE,"
        " created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, deleted_at timestamptz,"
        " price numeric(10,2) NOT NULL, lat float8 NOT NULL, date_of_birth date NOT NULL, country_code char(2) NOT NULL)"
    )
    assert filled(connection, Request(rows=500)).unfilled == ()
    row = connection.execute(
        "SELECT bool_and(created_at < updated_at AND (deleted_at IS NULL OR deleted_at > updated_at)),"
        " bool_and(price BETWEEN 1 AND 5000 AND lat BETWEEN -90 AND 90), bool_and(email ~ '@example[.](com|org|net)$|[.]example$'),"
        " bool_and(date_of_birth < created_at - interval '15 years'), bool_and(country_code ~ '^[A-Z]{2}$'),"
        " count(deleted_at) BETWEEN 20 AND 200 FROM users"
    ).fetchone()
    assert row == (True, True, True, True, True, True)
