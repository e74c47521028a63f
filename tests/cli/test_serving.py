"""A private cluster's server: started without a shell, kept apart from us, found dead when it is."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbops import programs
from dbops.devdb import account, cluster, postmaster, serving
from dbops.devdb.cluster import Cluster
from dbops.errors import ProgramFailed
from tests.servers import FAST

pytestmark = pytest.mark.one_major

HOSTILE = "a \"b' $x `touch injected` $(touch injected) %s \\ ;é"


@pytest.fixture
def made() -> Iterator[Cluster]:
    """A cluster that is down, in a folder whose name a shell would execute; its socket folder is a plain one."""
    owner = account.for_new_cluster()
    folder = Path(tempfile.mkdtemp(prefix="dbops-t-", dir="/tmp"))
    sockets = Path(tempfile.mkdtemp(prefix="dbops-t-", dir="/tmp"))
    hostile = folder / HOSTILE
    hostile.mkdir()
    for path in (folder, hostile, sockets):
        path.chmod(0o755)
    bindir = programs.find(os.environ["PATH"], owner).best().bindir
    found = Cluster(
        hostile / "cluster", bindir,
        cluster.free_port(30000 + secrets.randbelow(2000)),  # between the look and the start are seconds
        sockets / "run", "postgres", secrets.token_urlsafe(9), owner,
    )  # fmt: skip
    cluster.create(found, sync=False)
    yield found
    serving.stop(found, "immediate")
    shutil.rmtree(folder)
    shutil.rmtree(sockets)


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def start_elsewhere(made: Cluster) -> subprocess.Popen[str]:
    """Start the server from a process that then only sleeps, never waits for it, and is its parent."""
    fields = {
        name: value if isinstance(value, int) else str(value)
        for name, value in dataclasses.asdict(made).items()
        if name != "account"
    }
    code = (
        "import subprocess, sys, time; from pathlib import Path; from dbops import process;"
        "from dbops.devdb import account, serving, cluster;"
        "subprocess.Popen.wait = lambda self, timeout=None: 0;"
        f"f = {fields!r}; f.update({{n: Path(f[n]) for n in ('home', 'bindir', 'socket_dir')}});"
        "serving.start(cluster.Cluster(**f, account=account.for_new_cluster()), {'fsync': 'off'});"
        "print('up', flush=True); time.sleep(120)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "up\n"
    return child


def end_parent(child: subprocess.Popen[str], sign: signal.Signals) -> None:
    child.send_signal(sign)
    child.wait()


def test_no_shell_reads_the_path(made: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder's name has quotation marks and commands: the server runs, stops, and nothing was executed."""
    monkeypatch.chdir(tmp_path)
    serving.start(made, FAST)
    with psycopg.connect(**made.keywords("postgres")) as connection:  # type: ignore[arg-type]
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert made.log.stat().st_mode & 0o777 == 0o600
    assert made.log.stat().st_uid == made.data.stat().st_uid
    assert serving.stop(made)
    assert not serving.stop(made)
    for folder in (tmp_path, made.home, made.data, Path("/")):
        assert not (folder / "injected").exists()


def test_programs_whose_path_a_shell_would_read_are_not_used(made: Cluster) -> None:
    """initdb itself runs programs through a shell: programs below such a folder are passed over, with the reason."""
    bindir = made.home.parent / "bin"
    bindir.mkdir()
    for name in ("initdb", "postgres"):
        (bindir / name).symlink_to(made.bindir / name)
    said = programs.examine(bindir, None)
    assert isinstance(said, str)
    assert "shell" in said


def test_programs_of_an_old_postgresql_are_not_used(made: Cluster) -> None:
    """A PostgreSQL that dbops does not work with is passed over, with the reason."""
    bindir = made.home.parent.parent / "old"
    bindir.mkdir()
    for name in ("initdb", "postgres"):
        (bindir / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.23'\n")
        (bindir / name).chmod(0o755)
    assert programs.examine(bindir, None) == "PostgreSQL 13.23 is too old: dbops works with 14 and later"


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_the_server_outlives_what_started_it(made: Cluster, sign: signal.Signals) -> None:
    """The process that started it is interrupted or killed: the server runs on, in a session of its own."""
    starter = start_elsewhere(made)
    pid = postmaster.running(made.data)
    assert pid is not None
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    end_parent(starter, sign)
    time.sleep(0.1)
    assert postmaster.running(made.data) == pid
    assert cluster.answers(made.port)


def test_a_killed_server_that_nobody_waited_for_is_dead(made: Cluster) -> None:
    """kill -9 of the server, whose parent never waits: down although its pid is there; it starts at once."""
    starter = start_elsewhere(made)
    try:
        pid = postmaster.running(made.data)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while state(pid) != "Z":
            time.sleep(0.005)
        assert postmaster.running(made.data) is None
        assert (made.socket_dir / f".s.PGSQL.{made.port}.lock").exists()
        serving.start(made, FAST)
        assert state(pid) == "Z"
        assert postmaster.running(made.data) not in (None, pid)
    finally:
        end_parent(starter, signal.SIGKILL)


def test_the_lock_of_a_socket_of_a_server_that_runs_stays(made: Cluster) -> None:
    """Another cluster with the same socket folder looks for stale locks: those of the living one stay."""
    serving.start(made, FAST)
    postmaster.forget_stale_socket(made.socket_dir, made.port)
    assert len(list(made.socket_dir.iterdir())) == 2


def test_a_start_that_fails_is_told_with_the_log(made: Cluster) -> None:
    """An option that the server refuses: its words are the detail, and nothing runs."""
    with pytest.raises(ProgramFailed, match="did not start") as caught:
        serving.start(made, {"no_such_setting": "1"})
    assert "no_such_setting" in str(caught.value.detail)
    assert postmaster.running(made.data) is None
