"""Applications that migrate when they start: a hundred at once, and one that dies in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Project
from tests.faults.conftest import OwnServer
from tests.watching import Watch, until

pytestmark = pytest.mark.one_major

APPLICATION = """
import dataclasses, json, os, sys, threading, time
from dbops import migrate_on_start

def replica():
    while not os.path.exists("go"):
        time.sleep(0.005)
    try:
        said.append(dataclasses.asdict(migrate_on_start()))
    except BaseException as error:
        said.append({"error": repr(error)})

said = []
replicas = [threading.Thread(target=replica) for _ in range(int(sys.argv[1]))]
for one in replicas:
    one.start()
for one in replicas:
    one.join()
print(json.dumps(said))
"""
UNTIL_FREED = (
    "DO $$ BEGIN WHILE NOT pg_try_advisory_xact_lock(1) LOOP PERFORM pg_sleep(0.05); END LOOP; END $$;"
)
Start = Callable[[int], "subprocess.Popen[str]"]


@pytest.fixture
def replicas(configured: Project) -> Iterator[Start]:
    """Starts a process with so many replicas, which begin when there is a file `go`; killed where they stay."""
    begun: list[subprocess.Popen[str]] = []

    def start(count: int, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        begun.append(
            subprocess.Popen(
                [sys.executable, "-c", APPLICATION, str(count)],
                cwd=configured.folder,
                env={**configured.environ, "AUTO_MIGRATE": "true", **(environ or {})},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return begun[-1]

    yield start
    for one in begun:
        one.kill()
        one.communicate()


def _said(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    stdout, _ = process.communicate(timeout=100)
    found = json.loads(stdout)
    assert isinstance(found, list)
    return found


def test_a_hundred_at_once(configured: Project, replicas: Start, own_server: OwnServer) -> None:
    """A server with 97 places, and a first migration that takes a while: each is applied once, all come up.

    Who waits keeps no connection, so that there is room for the application of the former version.
    """
    with own_server.connect() as admin:
        assert admin.execute("show max_connections").fetchone() == ("100",)
        admin.execute("create role app login password 'app'")
        admin.execute("create database app owner app")
        url = psycopg.conninfo.make_conninfo(own_server.url, user="app", password="app", dbname="app")
        configured.environ["DATABASE_URL"] = url
        configured.write("migrations/001_t.sql", f"CREATE TABLE t (id integer);\n{UNTIL_FREED}")
        configured.write("migrations/002_i.sql", "CREATE INDEX CONCURRENTLY i ON t (id);")
        configured.write("migrations/003_u.sql", "CREATE TABLE u (id integer);")
        sessions = Watch(admin)
        with psycopg.connect(url, autocommit=True) as gate:
            gate.execute("select pg_advisory_lock(1)")
            processes = [replicas(50) for _ in range(2)]
            configured.write("go", "")
            sessions.until(
                "select true from pg_stat_activity where wait_event = 'PgSleep' and datname = 'app'"
            )
            time.sleep(2)  # all have begun
            sessions.until("select count(*) < 50 from pg_stat_activity where datname = 'app'")
        said = [one for process in processes for one in _said(process)]
    assert [one for one in said if "error" in one] == []
    assert (len(said), {one["current"] for one in said}) == (100, {"003"})
    applied = [one["applied"] for one in said if one["applied"]]
    assert applied == [["001", "002", "003"]]
    with psycopg.connect(url, autocommit=True) as connection:
        watch = Watch(connection)
        assert watch.applied() == ["001", "002", "003"]
        assert len(watch.events("applied")) == 3
        assert len(watch.events("initialised")) == 1
        assert watch.indexes() == {"i": True}


def test_no_room_at_all(configured: Project, replicas: Start, own_server: OwnServer) -> None:
    """Every place on the server is taken: replicas wait until there is one."""
    with own_server.connect() as admin:
        admin.execute("create role app login password 'app' connection limit 0")
        admin.execute("create database app owner app")
        configured.environ["DATABASE_URL"] = psycopg.conninfo.make_conninfo(
            own_server.url, user="app", password="app", dbname="app"
        )
        configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
        configured.write("go", "")
        process = replicas(3)
        until(
            lambda: "too many connections" in own_server.cluster.log.read_text(),
            "a replica that is turned away",
        )
        assert process.poll() is None
        admin.execute(sql.SQL("alter role app connection limit 2"))
        assert sorted(map(str, (one["current"] for one in _said(process)))) == ["001"] * 3


def test_one_is_killed_while_it_migrates(configured: Project, replicas: Start, watch: Watch) -> None:
    """kill -9 in the middle of a migration: nothing of it is left, and another replica, which waited, finishes."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    path = configured.write("migrations/002_u.sql", "CREATE TABLE u (id integer);\nSELECT pg_sleep(600);")
    configured.write("go", "")
    first = replicas(1)
    backend = watch.until(
        "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
    )
    second = replicas(2)
    watch.until(
        "select count(*) > 0 from pg_stat_activity where datname = current_database()"
        " and application_name like 'dbops library start%%' and pid <> %s",
        backend,
    )
    assert watch.applied() == ["001"]
    path.write_text("CREATE TABLE u (id integer);")
    os.kill(first.pid, signal.SIGKILL)
    said = _said(second)
    assert [one["current"] for one in said] == ["002", "002"]
    assert sorted(str(one["applied"]) for one in said) == ["['002']", "[]"]
    assert watch.applied() == ["001", "002"]
    assert len(watch.events("applied")) == 2
