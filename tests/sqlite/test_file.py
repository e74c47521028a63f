"""The database file: made, opened, refused; what stands beside it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.site import Site


def test_the_file_is_made_by_the_first_migration(site: Site, file: Path) -> None:
    """Nobody but owner and group may read it; it has a WAL; at the end nothing else is left beside it."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    before = os.umask(0)
    try:
        site.ran("status")
        assert not file.exists()
        _, narration = site.begin("up").communicate()
    finally:
        os.umask(before)
    assert f"database {file} (SQLite {sqlite3.sqlite_version})" in narration
    assert stat.S_IMODE(file.stat().st_mode) == 0o660
    assert site.engine.query("PRAGMA journal_mode") == [("wal",)]
    assert [one.name for one in file.parent.iterdir() if one.name.startswith("app")] == ["app.db"]


def test_a_file_below_the_project_is_named_as_people_would(site: Site) -> None:
    """`sqlite:///dev.db` is relative to the project; SQLITE_DB_PATH counts where there is no URL."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.project.environ["DATABASE_URL"] = "sqlite:///dev.db"
    assert "database dev.db (SQLite" in site.ran("up").stderr
    assert site.ran("current", "--json").json["database"] == {
        "engine": "sqlite", "file": "dev.db", "database": "dev",
    }  # fmt: skip
    del site.project.environ["DATABASE_URL"]
    site.project.environ["SQLITE_DB_PATH"] = "./other.db"
    site.ran("up")
    assert (site.project.folder / "other.db").exists()


@pytest.mark.parametrize("option", ["--vacuum", "--terminate-blockers"])
def test_what_needs_a_server(site: Site, option: str) -> None:
    """VACUUM of single tables, and ending sessions: wrong usage, and nothing is run; configured, it means nothing here."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    outcome = site.run("up", option)
    assert outcome.code == 2, outcome
    assert f"{option} is for PostgreSQL" in outcome.stderr
    site.project.write("pyproject.toml", '[tool.dbops]\nanalyze-after = "vacuum"\n')
    assert "applied 001 a" in site.ran("up", "--no-analyze").stderr


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("sqlite:///{tmp}/no/such.db", 10, "there is no directory {tmp}/no"),
        ("sqlite:///{tmp}/folder", 10, "{tmp}/folder is a directory"),
        ("sqlite:///{tmp}/text", 10, "{tmp}/text is not a SQLite database"),
        ("sqlite:///:memory:", 5, "in memory"),
    ],
)
@pytest.mark.parametrize("verb", ["status", "up"])
def test_what_cannot_be_opened(
    site: Site, tmp_path: Path, verb: str, url: str, code: int, message: str
) -> None:
    """Exit 10 (5 for a URL that names no file), with the cause and the next step, whatever the verb."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a database " * 100)
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.project.environ["DATABASE_URL"] = url.format(tmp=tmp_path)
    outcome = site.run(verb)
    assert outcome.code == code, outcome
    assert message.format(tmp=tmp_path) in outcome.stderr
    assert "hint: " in outcome.stderr


def test_one_lock_for_all_names_of_a_file(site: Site, file: Path, tmp_path: Path) -> None:
    """Through a symbolic link the same database is locked."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.ran("up")
    site.migration("002_b", site.engine.slow)
    (tmp_path / "link").symlink_to(file)
    first = site.begin("up")
    site.wait_for(lambda: Path(f"{file}.dbops-lock").exists())
    refused = site.run("up", "--deadline", "200ms", "--database-url", f"sqlite:///{tmp_path / 'link'}")
    assert refused.code == 11
    assert f"pid {first.pid}" in refused.stderr


def test_a_lock_file_that_a_killed_process_left(site: Site, file: Path) -> None:
    """It locks nothing, and goes with the next migration."""
    left = Path(f"{file}.dbops-lock")
    left.write_text('{"pid": 1, "user": "alice@laptop", "command": "dbops migrate up"}')
    site.migration("001_a", "CREATE TABLE a (id integer);")
    assert "nobody holds the migration lock" in site.ran("unlock").stdout
    site.ran("up")
    assert not left.exists()


def test_a_lock_file_that_another_program_wrote(site: Site, file: Path) -> None:
    """Whoever holds it, what it says is not understood: exit 11, and how to find the holder."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    lock = Path(f"{file}.dbops-lock")
    lock.write_text('{"process": 1}')
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = site.run("up", "--deadline", "100ms")
    assert refused.code == 11, refused
    assert f"fuser {lock}" in refused.stderr


def test_marks_that_are_no_text(site: Site, file: Path) -> None:
    """They mark nothing: consent is asked for."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.ran("up")
    Path(f"{file}.dbops-marks").write_bytes(b"\xff\xfe")
    refused = site.project.run("seed-test-data", "generate", "--rows", "1")
    assert refused.code == 13, refused


def test_a_lock_file_of_a_time_when_the_database_was_read_only(site: Site, file: Path) -> None:
    """A backup of a read-only database leaves a lock file that its owner can lock again once it may be written."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.ran("up")
    file.chmod(0o440)
    outcome = site.project.run("backup", "one")
    assert outcome.code == 0, outcome
    assert stat.S_IMODE(Path(f"{file}.dbops-lock").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("migrate", "status"), 0, ""),
        (("migrate", "up"), 10, "cannot make {file}: Too many levels of symbolic links"),
        (("backup",), 10, "there is no database {file}"),
        (("restore", "one", "--confirm", "app"), 13, "{file} is not a file"),
        (("restore", "discard"), 0, ""),
        (("setup-dev-db", "status"), 0, ""),
    ],
)
def test_a_link_to_itself(site: Site, file: Path, argv: tuple[str, ...], code: int, message: str) -> None:
    """It is no database, which is said."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.ran("up")
    assert site.project.run("backup", "one").code == 0
    file.unlink()
    file.symlink_to(file)
    outcome = site.project.run(*argv)
    assert outcome.code == code, outcome
    assert message.format(file=file) in outcome.stderr


def test_a_lock_file_that_is_removed_meanwhile(site: Site, file: Path) -> None:
    """Another migrator could begin: what runs is rolled back, exit 11."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.ran("up")
    rows = site.engine.slow.replace("300000000", "3000000")
    site.migration("002_b", f"CREATE TABLE b (id integer);\n{rows}")
    running, lock = site.begin("up"), Path(f"{file}.dbops-lock")
    site.wait_for(lock.exists)
    lock.unlink()
    assert running.wait(30) == 11
    assert not site.has("b")
    assert site.states()["002"] == "pending"


def test_unlock_is_refused(site: Site, file: Path) -> None:
    """There is no server that could end the holder: exit 13, with the command that does."""
    site.migration("001_a", site.engine.slow)
    first = site.begin("up")
    site.wait_for(lambda: Path(f"{file}.dbops-lock").exists() and file.exists())
    for options in ((), ("--yes",), ("--dry-run",)):
        refused = site.run("unlock", *options)
        assert refused.code == 13
        assert f"kill {first.pid}" in refused.stderr
    assert first.poll() is None


def test_adopting_is_refused(site: Site) -> None:
    """It reads the tables of tools on PostgreSQL: exit 13, and nothing is made."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    refused = site.run("adopt")
    assert refused.code == 13, refused
    assert "bin/migrate adopt is for PostgreSQL" in refused.stderr


def test_the_schema_file_is_postgresqls(site: Site) -> None:
    """`schema` is refused; where a schema file is configured, up says that it is not written, and succeeds."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    assert site.project.run("migrate", "schema").code == 13
    site.project.write("pyproject.toml", '[tool.dbops]\nschema-file = "schema.sql"\n')
    told = site.ran("up").stderr
    assert "warning: schema.sql is not written: it is a dump of PostgreSQL" in told


def test_a_tracking_table_in_a_schema_is_refused(site: Site, file: Path) -> None:
    """SQLite has no schemas: exit 5 before anything is made."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    refused = site.run("up", "--tracking-table", "ops.migrations")
    assert refused.code == 5
    assert "SQLite has no schemas" in refused.stderr
    assert not file.exists()
    site.ran("up", "--tracking-table", "my migrations")
    assert site.engine.query('SELECT version FROM "my migrations"') == [("001",)]


def test_nothing_of_postgresql_is_loaded(site: Site) -> None:
    """`status` on SQLite imports neither psycopg nor PostgreSQL's parser: its start would double."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.ran("up")
    code = (
        "import atexit, runpy, sys; atexit.register(lambda: print(*sys.modules)); "
        "sys.argv = ['dbops', 'migrate', 'status']; runpy.run_module('dbops', run_name='__main__')"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True,
        cwd=site.project.folder, env=site.project.environ,
    ).stdout.split()  # fmt: skip
    assert "dbops.engines.sqlite.session" in loaded
    assert not {"psycopg", "postgast", "dbops.engines.postgres", "urllib.request"} & set(loaded)


@pytest.mark.parametrize("verb", [("plan", "--trace"), ("up", "--require-rehearsal")])
def test_a_trace_of_a_file(site: Site, file: Path, verb: tuple[str, ...]) -> None:
    """A trace needs a server: it is refused (13) with the name of the option, and no file is made."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    outcome = site.run(*verb)
    assert outcome.code == 13, outcome
    assert f"{verb[-1]} is for PostgreSQL" in outcome.stderr
    assert not file.exists()


def test_an_error_that_the_driver_has_no_name_for(site: Site) -> None:
    """No "unknown" below SQLite's own words."""
    site.migration("001_a", "CREATE TABLE a (id INTEGER) STRICT;\nINSERT INTO a VALUES ('x');")
    outcome = site.run("up")
    assert outcome.code == 1, outcome
    assert "cannot store TEXT value in INTEGER column a.id" in outcome.stderr
    assert "unknown" not in outcome.stderr


@pytest.mark.parametrize("value", ["'yesterday'", "1768000000", "x'00'"])
def test_a_time_that_somebody_wrote_by_hand(site: Site, value: str) -> None:
    """What is no time in the tracking table is told with what should be there; nothing runs."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.ran("up")
    site.engine.query(f"UPDATE schema_migrations SET applied_at = {value}")
    outcome = site.run("status")
    assert outcome.code == 1, outcome
    assert "where a time should be" in outcome.stderr
    assert "2026-01-31T12:00:00+00:00" in outcome.stderr
