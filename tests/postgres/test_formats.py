"""The project of every format, migrated up, down and up again on a server."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.migrations.formats import NAMES
from tests.conftest import Project
from tests.postgres.migrating import dump, mark_as_development, ran
from tests.servers import Database

pytestmark = pytest.mark.one_major

DATA = Path(__file__).resolve().parents[1] / "data" / "formats"
UP_ONLY = {"graphile-migrate", "pgmigrate"}
TRACKING = "--exclude-table=schema_migrations*"
# What the three migrations of every project make.
MADE = {
    "table accounts",
    "column accounts.id bigint",
    "column accounts.name text",
    "index accounts_pkey",
    "index accounts_name",
    "function touch",
    "trigger accounts_touch",
}
LOOK = """
SELECT 'table ' || tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'schema_migr%'
UNION ALL SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
  WHERE table_schema = 'public' AND table_name NOT LIKE 'schema_migr%'
UNION ALL SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'schema_migr%'
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
"""


@pytest.mark.parametrize("name", NAMES)
def test_up_down_and_up_again(
    name: str, configured: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """All is there after the first up, nothing after the down, and after the second up the dump is the first's."""
    case = DATA / name / "project"
    shutil.copytree(case / "migrations", configured.folder / "migrations", dirs_exist_ok=True)
    mark_as_development(database)
    options = [
        f"--var={line}"
        for line in ((case / "variables.txt").read_text().split() if (case / "variables.txt").exists() else ())
    ]
    connection = connect(database)
    outcome = ran(configured, "up", "-v", *options)
    assert f"read as {'pairs and single' if name in {'single', 'rollback-pairs'} else name}" in outcome.stderr
    assert {row[0] for row in connection.execute(LOOK).fetchall()} == MADE
    full = dump(database, "--schema-only", TRACKING)
    if name in UP_ONLY:
        assert "has no down section" in configured.run("migrate", "down", *options).stderr
        return
    ran(configured, "down", "--to", "0", *options)
    assert connection.execute(LOOK).fetchall() == []
    ran(configured, "up", *options)
    assert dump(database, "--schema-only", TRACKING) == full
