"""While a migration runs: what is told of a statement, and the end of those who block it, where that is asked for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbops import Migrator
from dbops.cli.output import Output
from dbops.engines.postgres import activity
from dbops.engines.postgres.looking import StatementLasts, StatementRuns
from dbops.events import Event, ignore
from tests.conftest import Project
from tests.servers import Database
from tests.watching import Watch, until

Connect = Callable[..., psycopg.Connection[Any]]
one_major = pytest.mark.one_major

QUICK = ("--lock-timeout", "400ms", "--deadline", "50s", "--terminate-blockers", "1s")


@pytest.fixture
def table(configured: Project) -> Project:
    """A project whose first migration, a table, is applied, and the second, a column of it, is not."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    assert configured.run("migrate", "up").code == 0
    configured.write("migrations/002_c.sql", "ALTER TABLE t ADD COLUMN c integer;")
    return configured


def _holder(
    connect: Connect, database: Database, lock: str = "lock table t", **keywords: Any
) -> psycopg.Connection[Any]:
    session = connect(database, autocommit=False, **{"application_name": "report of the month", **keywords})
    session.execute(lock)
    return session


def _is_alive(session: psycopg.Connection[Any]) -> bool:
    try:
        session.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True


# -- who blocks --------------------------------------------------------------------------------------------------------


def test_a_blocker_is_ended(table: Project, database: Database, connect: Connect, watch: Watch) -> None:
    """Told, ended and in the history; the migration is applied, and a session that only reads elsewhere lives on."""
    holder, other = _holder(connect, database), _holder(connect, database, "select 1")
    outcome = table.run("migrate", "up", *QUICK)
    assert outcome.code == 0, outcome
    pid = holder.info.backend_pid
    assert f"warning: ending the session that blocks for 1.0 s: pid {pid}, user" in outcome.stderr
    assert "report of the month" in outcome.stderr
    assert not _is_alive(holder)
    assert _is_alive(other)
    detail = watch.value(
        "select detail from schema_migrations_events where action = 'blocker ended' and detail->>'pid' = %s",
        str(pid),
    )
    assert detail["migration"] == "002 c"
    assert detail["query"] == "lock table t"
    assert detail["blocked_seconds"] >= 1
    assert "blocker ended" in table.run("migrate", "history").stdout


@one_major
def test_a_blocker_of_a_concurrent_build_is_ended(
    table: Project, database: Database, connect: Connect
) -> None:
    """Outside a transaction, too: whose old snapshot a CREATE INDEX CONCURRENTLY waits for."""
    table.write("migrations/002_c.sql", "CREATE INDEX CONCURRENTLY i ON t (id);")
    holder = _holder(connect, database, "declare c cursor for select 1")
    outcome = table.run("migrate", "up", *QUICK)
    assert outcome.code == 0, outcome
    assert not _is_alive(holder)


@one_major
def test_nobody_is_ended_unasked(table: Project, database: Database, connect: Connect) -> None:
    """Without the option the commands are named, one call for each session."""
    shared = "lock table t in access share mode"
    first, second = _holder(connect, database, shared), _holder(connect, database, shared)
    outcome = table.run("migrate", "up", "--lock-timeout", "400ms", "--deadline", "1s")
    assert outcome.code == 11, outcome
    for session in (first, second):
        assert f"pg_terminate_backend({session.info.backend_pid})" in outcome.stderr
        assert _is_alive(session)
    assert "or run it again with --terminate-blockers" in outcome.stderr


@one_major
def test_who_only_stands_before_us_is_not_ended(
    table: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """A session that waits in the same queue holds nothing: who holds the lock is ended, and it goes on."""
    holder = _holder(connect, database, "lock table t in access share mode")
    queued = connect(database, autocommit=False, application_name="queued")

    def wait() -> None:
        queued.execute("lock table t in access exclusive mode")
        queued.commit()

    waiting = threading.Thread(target=wait)
    waiting.start()
    watch.until(
        "select true from pg_stat_activity where datname = current_database()"
        " and application_name = 'queued' and wait_event_type = 'Lock'"
    )
    outcome = table.run("migrate", "up", *QUICK)
    waiting.join(timeout=30)
    assert outcome.code == 0, outcome
    assert not _is_alive(holder)
    assert _is_alive(queued)


@one_major
def test_dbops_is_not_ended(table: Project, database: Database, connect: Connect) -> None:
    """A backup, for instance: spared, with the reason at the end."""
    holder = _holder(connect, database, application_name="dbops backup create alice@laptop")
    outcome = table.run(
        "migrate", "up", "--lock-timeout", "3s", "--deadline", "8s", "--terminate-blockers", "1s"
    )
    assert outcome.code == 11, outcome
    assert f"pid {holder.info.backend_pid} was not ended: it is dbops at work" in outcome.stderr
    assert _is_alive(holder)


def test_a_prepared_transaction(table: Project, database: Database, connect: Connect) -> None:
    """It has no session to end: named with the statement that ends it."""
    session = connect(database)
    session.execute("begin")
    session.execute("lock table t")
    session.execute("prepare transaction 'it''s mine'")
    outcome = table.run(
        "migrate", "up", "--lock-timeout", "3s", "--deadline", "8s", "--terminate-blockers", "1s"
    )
    assert outcome.code == 11, outcome
    assert "held by a prepared transaction of user" in outcome.stderr
    assert "ROLLBACK PREPARED 'it''s mine'" in outcome.stderr
    assert "pg_terminate_backend" not in outcome.stderr
    session.execute("rollback prepared 'it''s mine'")
    assert table.run("migrate", "up").code == 0


@one_major
@pytest.mark.parametrize(
    ("grants", "superuser", "reason"),
    [
        ([], False, "GRANT pg_read_all_stats, pg_signal_backend TO"),
        (["pg_read_all_stats"], False, "a superuser can GRANT pg_signal_backend TO"),
        (["pg_read_all_stats", "pg_signal_backend"], False, None),
        (["pg_read_all_stats", "pg_signal_backend"], True, "only a superuser may end a superuser's session"),
    ],
)
def test_privileges(
    table: Project,
    database: Database,
    connect: Connect,
    grants: list[str],
    superuser: bool,
    reason: str | None,
) -> None:
    """A session of another role: what the role lacks is named; with it, the session is ended; a superuser's never."""
    admin = connect(database, **database.server.keywords(database.name))
    me, other = sql.Identifier(database.user), sql.Identifier(f"other_{database.user}"[:63])
    admin.execute(sql.SQL("create role {} login password 'p'").format(other))
    try:
        if superuser:
            admin.execute(sql.SQL("alter role {} superuser").format(other))
        admin.execute("grant all on t to public")
        for grant in grants:
            admin.execute(sql.SQL("grant {} to {}").format(sql.Identifier(grant), me))
        holder = _holder(connect, database, user=f"other_{database.user}"[:63], password="p")
        outcome = table.run(
            "migrate", "up", "--lock-timeout", "3s", "--deadline", "8s", "--terminate-blockers", "1s"
        )
        assert outcome.code == (11 if reason else 0), outcome
        assert _is_alive(holder) is bool(reason)
        assert reason is None or outcome.stderr.count(reason) == 2  # when it was tried, and in the end
        holder.close()
    finally:
        admin.execute("revoke all on t from public")
        admin.execute(sql.SQL("drop role {}").format(other))


@one_major
@pytest.mark.parametrize("after", ["3", "500ms", "2min", "soon"])
def test_wrong_times(table: Project, after: str) -> None:
    """Without a unit it could be meant as a number of migrations; too short, never reached, or no time at all."""
    outcome = table.run("migrate", "up", "--terminate-blockers", after)
    assert outcome.code == 2, outcome
    assert "--terminate-blockers" in outcome.stderr


# -- what is told ------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What a library's listener hears, with statements that last after one second already."""
    monkeypatch.setattr(activity, "LASTING", 0.5)
    monkeypatch.setattr(activity, "INTERVAL", 0.1)
    return []


def _run(table: Project, database: Database, told: list[Event], **options: Any) -> None:
    folder: Path = table.folder / "migrations"
    Migrator(database.url, migrations_dir=folder, listen=told.append, **options).up()


@one_major
def test_the_place_of_a_statement(table: Project, database: Database, told: list[Event]) -> None:
    """Its migration, number and text; without passwords; several in one message by their numbers; sparsely, too."""
    table.write(
        "migrations/002_c.sql",
        "-- dbops: no-transaction\nSET work_mem = '1MB';\nVACUUM t;\nSELECT 'password=geheim', pg_sleep(4.5);",
    )
    table.write("migrations/003_d.sql", "SELECT 1;\nSELECT pg_sleep(2.5);")
    _run(table, database, told)
    seen = [event for event in told if isinstance(event, StatementRuns)]
    alone = [event for event in seen if event.migration == "002 c"]
    assert {(event.statement, event.last, event.of) for event in alone} == {(3, 3, 3)}
    assert "SELECT '***', pg_sleep(4.5)" in alone[0].sentence()
    assert alone[0].sentence().startswith("002 c, statement 3 of 3, ")
    assert not any("geheim" in event.sentence() for event in seen)
    together = [event for event in seen if event.migration == "003 d"]
    assert together[0].sentence().startswith("003 d, statements 1 to 2 of 2, ")
    assert "SELECT" not in together[0].sentence()
    lasting = [event.seconds for event in alone if isinstance(event, StatementLasts)]
    assert len(lasting) in {2, 3}, lasting
    assert lasting[1] >= 2 * lasting[0]


def test_who_is_waited_for(table: Project, database: Database, connect: Connect, told: list[Event]) -> None:
    """The lock, its table, and who holds it."""
    holder = _holder(connect, database)
    pid = holder.info.backend_pid
    running = threading.Thread(target=_run, args=(table, database, told), kwargs={"lock_timeout": 30})
    running.start()
    found = until(
        lambda: next((event for event in told if isinstance(event, StatementRuns) and event.blockers), None),
        "an event",
    )
    holder.close()
    running.join(timeout=30)
    assert found.waits_on == "ACCESS EXCLUSIVE on t"
    assert [blocker.pid for blocker in found.blockers] == [pid]
    assert f"waits for ACCESS EXCLUSIVE on t, held by pid {pid}, " in found.sentence()


def test_an_index_in_percent(table: Project, database: Database, told: list[Event], watch: Watch) -> None:
    """Phase and percentage of a slow build."""
    watch.connection.execute("insert into t select generate_series(1, 20000)")
    watch.connection.execute(
        "create function slow(i int) returns int immutable language plpgsql as"
        " $$ begin if i % 100 = 0 then perform pg_sleep(0.01); end if; return i; end $$"
    )
    table.write("migrations/002_c.sql", "CREATE INDEX ON t (public.slow(id));")
    _run(table, database, told, analyze_after="off")
    seen = [event for event in told if isinstance(event, StatementRuns) and event.percent]
    assert seen, told
    assert seen[0].phase == "building index: scanning table"
    assert 0 < (seen[0].percent or 0) <= 100


@one_major
@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("as_json", [False, True])
def test_without_a_terminal(
    table: Project, database: Database, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """A line in a log, an event with `--json`, now and then."""
    table.write("migrations/002_c.sql", "SELECT pg_sleep(2.5);")
    out = Output("migrate", as_json=as_json)
    Migrator(database.url, migrations_dir=table.folder / "migrations", listen=out.event).up()
    said = capsys.readouterr()
    lines = [line for line in (said.out or said.err).splitlines() if "pg_sleep" in line]
    assert len(lines) in {1, 2}, said
    if not as_json:
        assert re.fullmatch(r"002 c, [12]\.\d s: SELECT pg_sleep\(2\.5\)", lines[0])
        return
    event = json.loads(lines[0])
    assert (event["event"], event["level"], event["migration"]) == ("statement_lasts", "lasting", "002 c")
    assert (event["statement"], event["of"], event["blockers"]) == (1, 1, [])


@one_major
@pytest.mark.parametrize(("first_look", "beforehand"), [(0.05, True), (1.0, False)])
def test_a_statement_that_may_soon_be_over(
    database: Database, connect: Connect, first_look: float, beforehand: bool
) -> None:
    """Where a lock timeout may end it before a connection is made, the one that looks is there before it is sent."""
    made: list[psycopg.Connection[Any]] = []

    def making() -> psycopg.Connection[Any]:
        made.append(connect(database))
        return made[-1]

    watching = activity.Activity(making, connect(database).info.backend_pid, ignore)
    watching.begin(first_look=first_look, deadline=None)
    there = bool(made)
    watching.close()
    assert there is beforehand
