"""Backups of a part of a database: the proof covers what is in the archive, neither more nor less."""

from __future__ import annotations

import pytest

from tests.conftest import Project
from tests.postgres.backing import (
    Connect,
    assert_restores,
    fill,
    leftovers,
    made,
    proof_of,
    sequences_of,
    tables_of,
)
from tests.servers import Database

FORMS = ("directory", "custom", "plain")
ALL = {"public.items": 3000, "public.empty": 0, "sales.orders": 5000, "sales.log": 2000}
REFERRED = {"public.items": 3000, "public.empty": 0}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("options", "tables", "sequences", "large_objects"),
    [
        (("--table", "items"), {"public.items": 3000}, {"items_id_seq"}, None),
        (("--table", "items", "--table", "emp*"), REFERRED, {"items_id_seq"}, None),
        (("--schema", "public"), REFERRED, {"items_id_seq"}, None),
        (("--exclude-schema", "sales"), REFERRED, {"items_id_seq"}, 1),
        (
            ("--exclude-table", "sales.log"),
            {name: rows for name, rows in ALL.items() if name != "sales.log"},
            {"items_id_seq", "orders_id_seq"},
            1,
        ),
        (
            ("--exclude-table-data", "sales.*"),
            {**ALL, "sales.orders": 0, "sales.log": 0},
            {"items_id_seq", "orders_id_seq"},
            1,
        ),
        (("--no-large-objects",), ALL, {"items_id_seq", "orders_id_seq"}, None),
    ],
    ids=["table", "tables", "schema", "exclude-schema", "exclude-table", "exclude-data", "no-large-objects"],
)
def test_selections(
    configured: Project,
    database: Database,
    connect: Connect,
    form: str,
    options: tuple[str, ...],
    tables: dict[str, int],
    sequences: set[str],
    large_objects: int | None,
) -> None:
    """Tables, sequences and large objects of the proof are those of the archive, and a restore meets the proof."""
    fill(database, connect)
    outcome = configured.run("backup", "b", "--format", form, *options)
    assert outcome.code == 0, outcome
    backup = made(configured, "b")
    assert tables_of(backup) == tables
    assert sequences_of(backup) == sequences
    found = proof_of(backup).contents.large_objects
    assert (found and found.count) == large_objects
    assert_restores(backup, database)


@pytest.mark.one_major
@pytest.mark.parametrize("form", FORMS)
def test_positions_left_out(configured: Project, database: Database, connect: Connect, form: str) -> None:
    """Of all tables and sequences the definition alone: what is restored begins anew, and the proof knows."""
    fill(database, connect)
    outcome = configured.run("backup", "b", "--format", form, "--exclude-table-data", "*.*")
    assert outcome.code == 0, outcome
    backup = made(configured, "b")
    assert set(tables_of(backup).values()) == {0}
    assert_restores(backup, database)


@pytest.mark.one_major
@pytest.mark.parametrize("form", FORMS)
def test_odd_names(configured: Project, database: Database, connect: Connect, form: str) -> None:
    """Names with dots, quotes, line ends and letters of many alphabets are told apart in the archive and in the proof."""
    script = """
    create schema "a.b"; create schema "größe";
    create table "a.b"."c d" as select 1 as x; create table "größe"."Ж""x" as select 2 as x union select 3;
    create table "two
    lines " (id serial); insert into "two
    lines " default values;
    create table "%s" (x int); create table "pg_dump: error: " (x int);
    """
    fill(database, connect, script)
    outcome = configured.run("backup", "b", "--format", form, "--exclude-table", "nothing")
    assert outcome.code == 0, outcome
    backup = made(configured, "b")
    assert len(tables_of(backup)) == 5
    assert tables_of(backup)['größe.Ж"x'] == 2
    assert len(sequences_of(backup)) == 1
    assert_restores(backup, database)


@pytest.mark.one_major
def test_names_that_look_alike_in_pg_dumps_words(
    configured: Project, database: Database, connect: Connect
) -> None:
    """`a.b`.`c` and `a`.`b.c`: a plain backup of both is fine, of one it is refused, and custom tells them apart."""
    script = """create schema "a.b"; create schema a;
    create table "a.b".c as select 1 as x; create table a."b.c" as select 2 as x;"""
    fill(database, connect, script)
    both = configured.run("backup", "both", "--format", "plain")
    assert both.code == 0, both
    assert_restores(made(configured, "both"), database)
    one = configured.run("backup", "one", "--format", "plain", "--schema", "a")
    assert one.code == 1, one
    assert "does not say which" in one.stderr
    assert "--format custom" in one.stderr
    assert configured.run("backup", "custom", "--format", "custom", "--schema", "a").code == 0
    assert tables_of(made(configured, "custom")) == {"a.b.c": 1}
    assert leftovers(configured) == ["both", "custom"]


@pytest.mark.one_major
@pytest.mark.parametrize("form", FORMS)
def test_a_pattern_that_matches_nothing(
    configured: Project, database: Database, connect: Connect, form: str
) -> None:
    """pg_dump's own words are shown, and nothing is left."""
    fill(database, connect)
    outcome = configured.run("backup", "b", "--format", form, "--table", "nowhere")
    assert outcome.code == 12, outcome
    assert "no matching tables were found" in outcome.stderr
    assert leftovers(configured) == []


@pytest.mark.one_major
@pytest.mark.parametrize("form", FORMS)
def test_a_selection_of_nothing(configured: Project, database: Database, connect: Connect, form: str) -> None:
    """A table that is selected and left out again: exit 2, and no backup that counts as a proven one."""
    fill(database, connect)
    outcome = configured.run("backup", "b", "--format", form, "--table", "items", "--exclude-table", "items")
    assert outcome.code == 2, outcome
    assert "nothing is selected" in outcome.stderr
    assert leftovers(configured) == []
