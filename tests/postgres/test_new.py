"""`migrate new` in a folder of each format, filled in and applied on a server."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import mark_as_development, ran, states, tables
from tests.servers import Database

pytestmark = pytest.mark.one_major

DATA = Path(__file__).resolve().parents[1] / "data" / "formats"
MARKS = {
    "goose": ("-- +goose Up", "-- +goose Down"),
    "dbmate": ("-- migrate:up", "-- migrate:down"),
    "sql-migrate": ("-- +migrate Up", "-- +migrate Down"),
    "tern": ("-- Description: Make notes", "---- create above / drop below ----"),
}


@pytest.mark.parametrize(
    "name", ["flyway", "folders", "goose", "dbmate", "rollback-pairs", "sql-migrate", "sqlx", "tern", "yoyo"]
)
def test_a_new_migration_goes_up_and_down(
    name: str, configured: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """Beside three applied ones: its SQL is written into the sections that the template has, and undone again."""
    shutil.copytree(
        DATA / name / "project" / "migrations", configured.folder / "migrations", dirs_exist_ok=True
    )
    mark_as_development(database)
    options = ["--var", "table=accounts"] if name == "flyway" else []
    ran(configured, "up", *options)
    files = [
        configured.folder / file for file in ran(configured, "new", "make notes", "--json").json["files"]
    ]
    up, down = "CREATE TABLE notes ();", "DROP TABLE notes;"
    if name in MARKS:
        (path,) = files
        text = path.read_text()
        for mark, sql in zip(MARKS[name], (up, down), strict=True):
            assert mark in text
            text = text.replace(mark, f"{mark}\n{sql}")
        path.write_text(text)
    else:
        for path, sql in zip(files, (up, down), strict=False):
            path.write_text(path.read_text() + sql)
    ran(configured, "up", *options)
    assert tables(connect(database)) == ["accounts", "notes"]
    ran(configured, "down", *options)
    assert tables(connect(database)) == ["accounts"]
    assert list(states(configured).values()) == ["applied"] * 3 + ["pending"]


def test_new_with_a_timestamp(project: Project) -> None:
    """A numbered folder changes over; a dry run writes nothing; a version of one's own does not go with it."""
    project.write("migrations/007_a.sql", "SELECT 1;")
    assert "would write" in ran(project, "new", "b", "--timestamp", "--dry-run").stdout
    (name,) = ran(project, "new", "b", "--timestamp", "--json").json["files"]
    assert Path(name).name[:2] == "20"
    assert len(list((project.folder / "migrations").iterdir())) == 2
    assert project.run("migrate", "new", "8", "b", "--timestamp").code == 2
