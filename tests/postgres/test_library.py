"""`from dbops import Migrator`: the verbs of the shell from Python, on a URL, a connection, or what is configured."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

import dbops
from dbops import (
    AnswerIsNo,
    CannotConnect,
    ConfigError,
    DbopsError,
    Migrator,
    PartlyApplied,
    Refused,
    UsageError,
    migrate_on_start,
)
from dbops.events import Event
from dbops.migrations.progress import MigrationDone
from tests.postgres.migrating import applied, events, mark_as_development, single, tables
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, the current one, with two migrations; nothing is configured."""
    for number, name in (("001", "t"), ("002", "u")):
        path = tmp_path / "migrations" / f"{number}_{name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_text(single(f"CREATE TABLE {name} (id int);", f"DROP TABLE {name};"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTO_MIGRATE", raising=False)
    monkeypatch.setenv("DBOPS_PROJECT", str(tmp_path))
    return tmp_path


def _write(folder: Path, name: str, text: str) -> None:
    (folder / "migrations" / name).write_text(text)


def test_the_verbs(folder: Path, database: Database, connect: Connect) -> None:
    """Plan, up, status, current, history, down, goto, redo: plans and results as data."""
    migrator = Migrator(database.url)
    assert [step.version.text for step in migrator.plan().steps] == ["001", "002"]
    done = migrator.up(steps=1)
    assert (done.versions, done.current, done.plan.verb, done.dry_run) == (("001",), "001", "up", False)
    assert done.database == f"{database.user}@{database.server.host}:{database.server.port}/{database.name}"
    assert [(one.version.text, one.name, one.state.value) for one in migrator.status()] == [
        ("001", "t", "applied"),
        ("002", "u", "pending"),
    ]
    assert migrator.goto("head").versions == ("002",)
    assert migrator.current() == "002"
    assert migrator.up().versions == ()
    assert migrator.down(confirm=database.name).versions == ("002",)
    assert migrator.goto("002").current == "002"
    assert migrator.redo(confirm=database.name).versions == ("002", "002")
    assert migrator.down(to="0", confirm=database.name).current is None
    assert migrator.current() is None
    assert [event.entry.action.value for event in migrator.history()].count("reverted") == 4
    assert tables(connect(database)) == []
    with pytest.raises(dataclasses.FrozenInstanceError):
        done.current = "3"  # type: ignore[misc]


def test_the_verbs_that_only_record(folder: Path, database: Database, connect: Connect) -> None:
    """Baseline, mark, force, repair, new."""
    migrator = Migrator(database.url)
    assert migrator.baseline("001").versions == ("001",)
    assert migrator.mark("002").current == "002"
    assert migrator.mark("002", applied=False).current == "001"
    assert migrator.force("0").current is None
    assert migrator.force("head").versions == ("001", "002")
    _write(folder, "002_u.sql", single("CREATE TABLE u (id bigint);"))
    assert migrator.repair(dry_run=True).versions == ()
    assert migrator.repair().versions == ("002",)
    assert applied(connect(database)) == ["001", "002"]
    assert tables(connect(database)) == []
    assert [path.name for path in migrator.new("add notes")] == ["003_add_notes.sql"]


def test_verify_and_renumber(folder: Path, database: Database, connect: Connect) -> None:
    """Verify sections say what is wrong; of two with one number the one that is applied keeps it."""
    _write(
        folder,
        "003_v.sql",
        single("CREATE TABLE v (id int);") + "\n-- VERIFY Migration\nSELECT true FROM v LIMIT 0;",
    )
    migrator = Migrator(database.url)
    migrator.up()
    (verdict,) = migrator.verify()
    assert (verdict.status.version.text, verdict.queries, verdict.wrong) == ("003", 1, None)
    connect(database).execute("drop table v")
    assert 'relation "v" does not exist' in str(migrator.verify("003")[0].wrong)
    _write(folder, "002_w.sql", "CREATE TABLE w (id int);")
    (dry,) = migrator.renumber(dry_run=True)
    assert dry.moves == (("002_w.sql", "004_w.sql"),)
    assert migrator.renumber() == (dry,)
    assert migrate_on_start(database.url, enabled=True).applied == ("004",)
    (path,) = migrator.new("later", timestamp=True, dry_run=True)
    assert re.fullmatch(r"\d{14}_later\.sql", path.name)


def test_an_image_from_before_a_renumbering(folder: Path, database: Database, connect: Connect) -> None:
    """The newer image has given 002 the number 003: an older one comes up, and moves no record back."""
    migrate_on_start(database.url, enabled=True)
    (folder / "migrations" / "002_u.sql").rename(folder / "migrations" / "003_u.sql")
    assert migrate_on_start(database.url, enabled=True).current == "003"
    Migrator(database.url).up()
    assert applied(connect(database)) == ["001", "003"]
    (folder / "migrations" / "003_u.sql").rename(folder / "migrations" / "002_u.sql")
    assert migrate_on_start(database.url, enabled=True).applied == ()
    assert applied(connect(database)) == ["001", "003"]


def test_consent(folder: Path, database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What loses data is refused without the name, also with DBOPS_CONFIRM, unless the database is for development."""
    migrator = Migrator(database.url)
    migrator.up()
    monkeypatch.setenv("DBOPS_CONFIRM", database.name)
    for wrong in (None, "another"):
        for verb in (migrator.down, migrator.redo, lambda **given: migrator.goto("001", **given)):
            with pytest.raises(Refused, match="not marked as development") as refused:
                verb(confirm=wrong)
            assert f"confirm='{database.name}'" in str(refused.value.hint)
            assert "--" not in str(refused.value.hint)
    assert [step.version.text for step in migrator.down(dry_run=True).plan.steps] == ["002"]
    assert applied(connect(database)) == ["001", "002"]
    mark_as_development(database)
    assert migrator.down().versions == ("002",)


def test_errors(folder: Path, database: Database) -> None:
    """Typed, with message, hint and detail; a traceback shows all of them."""
    migrator = Migrator(database.url)
    _write(folder, "003_v.sql", single("SELECT nonsense;"))
    with pytest.raises(DbopsError, match=r"003_v\.sql:2:8: column .nonsense. does not exist") as failed:
        migrator.up()
    assert "hint: mend the file" in "\n".join(failed.value.__notes__)
    assert "SQLSTATE: 42703" in "\n".join(failed.value.__notes__)
    assert migrator.current() == "002"
    _write(folder, "003_v.sql", single("CREATE TABLE v (id int);\nVACUUM v;\nSELECT nonsense;"))
    with pytest.raises(PartlyApplied, match="statement 3 of 3"):
        migrator.up()
    with pytest.raises(UsageError, match="steps and to cannot go together"):
        migrator.up(steps=1, to="003")
    with pytest.raises(UsageError, match="no migration of version 009"):
        migrator.up(to="009")
    _write(folder, "001_t.sql", single("CREATE TABLE other (id int);"))
    with pytest.raises(AnswerIsNo, match="changed afterwards"):
        migrator.up()
    with pytest.raises(CannotConnect, match="cannot connect"):
        Migrator(database.url + "_nowhere").status()
    with pytest.raises(ConfigError, match="no database is configured"):
        Migrator().status()


def test_what_is_configured(
    folder: Path, database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.env`, variables, `env=` and pyproject.toml count as for the commands; arguments are stronger."""
    (folder / ".env").write_text(f"DATABASE_URL={database.url}\n")
    (folder / "pyproject.toml").write_text('[tool.dbops]\ntracking-table = "kept.here"\n')
    connect(database).execute("create schema kept")
    Migrator().up(steps=1)
    assert applied(connect(database), "kept.here") == ["001"]
    monkeypatch.setenv("QA_DATABASE_URL", database.url)
    Migrator(env="qa", tracking_table="kept.there", migrations_dir=folder / "migrations").baseline("002")
    assert applied(connect(database), "kept.there") == ["001", "002"]


def test_the_environment_is_left_alone(
    folder: Path, database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libpq's variables that do not belong to the URL: not used, and still there for the host."""
    misleading = {
        "PGHOST": "nowhere.invalid", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "wrong", "PGDATABASE": "none",
        "PGSSLMODE": "verify-full", "PGOPTIONS": "-c search_path=nowhere", "PGCLIENTENCODING": "latin1",
        "PGAPPNAME": "mine", "PGTARGETSESSIONATTRS": "standby", "PGHOSTADDR": "192.0.2.1", "PGCONNECT_TIMEOUT": "1",
    }  # fmt: skip
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    levels = {name: logging.getLogger(name).level for name in (None, "psycopg", "dbops")}
    with monkeypatch.context() as patch:
        for name, value in {**misleading, "QA_DATABASE_URL": database.url}.items():
            patch.setenv(name, value)
        before = dict(os.environ)
        assert Migrator(env="qa").up().current == "002"
        assert migrate_on_start(env="qa", enabled=True).current == "002"
        assert dict(os.environ) == before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers
    assert {name: logging.getLogger(name).level for name in levels} == levels
    assert logging.getLogger("dbops").handlers == []


def test_an_open_connection(folder: Path, database: Database, connect: Connect) -> None:
    """It says where and as whom, and stays as it is: settings, row factory, temporary and prepared things."""
    connection = connect(database, autocommit=False, row_factory=dict_row)
    connection.execute("set search_path = pg_catalog")
    connection.execute("set lock_timeout = '7s'")
    connection.execute("create temp table mine as select 1 as x")
    for _ in range(7):  # prepared after the fifth
        connection.execute("select %s::int as x from mine", [1])
    with pytest.raises(Refused, match="in a transaction"):
        Migrator(connection).up()
    connection.commit()
    assert Migrator(connection).up().versions == ("001", "002")
    assert Migrator(connection).down(confirm=database.name).current == "001"
    assert not connection.closed
    assert not connection.autocommit
    row = connection.execute("select current_setting('lock_timeout') as x, x as y from mine").fetchone()
    assert row == {"x": "7s", "y": 1}
    for _ in range(3):
        connection.execute("select %s::int as x from mine", [1])
    connection.rollback()
    connection.close()
    with pytest.raises(CannotConnect, match="closed"):
        Migrator(connection).status()
    with pytest.raises(UsageError, match="neither a URL nor a connection"):
        Migrator(42).status()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="both name the database"):
        Migrator(connect(database), env="qa").status()


def test_an_open_connection_and_what_is_configured(
    folder: Path, database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DATABASE_URL that leads elsewhere does not matter, and neither do libpq's variables."""
    connection = connect(database)
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL", "postgresql://nobody@nowhere.invalid/none")
        patch.setenv("DB_NAME", "another")
        patch.setenv("PGSSLMODE", "verify-full")
        assert Migrator(connection).up().current == "002"


def test_a_block_keeps_one_session_and_the_lock(folder: Path, database: Database, connect: Connect) -> None:
    """From the first change on nobody comes between; after the block the lock is free.  A failure ends both."""
    with Migrator(database.url, deadline=0.2) as migrator:
        assert migrator.current() is None
        Migrator(database.url, deadline=0.2).up(steps=1)
        migrator.up()
        with pytest.raises(dbops.LockNotAcquired):
            Migrator(database.url, deadline=0.2).down(confirm=database.name)
        with pytest.raises(UsageError):
            migrator.up(to="009")
        Migrator(database.url, deadline=0.2).down(confirm=database.name)
        assert migrator.up().versions == ("002",)
    Migrator(database.url, deadline=0.2).down(confirm=database.name)
    sessions = connect(database).execute(
        "select count(*) from pg_stat_activity where application_name like 'dbops %' and datname = current_database()"
    )
    assert sessions.fetchone() == (0,)


def test_events_and_logging(folder: Path, database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A listener hears what happens; without one it goes to the logger `dbops`."""
    heard: list[Event] = []
    Migrator(database.url, listen=heard.append).up(steps=1)
    assert [event.version for event in heard if isinstance(event, MigrationDone)] == ["001"]
    with caplog.at_level(logging.INFO, logger="dbops"):
        _write(folder, "003_empty.sql", single("-- nothing"))
        Migrator(database.url).up()
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert any(level == "INFO" and text.startswith("applied 002 u") for level, text in said)
    assert any(
        level == "WARNING" and text.endswith("003_empty.sql holds no statement") for level, text in said
    )


def test_from_threads_and_from_asyncio(folder: Path, database: Database) -> None:
    """Neither needs the main thread."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(Migrator(database.url).up(steps=1).current))
    thread.start()
    thread.join(30)

    async def start() -> dbops.Started:
        return await asyncio.to_thread(migrate_on_start, database.url, enabled=True)

    assert asyncio.run(start()).applied == ("002",)
    assert found == ["001"]


# -- migrate_on_start --------------------------------------------------------------------------------------------------


def test_off_unless_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without AUTO_MIGRATE=true nothing is asked, no database either; a value that is neither is an error."""
    for value in (None, "", "false", "0", "No", "off"):
        if value is not None:
            monkeypatch.setenv("AUTO_MIGRATE", value)
        assert migrate_on_start("postgresql://nobody@nowhere.invalid/none") == dbops.Started(off=True)
    monkeypatch.setenv("AUTO_MIGRATE", "ture")
    with pytest.raises(ConfigError, match="AUTO_MIGRATE is 'ture', neither true nor false"):
        migrate_on_start()


@pytest.mark.parametrize("value", ["true", "1", "YES", "on"])
def test_on(folder: Path, database: Database, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """In the environment, or, where that says nothing, in `.env`: what is pending is applied, once."""
    if value == "on":
        (folder / ".env").write_text("AUTO_MIGRATE=on\n")
    else:
        monkeypatch.setenv("AUTO_MIGRATE", value)
    started = migrate_on_start(database.url)
    assert (started.applied, started.current, started.off, started.ahead) == (
        ("001", "002"),
        "002",
        False,
        (),
    )
    assert migrate_on_start(database.url).applied == ()
    monkeypatch.setenv("AUTO_MIGRATE", "false")
    _write(folder, "003_v.sql", "CREATE TABLE v (id int);")
    assert migrate_on_start(database.url).off
    assert migrate_on_start(database.url, enabled=True).applied == ("003",)


def test_an_older_image(folder: Path, database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """The database is ahead: the older image comes up with a warning, and with `strict` it does not."""
    migrate_on_start(database.url, enabled=True)
    (folder / "migrations" / "002_u.sql").unlink()
    started = migrate_on_start(database.url, enabled=True)
    assert (started.applied, started.current, started.ahead) == ((), "002", ("002",))
    assert "the database has 1 migration that this image does not have: 002" in caplog.text
    with pytest.raises(Refused, match="does not have: 002"):
        migrate_on_start(database.url, enabled=True, strict=True)


def test_an_image_of_another_branch(folder: Path, database: Database) -> None:
    """Something is pending below what is applied: refused, since nobody can say which order is right."""
    migrate_on_start(database.url, enabled=True)
    (folder / "migrations" / "002_u.sql").unlink()
    _write(folder, "001.5_w.sql", "CREATE TABLE w (id int);")
    with pytest.raises(Refused, match="out of order"):
        migrate_on_start(database.url, enabled=True)


def test_a_changed_file(folder: Path, database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """With nothing pending a warning; with something pending the answer of `migrate up`."""
    migrate_on_start(database.url, enabled=True)
    _write(folder, "001_t.sql", single("CREATE TABLE other (id int);"))
    assert migrate_on_start(database.url, enabled=True).current == "002"
    assert "1 applied file changed afterwards" in caplog.text
    _write(folder, "003_v.sql", "CREATE TABLE v (id int);")
    with pytest.raises(AnswerIsNo, match=r"001_t\.sql"):
        migrate_on_start(database.url, enabled=True)


def test_a_migration_that_fails(folder: Path, database: Database, connect: Connect) -> None:
    """The replica does not come up; nothing of that migration is left; when it is mended, the next one does."""
    _write(folder, "003_v.sql", "CREATE TABLE v (id int);\nSELECT nonsense;")
    with pytest.raises(DbopsError, match="nonsense"):
        migrate_on_start(database.url, enabled=True)
    assert tables(connect(database)) == ["t", "u"]
    _write(folder, "003_v.sql", "CREATE TABLE v (id int);")
    assert migrate_on_start(database.url, enabled=True).applied == ("003",)
    assert [action for action, _ in events(connect(database))].count("failed") == 1


def test_nothing_pending_needs_no_lock(folder: Path, database: Database) -> None:
    """Somebody holds the migration lock: a replica that finds nothing pending comes up at once."""
    with Migrator(database.url) as migrator:
        migrator.up()
        assert migrate_on_start(database.url, enabled=True, deadline=0.1).current == "002"
        _write(folder, "003_v.sql", "CREATE TABLE v (id int);")
        with pytest.raises(dbops.LockNotAcquired, match="dbops library up"):
            migrate_on_start(database.url, enabled=True, deadline=0.5)


def test_no_server(folder: Path) -> None:
    """Refused at once: typed, without waiting for the deadline."""
    with pytest.raises(CannotConnect):
        migrate_on_start("postgresql://u@127.0.0.1:1/none", enabled=True)
