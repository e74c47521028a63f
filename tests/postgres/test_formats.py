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
from tests.postgres.migrating import dump, mark_as_development, ran, states
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
        for line in (
            (case / "variables.txt").read_text().split() if (case / "variables.txt").exists() else ()
        )
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


def test_the_data_of_a_copy_are_loaded(
    configured: Project, connect: Callable[..., psycopg.Connection[Any]], database: Database
) -> None:
    """In a transaction, and statement by statement beside a concurrent index: all rows, with NULL and quotes."""
    copy = "COPY {} FROM stdin;\n1\tit's; $$ ü\n2\t\\N\n\\.\n"
    for number, index in ((1, ""), (2, "CREATE INDEX CONCURRENTLY ON t2 (id);\n")):
        text = f"CREATE TABLE t{number} (id int, t text);\n{index}{copy.format(f't{number}')}SELECT 1;\n"
        configured.write(f"migrations/{number}_t.sql", text)
    many = "".join(f"{row}\tx{row}\n" for row in range(50_000))
    configured.write("migrations/3_many.sql", f"COPY t1 FROM stdin;\n{many}\\.\n")
    ran(configured, "up")
    connection = connect(database)
    rows = [(1, "it's; $$ ü"), (2, None)]
    assert connection.execute("SELECT id, t FROM t2 ORDER BY id").fetchall() == rows
    assert connection.execute("SELECT count(*) FROM t1").fetchone() == (50_002,)


def test_a_mistake_in_the_data_of_a_copy(configured: Project) -> None:
    """The statement's place and the server's words on the line of the data; nothing is left."""
    configured.write("migrations/1_t.sql", "CREATE TABLE t (id int);\nCOPY t FROM stdin;\n1\nx\n\\.\n")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1
    assert "1_t.sql:2:1: invalid input syntax" in outcome.stderr
    assert "COPY t, line 2, column id" in outcome.stderr
    configured.write("migrations/1_t.sql", "CREATE TABLE t (id int);\nCOPY t FROM stdin;\n1\n2\n\\.\n")
    ran(configured, "up")


def test_a_folder_of_two_tools(configured: Project) -> None:
    """Exit 5 with both claims; --format decides, and then the other tool's file is refused by its line."""
    configured.write("migrations/1_a.sql", "-- +goose Up\nSELECT 1;\n")
    configured.write("migrations/2_b.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n")
    outcome = configured.run("migrate", "status")
    assert outcome.code == 5
    assert (
        "as goose (1_a.sql:1 has '-- +goose Up') or as dbmate (2_b.sql:1 has '-- migrate:up')"
        in outcome.stderr
    )
    outcome = configured.run("migrate", "up", "--format", "goose")
    assert outcome.code == 1
    assert "2_b.sql:1: this is a mark of dbmate, and the folder is read as goose" in outcome.stderr


def test_variables_and_the_configured_format(
    configured: Project, connect: Callable[..., psycopg.Connection[Any]], database: Database
) -> None:
    """psql's quoting in a plain file; the format of pyproject.toml; --var where there are no placeholders."""
    configured.write("migrations/1_a.sql", "CREATE TABLE :\"name\" (t text DEFAULT :'text');")
    assert "--var text=VALUE" in configured.run("migrate", "up", "--var", 'name=o"d').stderr
    ran(configured, "up", "--var", 'name=o"d', "--var", "text=it's")
    connection = connect(database)
    connection.execute('INSERT INTO "o""d" DEFAULT VALUES')
    assert connection.execute('SELECT t FROM "o""d"').fetchall() == [("it's",)]
    configured.write("pyproject.toml", '[tool.dbops]\nformat = "sqlx"\n')
    outcome = configured.run("migrate", "status", "--var", "name=x")
    assert outcome.code == 5
    assert "the format sqlx has no placeholders" in outcome.stderr
    assert "pyproject.toml [tool.dbops] format says so" in ran(configured, "status", "-v").stderr
    configured.write("pyproject.toml", '[tool.dbops]\nformat = "gose"\n')
    assert configured.run("migrate", "status").code == 5
    assert configured.run("migrate", "status", "--format", "gose").code == 2


def test_repeatable_migrations_run_again_when_they_have_changed(
    configured: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """After all versions, by name; again only when changed, and after what is new; `down` leaves them alone."""
    mark_as_development(database)
    configured.write("migrations/V1__t.sql", "CREATE TABLE t (a int);")
    configured.write("migrations/V2__u.sql", "CREATE TABLE u ();")
    configured.write("migrations/U2__u.sql", "DROP TABLE u;")
    configured.write("migrations/R__b_view.sql", "CREATE OR REPLACE VIEW v AS SELECT a FROM w;")
    configured.write("migrations/R__a_view.sql", "CREATE OR REPLACE VIEW w AS SELECT a FROM t;")
    outcome = ran(configured, "up")
    done = [line.split(" (")[0] for line in outcome.stderr.splitlines() if line.startswith("applied")]
    assert done == ["applied 1 t", "applied 2 u", "applied R__a_view a_view", "applied R__b_view b_view"]
    assert outcome.stdout.endswith("is at 2 u\n")
    assert ran(configured, "heads").stdout == "2 u\n"
    configured.write("migrations/R__a_view.sql", "-- a comment\nCREATE OR REPLACE VIEW w AS SELECT a FROM t;")
    assert ran(configured, "up").stdout.startswith("up: nothing to do")
    configured.write("migrations/R__a_view.sql", "CREATE OR REPLACE VIEW w AS SELECT a, b FROM t;")
    configured.write("migrations/V3__b.sql", "ALTER TABLE t ADD b int;")
    assert states(configured) == {
        "1": "applied", "2": "applied", "3": "pending", "R__a_view": "changed", "R__b_view": "applied"
    }  # fmt: skip
    assert configured.run("migrate", "status", "--check").code == 3
    ran(configured, "up")
    connection = connect(database)
    assert connection.execute("SELECT count(*) FROM schema_migrations").fetchone() == (5,)
    assert connection.execute("SELECT a, b FROM w").fetchall() == []
    assert set(states(configured).values()) == {"applied"}
    outcome = configured.run("migrate", "down")
    assert "version 3 (b) has no down section" in outcome.stderr
    ran(configured, "mark", "3", "--not-applied")
    ran(configured, "down")
    assert states(configured)["2"] == "pending"
    assert states(configured)["R__a_view"] == "applied"
    configured.write("migrations/R__a_view.sql", "SELECT nowhere;")
    assert configured.run("migrate", "up", "--only", "R__a_view").code == 1
    assert states(configured)["R__a_view"] == "changed"
