"""Statements in the new files of each format: what the format reads there is what was put in."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dbops.config.model import Setting
from dbops.migrations import creation, discovery, texts
from dbops.migrations.content import Section
from dbops.migrations.formats import NAMES
from dbops.migrations.prepare import split
from dbops.safety.diff import writing
from dbops.safety.diff.model import Change, Script

NO_WAY_BACK = {"pgmigrate"}
MADE_BY_THEIR_TOOL = {"graphile-migrate"}

# Semicolons within a statement, the ends of comments, quotes: what could break out of a file's form.
UP = (
    Change("CREATE TABLE person (name text DEFAULT '*/; ''x'' \\ \"y\" \"\"\" $$')"),
    Change("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nbegin\n  /* one; */ return 1;\nend$$"),
    Change("COMMENT ON TABLE person IS '%d :name $x -- no comment'"),
)
DOWN = (
    Change("DROP FUNCTION f()"),
    Change("DROP TABLE person", destructive="the table public.person"),
)
SCRIPT = Script(UP, DOWN)


def written(folder: Path, name: str, script: Script = SCRIPT) -> writing.Written:
    """A script in the files of a format, which are written into the folder."""
    new = creation.begun(Setting(folder), "make_person", Setting(name))
    made = writing.filled(new, script, ["made of\nthis"])
    creation.write(made.new)
    return made


def statements(section: Section | None) -> list[str]:
    """Those of a section; of a Python module what its function executes."""
    if section is None:
        return []
    if section.code is None:
        return [one.text for one in split(section).statements]
    tree = ast.parse(section.code.source)
    (function,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == section.code.function
    )
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [ast.literal_eval(call.args[0]) for call in calls]


@pytest.mark.parametrize("name", sorted(set(NAMES) - MADE_BY_THEIR_TOOL))
def test_each_format(tmp_path: Path, name: str) -> None:
    """Both sections hold their statements, in order and to the letter; none where there is no way back."""
    made = written(tmp_path, name)
    (file,) = discovery.discover(Setting(tmp_path), Setting(name)).files
    migration = texts.read(file)
    assert statements(migration.up) == [change.sql for change in UP]
    assert made.has_down == (name not in NO_WAY_BACK)
    assert statements(migration.down) == ([change.sql for change in DOWN] if made.has_down else [])
    assert not migration.up_settings.no_transaction


def test_a_way_back_that_would_end_its_comment(tmp_path: Path) -> None:
    """In the trading engine's format the down section stands in a comment, unless it holds the end of one."""
    made = written(tmp_path, "single")
    (text,) = made.new.texts.values()
    assert "/*\nDROP FUNCTION" in text
    written(tmp_path / "turned", "single", Script(DOWN, UP))
    (file,) = discovery.discover(Setting(tmp_path / "turned"), Setting("single")).files
    assert statements(texts.read(file).down) == [change.sql for change in UP]


def test_what_stands_above_a_statement(tmp_path: Path) -> None:
    """What is destroyed is said above the statement, the notes above all; both in one line each."""
    made = written(tmp_path, "pairs")
    up, down = made.new.texts.values()
    assert "-- made of this\n\nCREATE TABLE" in up
    assert "-- DESTRUCTIVE: the table public.person goes for good, with what is in it.\nDROP TABLE" in down


@pytest.mark.parametrize(
    ("sql", "warns"),
    [
        ("ALTER TABLE a ADD COLUMN b int NOT NULL", True),
        ("ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 1", False),
        ("ALTER TABLE a ADD COLUMN b int GENERATED ALWAYS AS IDENTITY NOT NULL", False),
        ("ALTER TABLE a ADD COLUMN b int", False),
        ("CREATE TABLE a (b int NOT NULL)", False),
        ("this is no SQL", False),
    ],
)
def test_what_fails_where_there_are_rows(sql: str, warns: bool) -> None:
    """A scratch database has no rows, so that verifying cannot tell: it is said above the statement."""
    assert [line.startswith("FAILS where") for line in writing.warning(Change(sql))] == [True] * warns


@pytest.mark.parametrize(
    ("name", "mark"),
    [("goose", "-- +goose Statement"), ("sql-migrate", "-- +migrate Statement")],
)
def test_statements_with_semicolons_are_marked(tmp_path: Path, name: str, mark: str) -> None:
    """Tools that cut files at semicolons are told where a function's body ends."""
    (text,) = written(tmp_path, name).new.texts.values()
    assert f"{mark}Begin\nCREATE FUNCTION" in text
    assert f"end$$;\n{mark}End\n" in text
    assert text.count(f"{mark}Begin") == 2
