"""Fillings that die: no process is left, no session, no row, and every index is in place."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.seeding.fill import FillOptions, WorkerFailed, fill, making
from dbops.seeding.postgres.engine import Postgres
from tests.conftest import ROOT
from tests.faults.conftest import SmallDisk
from tests.postgres.filling import TABLES, Family, Large
from tests.servers import Database
from tests.watching import Watch, alive, until

pytestmark = pytest.mark.one_major
Start = Callable[..., "subprocess.Popen[str]"]
INDEXES = "select count(*) from pg_index where indrelid::regclass::text in ('parent', 'child') and indisvalid"
COPYING = "select max(tuples_processed) > 20000 from pg_stat_progress_copy where datname = current_database()"
FILLING = (
    "select {} from pg_stat_activity where datname = current_database() and application_name = 'filling'"
)


@pytest.fixture
def filling(database: Database, watch: Watch) -> Iterator[Start]:
    """Starts a process that fills two tables, and waits until it is in the middle of it."""
    watch.connection.execute(TABLES)
    started: list[subprocess.Popen[str]] = []

    def start(jobs: int) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "tests.faults.filling", database.url, str(jobs), "always"]
        started.append(
            subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
        )
        watch.until(COPYING)
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


def _children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that it has started, which make the blocks."""
    argv = ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(process.pid)]
    lines = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if "spawn_main" in line]


def _nothing_is_left(watch: Watch, pids: list[int]) -> None:
    until(lambda: not any(map(alive, pids)), "the end of the processes that make blocks")
    watch.until(FILLING.format("count(*) = 0"))
    assert watch.value("select count(*) from parent") == 0
    assert watch.value("select count(*) from child") == 0
    assert watch.value(INDEXES) == 4
    assert watch.value("select count(*) from pg_constraint where contype = 'f'") == 1


@pytest.mark.parametrize("jobs", [1, 3])
def test_killed(filling: Start, watch: Watch, jobs: int) -> None:
    """kill -9: the other processes find their pipes closed and end, the server rolls back."""
    process = filling(jobs)
    pids = _children(process)
    assert len(pids) == (jobs if jobs > 1 else 0)
    process.kill()
    process.wait()
    _nothing_is_left(watch, pids)


@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted(filling: Start, watch: Watch, jobs: int) -> None:
    """Ctrl-C, which all processes of the terminal get: one of them says so, and nobody waits for the rest."""
    process = filling(jobs)
    pids = _children(process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert said.count("Traceback") == said.count("\nKeyboardInterrupt") == 1, said
    _nothing_is_left(watch, pids)


def test_a_process_that_makes_blocks_is_killed(filling: Start, watch: Watch) -> None:
    """As for want of memory: the command ends, and so do the others."""
    process = filling(3)
    pids = _children(process)
    os.kill(pids[1], signal.SIGKILL)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.splitlines()[-1].endswith("WorkerFailed: a process that makes rows was ended by signal 9"), (
        said
    )
    _nothing_is_left(watch, pids)


def test_a_process_is_killed_while_it_sends_a_block() -> None:
    """It has sent a part of it, which is larger than its pipe: told like any other."""
    with making.made(Large(), jobs=2) as blocks:
        next(blocks)
        for process in multiprocessing.active_children():
            until(lambda pid=process.pid: _asleep(pid), "a full pipe")  # type: ignore[misc]
            process.kill()
        with pytest.raises(WorkerFailed, match="ended by signal 9"):
            list(blocks)


def _asleep(pid: int) -> bool:
    return Path(f"/proc/{pid}/wchan").read_text() in {"pipe_write", "pipe_wait", "anon_pipe_write"}


def test_the_session_is_terminated(filling: Start, watch: Watch) -> None:
    """The server ends the session: the command ends, and so do the other processes."""
    process = filling(2)
    pids = _children(process)
    watch.value(FILLING.format("pg_terminate_backend(pid)"))
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "psycopg.OperationalError" in said or "psycopg.errors.AdminShutdown" in said, said
    _nothing_is_left(watch, pids)


def test_the_disk_is_full(
    database: Database, watch: Watch, connect: Callable[..., psycopg.Connection[Any]], small_disk: SmallDisk
) -> None:
    """The server's own words, and nothing stays."""
    server = database.server
    superuser = connect(database, user=server.user, password=server.password)
    space = f"space_{database.name}"
    place = small_disk(4_000_000) / "space"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    owner = Path(server.data).stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    superuser.execute(f"create tablespace {space} owner {database.user} location '{place}'".encode())
    watch.connection.execute(TABLES)
    watch.connection.execute(f"alter table child set tablespace {space}".encode())
    with pytest.raises(psycopg.errors.DiskFull), watch.connection.transaction():
        fill(Postgres(watch.connection), Family(blocks=100, size=4096, at=-1), FillOptions(jobs=2))
    assert watch.value("select count(*) from parent") == 0
    assert watch.value(INDEXES) == 4
    watch.connection.execute("drop table child")
    superuser.execute("checkpoint")
    superuser.execute(f"drop tablespace {space}".encode())
