"""Restores that die or are interrupted: live is as it was, open, and the next one cleans up."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dbops.restore import names
from tests.conftest import Project
from tests.postgres.restoring import Live, live_database
from tests.servers import Server
from tests.watching import until

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


@pytest.mark.one_major
def test_killed_at_any_moment(live: Live, project: Project) -> None:
    """Whenever it is killed: one of the two is under the live name, whole and open; the next restore goes through."""
    began = time.monotonic()
    _restores(project, live)
    took = time.monotonic() - began
    moments = random.Random(3)  # the same moments at every run
    for _ in range(12):
        before = set(live.databases())
        process = _start(project, live, QUICK.replace("restored", "again"))
        time.sleep(moments.uniform(0.3 * took, took))
        _kill(process)
        assert live.content() in {"restored", "again"}
        new = set(live.databases()) - before - {names.side(live.name), names.unnamed(live.name)}
        assert len(new) == (live.content() == "again")
        _restores(project, live)
        for name in set(live.databases()) - {live.name}:
            live.sql(f'DROP DATABASE "{name}"')
