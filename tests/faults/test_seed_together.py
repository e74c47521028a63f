"""`bin/seed-test-data` beside others: another one, a migration, a session that holds a table; and a full disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT, Project
from tests.faults.conftest import OwnServer, SmallDisk
from tests.faults.seeding import GENERATE, OTHER, SMALL, Holder, state
from tests.firms import DEMO, SETS, Firms, contents, seed, seeding
from tests.servers import Database, Server
from tests.watching import Watch

pytestmark = pytest.mark.one_major
Connect = Callable[..., psycopg.Connection[Any]]

SOON = ("--lock-timeout", "300ms")
COPYING = 'COPY "public"."users"%'


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


def test_while_another_one_writes(held: Holder, firm: Database, firm_watch: Watch, project: Project) -> None:
    """Whatever else is asked for ends soon with exit 11 that names the other one, which goes on as if alone."""
    one = held(COPYING, *OTHER, "--lock-timeout", "60s")  # else its wait for the test ends after 5 s
    for argv in (
        (*SETS, *SOON), (*SETS, "--truncate", "--cascade", *SOON), (*OTHER, *SOON), (*OTHER, "--fast", *SOON),
        (*GENERATE, *SOON),
    ):  # fmt: skip
        outcome = seed(project, firm, *argv)
        assert (outcome.code, "dbops seed-test-data" in outcome.stderr) == (11, True), (argv, outcome)
    one.free()
    code, said = one.ended()
    assert code == 0, said
    assert seed(project, firm, "check").code == 0


@pytest.mark.parametrize("argv", [SETS, DEMO, (*DEMO, "--fast")], ids=["sets", "demo", "fast"])
def test_two_at_once(
    firms: Firms, server: Server, project: Project, connect: Connect, argv: tuple[str, ...]
) -> None:
    """One is done, the other finds it done or gives up; the rows are there once, as if one had run alone."""
    together, alone = firms.make(server), firms.make(server)
    ends = [_ended(process) for process in [seeding(project, together, *argv) for _ in range(2)]]
    codes = sorted(code for code, _ in ends)
    assert codes in (([0, 0],) if argv == SETS else ([0, 11], [0, 13])), ends
    assert not any("deadlock" in said for _, said in ends), ends
    assert seed(project, alone, *argv).code == 0
    assert contents(connect(together)) == contents(connect(alone))


def test_a_set_and_demo_data_at_once(
    firms: Firms, server: Server, project: Project, connect: Connect
) -> None:
    """The demo data stand on the set: whoever comes first, both are there."""
    together = firms.make(server)
    ends = [_ended(process) for process in [seeding(project, together, *argv) for argv in (SETS, DEMO)]]
    assert [code for code, _ in ends] == [0, 0], ends
    assert seed(project, together, "check").code == 0


def test_migrations_wait(held: Holder, firm: Database, firm_watch: Watch, project: Project) -> None:
    """No migration runs while data are written, nor are any written while one runs: exit 11 that names the holder."""
    migrations = ("--migrations-dir", str(ROOT / "migrations"), "--deadline", "300ms")
    environ = {"DATABASE_URL": firm.url}
    one = held(COPYING, *OTHER)
    for verb in (["down", "--yes"], ["redo", "--yes"]):
        migrated = project.run("migrate", *verb, *migrations, environ=environ)
        assert (migrated.code, "dbops seed-test-data" in migrated.stderr) == (11, True), migrated
    one.free()
    assert one.ended()[0] == 0
    shutil.copytree(ROOT / "migrations", project.folder / "migrations", dirs_exist_ok=True)
    project.write("migrations/009_slow.sql", "SELECT pg_sleep(600);")
    project.popen("migrate", "up", environ=environ)
    firm_watch.sleeping()
    before = state(firm_watch)
    for argv in (SETS, OTHER, GENERATE):
        seeded = seed(project, firm, *argv, "--deadline", "300ms")
        assert (seeded.code, "dbops migrate up" in seeded.stderr) == (11, True), (argv, seeded)
    assert state(firm_watch) == before


@pytest.mark.parametrize("argv", [(*SETS, "--truncate", "--cascade"), OTHER, (*GENERATE, "--fast")])
def test_a_table_is_held(
    firm: Database, firm_watch: Watch, project: Project, connect: Connect, argv: tuple[str, ...]
) -> None:
    """Somebody holds a table: exit 11 that names the session, its table and how long, and nothing has changed."""
    before = state(firm_watch)
    other = connect(firm, autocommit=False, application_name="reporting")
    other.execute("lock table positions in access exclusive mode")
    outcome = seed(project, firm, *argv, *SOON)
    assert outcome.code == 11, outcome
    assert "reporting" in outcome.stderr
    assert "positions" in outcome.stderr
    other.rollback()
    assert state(firm_watch) == before


def test_a_view_and_a_table_are_read_after_the_commit(
    firms: Firms, server: Server, project: Project, connect: Connect
) -> None:
    """What can be neither analyzed nor refreshed for a while is told, and the command is done: the data are there."""
    made = firms.make(server)
    other = connect(made, autocommit=False)
    other.execute("select from v_daily_pnl")
    other.execute("lock table orders in share update exclusive mode")
    outcome = seed(project, made, *SMALL, *SOON)
    assert outcome.code == 0, outcome
    assert "v_daily_pnl is not refreshed" in outcome.stderr
    assert '"orders" has no statistics' in outcome.stderr


def test_the_disk_is_full(
    firm: Database, firm_watch: Watch, project: Project, connect: Connect, small_disk: SmallDisk
) -> None:
    """Of the server: exit 1 that says so, of no table in particular, and nothing is left."""
    superuser = connect(firm, user=firm.server.user, password=firm.server.password)
    disk = small_disk(1_000_000)
    place, space = disk / "space", f"space_{firm.name}"
    place.mkdir()
    owner = Path(firm.server.data).stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    superuser.execute(f"create tablespace {space} location '{place}'".encode())
    superuser.execute(f"alter table trades set tablespace {space}".encode())
    before = state(firm_watch)
    try:
        with contextlib.suppress(OSError):
            (disk / "filler").write_bytes(bytes(1_000_000))
        for argv in (OTHER, (*GENERATE, "--rows", "trades=300")):
            outcome = seed(project, firm, *argv)
            assert (outcome.code, "No space left on device" in outcome.stderr) == (1, True), (argv, outcome)
            assert state(firm_watch) == before
    finally:
        (disk / "filler").unlink()
        superuser.execute("alter table trades set tablespace pg_default")
        superuser.execute("checkpoint")
        superuser.execute(f"drop tablespace {space}".encode())


def test_the_server_crashes(own_server: OwnServer, project: Project) -> None:
    """In the middle of a COPY: exit 10; when it is back nothing is there, and the command does it all."""
    database = f"{own_server.url.rpartition('/')[0]}/firm"
    with own_server.connect() as session:
        session.execute("create database firm")
        session.execute("comment on database firm is 'environment=development'")
    environ = {"DATABASE_URL": database}
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("create table people (id int primary key, name text not null, city text unique)")
    project.environ.update(environ)
    running = project.popen("seed-test-data", "generate", "--rows", "3_000_000", "--jobs", "2")
    with psycopg.connect(database, autocommit=True) as session:
        Watch(session).until(
            "select count(*) > 0 from pg_stat_progress_copy where datname = current_database()"
        )
    own_server.stop("immediate")
    code, said = _ended(running)
    assert (code, "the connection was lost" in said, "bug" in said) == (10, True, False), said
    own_server.start()
    with psycopg.connect(database, autocommit=True) as session:
        assert Watch(session).value("select count(*) from people") == 0
        assert project.run("seed-test-data", "generate", "--rows", "50").code == 0
        assert Watch(session).value("select count(*) from people") == 50
