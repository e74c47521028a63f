"""`bin/migrate schema`: the schema as a file, the same from every version of pg_dump and of the server."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.engines.postgres.schema.script import in_one_form
from tests import zoo
from tests.conftest import Project
from tests.firms import Firms
from tests.postgres.migrating import mark_as_development, ran, single
from tests.postgres.rounds import superuser_sql
from tests.servers import Database, Server

Connect = Callable[..., psycopg.Connection[Any]]


@dataclasses.dataclass(frozen=True)
class Known:
    """What differs nevertheless: how a line reads from a server of version `since` on, and how before."""

    why: str
    since: int
    pattern: str
    before: str


EXCEPTIONS = (
    Known(
        "18 knows the names of NOT NULL constraints",
        18,
        r"(    \S+ .*) CONSTRAINT \S+_not_null NOT NULL(,?)",
        r"\1 NOT NULL\2",
    ),
    Known(
        "17 has the privilege MAINTAIN, so that what was all before is not all any more",
        17,
        r"(GRANT|REVOKE) SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE (ON TABLE .*)",
        r"\1 ALL \2",
    ),
)


@pytest.fixture
def migrated(configured: Project) -> Project:
    """A project with two migrations that are applied."""
    configured.write("migrations/001_a.sql", single("CREATE TABLE a (id int);", "DROP TABLE a;"))
    configured.write("migrations/002_b.sql", single("CREATE TABLE b (id int);", "DROP TABLE b;"))
    ran(configured, "up")
    return configured


def dumped(database: Database, client: Server) -> list[str]:
    """The statements of the dump by a version's pg_dump, in one form."""
    words = [f"{client.bindir}/pg_dump", "-s", "--no-owner", "-T", "public.schema_migrations*", database.url]
    dump = subprocess.run(words, capture_output=True, check=True, text=True, timeout=60).stdout
    return list(in_one_form(dump, database.user, database.server.major))


def test_the_trading_engine_is_the_same_everywhere(
    everywhere: tuple[Database, ...], firms: Firms, project: Project
) -> None:
    """On every version of the server, the command writes the same file, byte for byte."""
    made = [firms.make(one.server) for one in everywhere]
    files = {ran(project, "schema", "--output", "-", "--database-url", one.url).stdout for one in made}
    (text,) = files
    assert "CREATE TABLE public.orders (" in text
    for noise in ("\nSET ", "set_config", "restrict", "Dumped", "schema_migrations", made[0].user):
        assert noise not in text


def test_the_zoo_is_the_same_everywhere(everywhere: tuple[Database, ...]) -> None:
    """All that an ordinary role can make, by every pg_dump of every server that it can dump; but for the exceptions."""
    first = min(everywhere, key=lambda one: one.server.major)
    built = zoo.build(first)
    expected = dumped(first, first.server)
    for one in everywhere:
        database = dataclasses.replace(one, user=first.user, password=first.password)
        if one is not first:
            built.furnish(one.server)
            superuser_sql(one, f"ALTER DATABASE {one.name} OWNER TO {first.user}")
            zoo.twin(built, database)
        for client in (other.server for other in everywhere if other.server.major >= one.server.major):
            assert _without_exceptions(dumped(database, client), one.server.major) == expected


def _without_exceptions(statements: Sequence[str], major: int) -> list[str]:
    """With the listed lines as an older version writes them."""
    text = "\0".join(statements)
    for known in EXCEPTIONS:
        if known.since <= major:
            text = re.sub(f"(?<![^\n\0]){known.pattern}(?![^\n\0;])", known.before, text)
    return text.split("\0")


def test_it_can_be_loaded(database: Database, tmp_path: Path) -> None:
    """The file makes the same schema in an empty database, and that one the same file."""
    zoo.build(database)
    expected = dumped(database, database.server)
    copy = dataclasses.replace(database, name=f"{database.name}_copy")
    superuser_sql(database, f"CREATE DATABASE {copy.name} OWNER {database.user} TEMPLATE template0")
    try:
        path = tmp_path / "schema.sql"
        path.write_text("\n\n".join(expected))
        words = [
            f"{database.server.bindir}/psql",
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            str(path),
            copy.url,
        ]
        environ = {**os.environ, "PGOPTIONS": "-c check_function_bodies=off -c search_path="}
        subprocess.run(words, check=True, timeout=60, env=environ)
        found = dumped(copy, database.server)
    finally:
        superuser_sql(database, f"DROP DATABASE {copy.name}", "postgres")
    assert sorted(_in_order(found)) == sorted(_in_order(expected))


def _in_order(statements: Sequence[str]) -> list[str]:
    """Columns that a parent got late come in another place: the lines of each statement, sorted."""
    return ["\n".join(sorted(line.rstrip(",") for line in one.split("\n"))) for one in statements]


@pytest.mark.one_major
def test_written_and_checked(migrated: Project, database: Database, connect: Connect) -> None:
    """It is written beside the migrations; --check tells the difference with exit 3 and writes nothing."""
    path = migrated.folder / "migrations" / "schema.sql"
    assert "migrations/schema.sql: not up to date" in ran(migrated, "schema", "--dry-run").stdout
    assert not path.exists()
    assert "migrations/schema.sql: written" in ran(migrated, "schema").stdout
    assert path.read_text() == (
        "-- The schema after the migrations beside this file.  Made by bin/migrate schema: do not edit.\n\n"
        "CREATE TABLE public.a (\n    id integer\n);\n\nCREATE TABLE public.b (\n    id integer\n);\n"
    )
    assert ran(migrated, "schema", "--check", "--json").json["changed"] is False
    path.chmod(0o640)
    connect(database).execute("ALTER TABLE b ADD COLUMN n int; COMMENT ON TABLE b IS 'é'")
    outcome = migrated.run("migrate", "schema", "--check")
    assert outcome.code == 3
    assert "+    n integer" in outcome.stdout.splitlines()
    assert "n integer" not in path.read_text()
    told = ran(migrated, "schema", "--json").json
    assert (told["file"], told["changed"], told["written"]) == ("migrations/schema.sql", True, True)
    assert "COMMENT ON TABLE public.b IS 'é';" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    assert ran(migrated, "status", "--check").code == 0  # it is not taken for a migration


@pytest.mark.one_major
def test_kept_up_to_date(migrated: Project, database: Database) -> None:
    """With `schema-file`, up, down and redo write it; nothing pending writes nothing."""
    mark_as_development(database)
    migrated.write("pyproject.toml", '[tool.dbops]\nschema-file = "db/schema.sql"\n')
    path = migrated.folder / "db" / "schema.sql"
    path.parent.mkdir()
    ran(migrated, "up")
    assert not path.exists()
    assert "wrote db/schema.sql" in ran(migrated, "down").stderr
    assert "public.b" not in path.read_text()
    ran(migrated, "up")
    assert "public.b" in path.read_text()
    assert "wrote" not in ran(migrated, "redo").stderr


@pytest.mark.one_major
def test_a_file_that_cannot_be_written_hides_nothing(migrated: Project) -> None:
    """The migrations are applied, the command succeeds, and says that the file is not up to date."""
    migrated.write("pyproject.toml", '[tool.dbops]\nschema-file = "nowhere/schema.sql"\n')
    migrated.write("migrations/003_c.sql", single("CREATE TABLE c (id int);"))
    outcome = ran(migrated, "up")
    assert "1 done" in outcome.stdout
    assert (
        "warning: nowhere/schema.sql is not up to date: nowhere/schema.sql cannot be written"
        in outcome.stderr
    )
    assert "bin/migrate schema writes it" in outcome.stderr


@pytest.mark.one_major
def test_a_locked_table_is_told(migrated: Project, database: Database, connect: Connect) -> None:
    """pg_dump waits for a table no longer than a migration would; exit 12, and the file stays as it was."""
    ran(migrated, "schema")
    connection = connect(database, autocommit=False)
    connection.execute("LOCK TABLE b IN ACCESS EXCLUSIVE MODE")
    outcome = migrated.run("migrate", "schema", "--lock-timeout", "300ms")
    assert outcome.code == 12
    assert "public.b" in outcome.stderr
