"""`bin/migrate verify` with other files than usual, hostile ones among them, and what it leaves alone."""

from __future__ import annotations

import os
import signal
from typing import Any

import psycopg
import pytest

from dbops import config
from dbops.config import Options
from dbops.events import ignore
from dbops.migrations.alembic import update
from tests import alembics
from tests.conftest import ROOT, Project
from tests.postgres.migrating import dump, mark_as_development, ran, single
from tests.postgres.scratching import scratches
from tests.servers import Database
from tests.watching import until

pytestmark = pytest.mark.one_major


def rounds(project: Project, *options: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """The migrations of `verify --json` by name."""
    outcome = project.run("migrate", "verify", "--json", *options, timeout=120)
    assert outcome.code == code, outcome
    found = next(event for event in outcome.events if event["type"] == "result")
    return {one["name"]: dict(one) for one in found["migrations"]}


def results(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """How each ended."""
    return {name: one["result"] for name, one in found.items()}


def test_flyway(maker: Project) -> None:
    """Undo files are downs; a repeatable has none, and has its round again when it was changed."""
    maker.write("migrations/V1__a.sql", "CREATE TABLE a (id int PRIMARY KEY, n text);")
    maker.write("migrations/U1__a.sql", "DROP TABLE a;")
    maker.write("migrations/R__seen.sql", "CREATE OR REPLACE VIEW seen AS SELECT id FROM a;")
    assert results(rounds(maker)) == {"a": "comes back", "seen": "no down"}
    ran(maker, "up")
    assert rounds(maker) == {}
    maker.write("migrations/R__seen.sql", "CREATE OR REPLACE VIEW seen AS SELECT id, n FROM a;")
    assert results(rounds(maker)) == {"seen": "no down"}


def test_python_and_verify_sections(maker: Project) -> None:
    """Python's calls go up and down like SQL; an up whose verify section says no fails."""
    up = 'def up(db):\n    db.execute("CREATE TABLE {0} (id int)")\ndef down(db):\n    {1}\n'
    maker.write("migrations/001_good.py", up.format("good", 'db.execute("DROP TABLE good")'))
    maker.write("migrations/002_left.py", up.format("bad", "pass"))
    maker.write("migrations/003_no.sql", "-- UP Migration\nSELECT 1;\n-- VERIFY Migration\nSELECT false;\n")
    found = rounds(maker, code=3)
    assert results(found) == {"good": "comes back", "left": "differs", "no": "up fails"}
    assert "not verified" in found["no"]["message"]


def test_alembic(maker: Project, database: Database) -> None:
    """Rendered revisions have rounds as files of SQL have them."""
    alembics.make(maker.folder, alembics.sqlalchemy_url(database))
    make, drop = "op.create_table('a', sa.Column('id', sa.Integer))", "op.drop_table('a')"
    alembics.revise(maker.folder, "a001", None, make, drop)
    alembics.revise(
        maker.folder, "a002", "a001", "op.create_index('by_id', 'a', ['id'])", "op.execute('SELECT 1')"
    )
    update.render_all(config.load(Options(), maker.environ, maker.folder), (), ignore)
    assert list(results(rounds(maker, code=3)).values()) == ["comes back", "differs"]


def test_several_parts(maker: Project) -> None:
    """Statement by statement, with transactions of its own, with settings of its own: all come back."""
    maker.write("migrations/001_t.sql", single("CREATE TABLE t (id int, a text);", "DROP TABLE t;"))
    maker.write(
        "migrations/002_concurrently.sql",
        single(
            "CREATE INDEX CONCURRENTLY i ON t (a); CREATE INDEX CONCURRENTLY j ON t (id);",
            "DROP INDEX CONCURRENTLY i; DROP INDEX CONCURRENTLY j;",
        ),
    )
    maker.write(
        "migrations/003_commits.sql",
        single(
            "CREATE TABLE u (id int); COMMIT; CREATE TABLE v (id int);", "DROP TABLE v; COMMIT; DROP TABLE u;"
        ),
    )
    maker.write(
        "migrations/004_settings.sql",
        single(
            "SET default_transaction_read_only = on; SET search_path = pg_catalog; CREATE TABLE public.w (id int);",
            "SET search_path = ''; SET row_security = off; DROP TABLE public.w;",
        ),
    )
    assert set(results(rounds(maker)).values()) == {"comes back"}


def test_extensions(maker: Project) -> None:
    """Of an extension that is left only itself is told; one that the role may not create is one that does not run."""
    maker.write("migrations/001_left.sql", single("CREATE EXTENSION citext;", "SELECT 1;"))
    maker.write("migrations/002_good.sql", single("CREATE EXTENSION hstore;", "DROP EXTENSION hstore;"))
    maker.write(
        "migrations/003_may_not.sql", single("CREATE EXTENSION file_fdw;", "DROP EXTENSION file_fdw;")
    )
    found = rounds(maker, "--empty", code=3)
    assert results(found) == {"left": "differs", "good": "comes back", "may_not": "up fails"}
    objects = [one["object"] for one in found["left"]["differences"]]
    assert objects == ["comment on extension citext", "extension citext"]
    assert "permission denied" in found["may_not"]["message"]


HOSTILE = {
    "dropdb": "DROP DATABASE {database};",
    "system": "ALTER SYSTEM SET work_mem = '7MB';",
    "program": "COPY t TO PROGRAM 'cat > {file}';",
    "file": "COPY t TO '{file}';",
    "others": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}';",
    "block": "DO $$ BEGIN EXECUTE 'ALTER DATABASE {database} SET work_mem = ''7MB'''; END $$;",
    "meta": "\\connect {database}\nDROP TABLE kept;",
    "prepare": "DROP TABLE s; PREPARE TRANSACTION 'x';",
    "discard": "DISCARD ALL;",
    "records": "DROP TABLE schema_migrations;",
}


def test_hostile_files(maker: Project, database: Database) -> None:
    """What would leave the scratch database is not run, not even by a superuser; the live one stays as it was."""
    mark_as_development(database)
    maker.write("migrations/001_t.sql", single("CREATE TABLE t (id serial, a text);", "DROP TABLE t;"))
    maker.write("migrations/002_kept.sql", single("CREATE TABLE kept (id serial); INSERT INTO kept DEFAULT VALUES;"))  # fmt: skip
    ran(maker, "up")
    server = database.server
    maker.environ["DATABASE_URL"] = (
        f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/{database.name}"
    )
    for number, (name, down) in enumerate(HOSTILE.items(), start=3):
        harm = down.format(database=database.name, file=maker.folder / "written")
        maker.write(f"migrations/{number:03d}_{name}.sql", single("SELECT 1;", harm))
    before = dump(database)
    found = rounds(maker, "--empty", code=3)
    assert {name: one["verified"] for name, one in found.items()} == dict.fromkeys(HOSTILE, False)
    assert dump(database) == before
    assert not (maker.folder / "written").exists()
    with psycopg.connect(**server.keywords(database.name)) as connection:
        shared = connection.execute(
            "SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    assert shared == (0,)
    assert scratches(database) == []


def test_the_live_database_stays_as_it_is(maker: Project, database: Database) -> None:
    """Its schema, rows, sequences and the counts of what was written: all as before."""
    maker.write(
        "migrations/001_t.sql",
        single(
            "CREATE TABLE t (id serial PRIMARY KEY, a text); INSERT INTO t (a) VALUES ('x');", "DROP TABLE t;"
        ),
    )
    ran(maker, "up")
    maker.write("migrations/002_b.sql", single("ALTER TABLE t ADD b int;", "ALTER TABLE t DROP b;"))
    written = (
        "SELECT c.relname, n_tup_ins, n_tup_upd, n_tup_del, last_analyze, relfilenode, reltuples FROM pg_stat_user_tables"
        " JOIN pg_class AS c ON c.oid = relid ORDER BY 1"
    )

    def state() -> tuple[str, list[Any]]:
        with psycopg.connect(**database.keywords) as connection:
            return dump(database), connection.execute(written.encode()).fetchall()

    before = state()
    assert set(results(rounds(maker, "--all")).values()) == {"comes back"}
    assert state() == before


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(maker: Project, database: Database, sign: signal.Signals) -> None:
    """Ctrl-C and a polite end leave no scratch database."""
    maker.write("migrations/001_slow.sql", single("SELECT pg_sleep(60);", "SELECT 1;"))
    slow = maker.popen("migrate", "verify", "--empty")
    until(lambda: len(scratches(database)) == 2, "both scratch databases")
    os.kill(slow.pid, sign)
    assert slow.wait(timeout=30) != 0
    assert scratches(database) == []


def test_the_example_of_the_handbook(maker: Project, database: Database) -> None:
    """docs/migrate.md shows what these files give."""
    maker.write(
        "migrations/001_person.sql",
        single(
            "CREATE TABLE city (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL); CREATE TABLE"
            " person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, city_id bigint);",
            "DROP TABLE person; DROP TABLE city;",
        ),
    )
    ran(maker, "up")
    for name, up, down in [
        ("002_mail", "ALTER TABLE person ADD mail text;", "ALTER TABLE person DROP mail;"),
        ("003_by_name", "CREATE INDEX by_name ON person (name);", "SELECT 1;"),
        (
            "004_city",
            "ALTER TABLE person ADD CONSTRAINT lives_in FOREIGN KEY (city_id) REFERENCES city (id);",
            "ALTER TABLE person DROP CONSTRAINT lives_in;",
        ),
        ("005_must", "ALTER TABLE person ADD born date NOT NULL;", "ALTER TABLE person DROP born;"),
    ]:
        maker.write(f"migrations/{name}.sql", single(up, down))
    outcome = maker.run("migrate", "verify")
    where = f"{database.user}@{database.server.host}:{database.server.port}/{database.name}"
    said = f"{outcome.stdout}{outcome.stderr}exit code {outcome.code}\n"
    handbook = (ROOT / "docs" / "migrate.md").read_text()
    _, _, rest = handbook.partition('$ bin/migrate verify; echo "exit code $?"\n')
    assert said.replace(where, "app@127.0.0.1:5432/shop") == rest.partition("```")[0]
