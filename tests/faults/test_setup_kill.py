"""Setting up, interrupted and killed at many moments."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbops.devdb import databases, private
from dbops.devdb.places import Places
from dbops.engines.marks import MARK
from tests.conftest import Project
from tests.servers import Server
from tests.watching import alive, until

pytestmark = pytest.mark.one_major

NAMES = ("trading_engine", "trading_engine_test")
SLOW = "SELECT pg_sleep(30);\n"
# Python itself ends with one of these when it is interrupted before it has come to dbops.
BEFORE_US = (1, -signal.SIGINT)
PRIVATE = ("setup-dev-db", "--server", "private")
# From the start of Python to after the end: initdb, the server's start, both databases, migrations.
MOMENTS = [0.15, 0.4, 0.7, 1.0, 1.4, 1.9]


@pytest.fixture
def private_project(project: Project) -> Iterator[Project]:
    """A project with a migration; its private server is removed after the test, whatever happened."""
    project.write("migrations/001_orders.sql", "CREATE TABLE public.orders (id int);\n")
    yield project
    private.destroy(Places.of(project.folder))


def wait_for_line(child: subprocess.Popen[str], text: str) -> None:
    """Read the child's narration up to a line with this text."""
    assert child.stderr is not None
    for line in child.stderr:
        if text in line:
            return
    raise AssertionError(f"ended without saying {text!r}")


def end(child: subprocess.Popen[str], sign: signal.Signals) -> int:
    child.send_signal(sign)
    child.communicate(timeout=60)
    return child.returncode


def assert_as_before(project: Project) -> None:
    """Nothing of a set-up is there: no record, no cluster, no .env, no folder."""
    places = Places.of(project.folder)
    assert sorted(path.name for path in project.folder.iterdir()) == ["migrations"]
    assert places.base == places.folder or not places.base.exists()


def assert_complete(project: Project) -> None:
    """The next run ends well: databases marked and migrated, .env written, nothing half made beside them."""
    outcome = project.run(*PRIVATE, "--json")
    assert outcome.code == 0, outcome.stderr
    status = project.run("setup-dev-db", "status", "--json").json
    assert status["databases"] == dict.fromkeys(NAMES, "marked")
    assert [one["version"] for one in outcome.json["databases"]] == ["001", "001"]
    places = Places.of(project.folder)
    assert (project.folder / ".env").exists()
    assert [path.name for path in places.base.glob("cluster*")] == ["cluster"]
    record = places.load()
    assert record is not None
    login = {"host": "127.0.0.1", "port": record.port, "user": record.user, "password": record.password}
    with psycopg.connect(**login, dbname="postgres") as connection:  # type: ignore[arg-type]
        assert [found.name for found in databases.others(connection)] == list(NAMES)


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_leaves_what_was_there_before(private_project: Project, moment: float) -> None:
    """Ctrl-C during a first run: exit 130 and nothing is left, or it had ended; the next run completes."""
    child = private_project.popen(*PRIVATE)
    time.sleep(moment)
    code = end(child, signal.SIGINT)
    if code != 0:
        assert code in (130, *BEFORE_US)
        assert_as_before(private_project)
    assert_complete(private_project)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_run_after_kill_9_completes(private_project: Project, moment: float) -> None:
    """kill -9 during a first run: the next run completes, whatever was half made."""
    child = private_project.popen(*PRIVATE)
    time.sleep(moment)
    end(child, signal.SIGKILL)
    assert_complete(private_project)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_a_migration_removes_all_that_the_run_made(
    private_project: Project, sign: signal.Signals
) -> None:
    """The server is up, the databases are made, a migration runs: all of it is gone, and no server stays."""
    slow = private_project.write("migrations/002_slow.sql", SLOW)
    child = private_project.popen(*PRIVATE)
    wait_for_line(child, "made database trading_engine_test")
    record = Places.of(private_project.folder).load()
    assert record is not None
    pid = int((record.home / "data" / "postmaster.pid").read_text().split()[0])
    time.sleep(0.4)
    assert end(child, sign) == 130
    assert_as_before(private_project)
    assert not alive(pid)
    slow.unlink()
    assert_complete(private_project)


def test_an_interrupt_of_a_server_that_was_only_started_stops_it_again(private_project: Project) -> None:
    """The private server was down: started by the run, interrupted, down again, with its data."""
    assert private_project.run(*PRIVATE).code == 0
    private_project.run("setup-dev-db", "stop")
    slow = private_project.write("migrations/002_slow.sql", SLOW)
    child = private_project.popen(*PRIVATE)
    wait_for_line(child, "database:")
    time.sleep(0.5)
    assert end(child, signal.SIGINT) == 130
    assert private_project.run("setup-dev-db", "status", "--json").json["state"] == "stopped"
    slow.unlink()
    assert_complete(private_project)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_reset_keeps_the_former_databases(
    private_project: Project, sign: signal.Signals
) -> None:
    """Stopped while the new databases are being migrated: after Ctrl-C the former are back at once.

    After kill -9 the new ones stand, marked, and the next run finishes the reset.
    """
    assert private_project.run(*PRIVATE).code == 0
    record = Places.of(private_project.folder).load()
    assert record is not None
    login = {"host": "127.0.0.1", "port": record.port, "user": record.user, "password": record.password}
    with psycopg.connect(**login, dbname=NAMES[0], autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("CREATE TABLE public.mine ()")
    slow = private_project.write("migrations/002_slow.sql", SLOW)
    child = private_project.popen("setup-dev-db", "--reset")
    wait_for_line(child, f"made database {NAMES[1]}")
    time.sleep(0.4)
    end(child, sign)
    slow.unlink()
    if sign is signal.SIGINT:
        with psycopg.connect(**login, dbname=NAMES[0]) as connection:  # type: ignore[arg-type]
            assert connection.execute("SELECT to_regclass('public.mine')::text").fetchone() == ("mine",)
    assert_complete(private_project)


def test_ctrl_c_on_a_configured_server_leaves_the_databases_that_were_there(
    server: Server, project: Project
) -> None:
    """One of the two was there: it stays with its comment; the one that the run made is dropped."""
    name = f"k_{os.getpid()}_{time.monotonic_ns()}"
    project.environ.update(
        DB_HOST=server.host,
        DB_PORT=str(server.port),
        DB_USER=server.user,
        DB_PASSWORD=server.password,
        DB_NAME=name,
    )
    project.write("migrations/001_slow.sql", SLOW)
    with psycopg.connect(**server.keywords(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        connection.execute(f"COMMENT ON DATABASE {name} IS 'mine'".encode())
        child = project.popen("setup-dev-db")
        wait_for_line(child, f"made database {name}_test")
        until(
            lambda: databases.existing(connection, [f"{name}_test"])[f"{name}_test"].comment == MARK,
            "the mark",
        )
        assert end(child, signal.SIGINT) == 130
        found = databases.existing(connection, [name, f"{name}_test"])
        assert {one.name: one.comment for one in found.values()} == {name: "mine"}
        databases.drop(connection, name)
    assert [path.name for path in Path(project.folder).iterdir()] == ["migrations"]
