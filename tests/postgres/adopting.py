"""What the tests of `migrate adopt` share: projects in every tool's format, and the tables as each tool makes them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import Outcome, Project
from tests.postgres.migrating import mark_as_development

DATA = Path(__file__).resolve().parents[1] / "data" / "formats"


def project_of(project: Project, format_name: str) -> list[Path]:
    """The three migrations (accounts, touch, index) that every format has in tests/data, in `migrations/`."""
    shutil.copytree(
        DATA / format_name / "project" / "migrations", project.folder / "migrations", dirs_exist_ok=True
    )
    return sorted((project.folder / "migrations").rglob("*.sql"))


def adopted(project: Project, *argv: str) -> Outcome:
    """Run `migrate adopt ARGV`, which must succeed."""
    outcome = project.run("migrate", "adopt", *argv)
    assert outcome.code == 0, outcome
    return outcome


def rows(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return connection.execute(query).fetchall()


def recorded(connection: psycopg.Connection[Any], table: str = "public.dbops_migrations") -> list[str]:
    """The versions that dbops has recorded."""
    return [row[0] for row in rows(connection, f"SELECT version FROM {table} ORDER BY sort_key")]


def run_up_section(connection: psycopg.Connection[Any], project: Project, *versions: str) -> None:
    """Do to the schema what the versions' up sections do, as the other tool would have."""
    for version in versions:
        connection.execute(f"CREATE TABLE made_by_{version} ()")


__all__ = ["adopted", "mark_as_development", "project_of", "recorded", "rows"]
