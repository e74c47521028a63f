"""Restores that die or are interrupted: live is as it was, open, and the next one cleans up."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbops.restore import names
from tests.conftest import Project
from tests.faults.moments import killed, moments
from tests.faults.restoring import BACKUP, Ground
from tests.postgres.restoring import Live, live_database
from tests.servers import Server
from tests.watching import GIVE_UP, until

SLOW = "CREATE TABLE content AS SELECT 'restored'::text AS what;\nSELECT pg_sleep(600);\n"
QUICK = "CREATE TABLE content AS SELECT 'restored'::text AS what;\n"


@pytest.fixture
def live(server: Server, project: Project) -> Iterator[Live]:
    """A live database that says `live`, and the project configured for it."""
    with live_database(server) as made:
        project.environ.update(
            DB_HOST=server.host, DB_PORT=str(server.port), DB_USER=made.owner, DB_PASSWORD=made.password,
            DB_NAME=made.name,
        )  # fmt: skip
        yield made


def _start(project: Project, live: Live, text: str) -> subprocess.Popen[str]:
    path = project.write("dump.sql", text)
    return project.popen("restore", path, "--trust-sql", "--confirm", live.name)


def _restores(project: Project, live: Live) -> str:
    """Restore for good; what it narrated."""
    path = project.write("dump.sql", QUICK)
    outcome = project.run("restore", path, "--trust-sql", "--confirm", live.name)
    assert outcome.code == 0, outcome
    assert live.content() == "restored"
    return outcome.stderr


def _sleeping(live: Live) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'"
    return bool(_value(live, query, names.side(live.name)))


def _value(live: Live, query: Any, *parameters: Any) -> Any:
    with live.connect("postgres") as connection:
        row = connection.execute(query, parameters).fetchone()
    return row and row[0]


def _kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def test_killed_while_loading(live: Live, project: Project) -> None:
    """The side database stays behind, live is untouched; the next restore drops the one and goes on."""
    process = _start(project, live, SLOW)
    until(lambda: _sleeping(live), "the load")
    _kill(process)
    assert live.content() == "live"
    assert set(live.databases()) == {live.name, names.side(live.name)}
    assert "which an interrupted restore had left" in _restores(project, live)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_loading(live: Live, project: Project, sign: signal.Signals) -> None:
    """Exit 130, and nothing is left."""
    process = _start(project, live, SLOW)
    until(lambda: _sleeping(live), "the load")
    process.send_signal(sign)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert set(live.databases()) == {live.name}
    assert live.content() == "live"


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_inside_the_swap(live: Live, project: Project, sign: signal.Signals) -> None:
    """It waits for the lock on the live database when it dies: rolled back, live open under its name."""
    with live.connect("postgres") as blocker:
        blocker.execute("BEGIN")
        blocker.execute(f"COMMENT ON DATABASE \"{live.name}\" IS 'held'")
        process = _start(project, live, QUICK)
        until(
            lambda: _value(
                live,
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s",
                f'ALTER DATABASE "{live.name}" RENAME%',
            ),
            "the swap",
        )
        process.send_signal(sign)
        process.communicate(timeout=30)
        blocker.execute("ROLLBACK")
    until(lambda: live.content() == "live", "the live database")
    assert not set(live.databases()) - {live.name, names.side(live.name)}
    if sign == signal.SIGINT:
        assert process.returncode == 130
        assert set(live.databases()) == {live.name}
    _restores(project, live)


# -- backups -----------------------------------------------------------------------------------------------------------

_LEFT = "which an interrupted restore had left"


@pytest.mark.one_major
def test_at_random_moments(ground: Ground) -> None:
    """After each kill the one or the other has the live name, whole and open, nothing goes on loading; then it works."""
    chosen = moments(lambda: ground.project.popen(*ground.confirmed), 9)
    assert ground.checked() == "restored"
    ground.spoil()
    kills = 0
    for number, moment in enumerate(chosen):
        kills += killed(ground.project.popen(*ground.confirmed), moment)
        ground.quiet()
        displaced = ground.displaced()
        what = ground.checked()
        assert set(ground.live.databases()) - {ground.live.name} <= displaced | ground.side
        if what == "restored":
            ground.spoil()
        if number % 6 == 5:
            ground.restores()
            _drop(ground, ground.displaced())
            ground.spoil()
    assert kills > len(chosen) / 4
    listed = ground.ran("restore", "--json").json["displaced"]
    assert {one["name"] for one in listed if one["database"] == ground.live.name} == ground.displaced()


def _drop(ground: Ground, displaced: set[str]) -> None:
    for name in displaced:
        ground.live.sql(f'DROP DATABASE "{name}"')


@pytest.mark.parametrize("form", ["directory", "custom", "plain"])
@pytest.mark.one_major
def test_nothing_goes_on_loading(ground: Ground, form: str, tmp_path: Path) -> None:
    """Killed in the middle of loading: its programs and their sessions end, and the next run clears files and database."""
    ground.project.environ["TMPDIR"] = str(tmp_path)
    argv = list(ground.confirmed)
    if form != "directory":
        ground.ran("restore", BACKUP, "--confirm", ground.live.name)
        argv[1] = f"in_{form}"
        ground.ran("backup", argv[1], "--format", form)
        ground.spoil()
    with ground.gate():
        running = ground.project.popen(*argv)
        ground.at_the_gate()
        assert any("pg_restore" in one or "psql" in one for one in ground.programs())
        running.kill()
        running.communicate()
        until(lambda: not ground.programs(), "the end of the programs")
        until(lambda: not ground.sessions(), "the end of the sessions")
    assert ground.checked() == "live"
    assert list(tmp_path.glob("dbops-load-*"))
    assert _LEFT in ground.ran(*argv).stderr
    assert ground.checked() == "restored"
    assert not list(tmp_path.glob("dbops-load-*"))


@pytest.mark.one_major
def test_the_next_run_does_not_wait(ground: Ground) -> None:
    """Killed while its sessions work: a run that begins at once goes through, though the server has not noticed."""
    with ground.gate():
        running = ground.project.popen(*ground.confirmed)
        ground.at_the_gate()
    _kill(running)
    began = time.monotonic()
    ground.restores()
    assert time.monotonic() - began < GIVE_UP


@pytest.mark.one_major
def test_killed_in_place(ground: Ground) -> None:
    """Killed while psql has a part of the archive: that part is not committed; everything is as it was."""
    text = ["SELECT pg_sleep(2);"]
    text += [f"CREATE TABLE t{number} (id int); -- {'x' * 1000}" for number in range(1000)]
    path = ground.project.write("dump.sql", "\n".join(text))
    argv = ("restore", str(path), "--trust-sql", "--in-place", "--confirm", ground.live.name)
    running = ground.project.popen(*argv)
    ground.at_the_gate()
    time.sleep(0.2)  # until the pipe is full
    _kill(running)
    ground.quiet()
    ground.untouched()
    path.write_text("CREATE TABLE u (id int);\nINSERT INTO u VALUES (1)")  # without a semicolon at its end
    ground.ran(*argv)
    assert ground.live.sql("SELECT count(*) FROM u", ground.live.name) == [(1,)]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.one_major
def test_interrupted_at_any_moment(ground: Ground, sign: signal.Signals) -> None:
    """Exit 130, the side database is gone, live untouched, nothing runs any more."""
    with ground.gate():
        for line in ("server ", "checked", "created", "loading"):
            running = ground.project.popen(*ground.confirmed)
            assert running.stderr is not None
            if line == "loading":
                ground.at_the_gate()
            else:
                until(lambda: line in running.stderr.readline(), line)  # type: ignore[union-attr]  # noqa: B023
            running.send_signal(sign)
            _, said = running.communicate(timeout=30)
            assert running.returncode == 130, said
            assert "interrupted" in said
            assert not ground.programs()
            ground.quiet()
            ground.untouched()
    ground.restores()


# -- verify and undo ---------------------------------------------------------------------------------------------------


def _scratch(ground: Ground) -> list[Any]:
    return ground.live.sql(
        "SELECT datname FROM pg_database WHERE starts_with(datname, 'dbops_scratch_')"
        f" AND pg_get_userbyid(datdba) = '{ground.live.owner}'"
    )


@pytest.mark.one_major
def test_verify_at_random_moments(ground: Ground) -> None:
    """The scratch database is gone, or the next verify drops it; live is not touched, the backup stays proven."""
    argv = ("backup", "verify", BACKUP, "--restore-on", ground.url)
    for moment in moments(lambda: ground.project.popen(*argv), 4):
        killed(ground.project.popen(*argv), moment)
        ground.quiet()
    with ground.gate():
        running = ground.project.popen(*argv)
        ground.at_the_gate()
        _kill(running)
        ground.quiet()
        assert _scratch(ground)
    assert "which an interrupted run had left" in ground.ran(*argv).stderr
    assert not _scratch(ground)
    ground.untouched()
    (row,) = ground.ran("backup", "list", "--json").json["backups"]
    assert row["proven"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.one_major
def test_verify_is_interrupted(ground: Ground, sign: signal.Signals) -> None:
    """Exit 130, no scratch database, nothing runs, and no result is written down."""
    with ground.gate():
        running = ground.project.popen("backup", "verify", BACKUP, "--restore-on", ground.url)
        ground.at_the_gate()
        running.send_signal(sign)
        _, said = running.communicate(timeout=30)
        assert running.returncode == 130, said
        ground.quiet()
    assert not _scratch(ground)
    assert not (ground.folder / "verified.json").exists()


@pytest.mark.one_major
def test_the_scratch_database_of_another_role(ground: Ground) -> None:
    """One that a verify of another role has left, and that ours may not drop, is in nobody's way."""
    name = f"dbops_scratch_{ground.live.tag}0000"
    ground.live.sql(f"CREATE DATABASE {name}")
    try:
        ground.ran("backup", "verify", BACKUP, "--restore-on", ground.url)
    finally:
        ground.live.sql(f"DROP DATABASE IF EXISTS {name}")


@pytest.mark.one_major
def test_undo_at_random_moments(ground: Ground) -> None:
    """Killed at any moment, undo has happened or not: one of the two is live, the other displaced, both whole."""
    ground.restores()
    argv = ("restore", "undo", "--confirm", ground.live.name)
    for moment in moments(lambda: ground.project.popen(*argv), 6):
        before = ground.checked()
        was_killed = killed(ground.project.popen(*argv), moment)
        ground.quiet()
        now = ground.checked()
        assert was_killed or now != before
        assert len(ground.displaced()) == 1
        assert set(ground.live.databases()) == {ground.live.name, *ground.displaced()}
    before = ground.checked()
    ground.ran(*argv)
    assert ground.checked() != before


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.one_major
def test_undo_inside_the_swap(ground: Ground, sign: signal.Signals) -> None:
    """It waits for the lock on the live database when it dies: nothing has changed, and undo works afterwards."""
    ground.restores()
    databases = set(ground.live.databases())
    with ground.live.connect("postgres") as blocker:
        blocker.execute("BEGIN")
        blocker.execute(f"COMMENT ON DATABASE {ground.live.name} IS 'held'")
        running = ground.project.popen("restore", "undo", "--confirm", ground.live.name)
        until(ground.in_the_swap, "the swap")
        running.send_signal(sign)
        running.communicate(timeout=30)
        blocker.execute("ROLLBACK")
    assert running.returncode == (-9 if sign == signal.SIGKILL else 130)
    ground.quiet()
    assert ground.checked() == "restored"
    assert set(ground.live.databases()) == databases
    ground.ran("restore", "undo", "--confirm", ground.live.name)
    assert ground.checked() == "live"
