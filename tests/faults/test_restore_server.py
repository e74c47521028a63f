"""Restores while servers stop, disks are full, or others are at work in the same database."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.faults.conftest import OwnServer, SmallDisk
from tests.faults.restoring import BACKUP, SPOILT, Ground
from tests.postgres.restoring import live_database
from tests.servers import Server
from tests.watching import until

pytestmark = pytest.mark.one_major


@pytest.fixture
def own_ground(own_server: OwnServer, any_server: Server, project: Project) -> Iterator[Ground]:
    """The ground on a server that may be stopped."""
    made = own_server.cluster
    server = Server(
        any_server.major, any_server.own, str(made.bindir), str(made.data), str(made.socket_dir), "127.0.0.1",
        made.port, made.user, made.password,
    )  # fmt: skip
    with live_database(server) as live:
        yield Ground(live, project)


def _ended(running: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = running.communicate(timeout=60)
    return running.returncode, said


@contextmanager
def _holding_the_name(ground: Ground) -> Iterator[None]:
    """Meanwhile a swap waits for the lock on the live database."""
    blocker = ground.live.connect("postgres")
    try:
        blocker.execute("BEGIN")
        blocker.execute(f"COMMENT ON DATABASE {ground.live.name} IS 'held'")
        yield
    finally:
        blocker.close()


def test_server_stops_while_loading(own_ground: Ground, own_server: OwnServer) -> None:
    """It crashes: a clear message; after its start live is as it was, and the next run drops what is left."""
    with own_ground.gate():
        running = own_ground.project.popen(*own_ground.confirmed)
        own_ground.at_the_gate()
        own_server.stop("immediate")
        code, said = _ended(running)
        own_server.start()
    assert code in (10, 12), said
    assert "bug" not in said
    assert "Traceback" not in said
    assert own_ground.checked() == "live"
    assert not own_ground.programs()
    own_ground.restores()


def test_server_stops_in_the_swap(own_ground: Ground, own_server: OwnServer) -> None:
    """It crashes while the renames wait: exit 10; after its start live is as it was, and the next run goes through."""
    with _holding_the_name(own_ground):
        running = own_ground.project.popen(*own_ground.confirmed)
        until(own_ground.in_the_swap, "the swap")
        own_server.stop("immediate")
        code, said = _ended(running)
    own_server.start()
    assert code == 10, said
    assert "bug" not in said
    assert own_ground.checked() == "live"
    own_ground.restores()


def test_the_servers_disk_fills(small_disk: SmallDisk, own_ground: Ground) -> None:
    """The live database's tablespace has no room for a second one: the reason is told, the side database is gone."""
    place = small_disk(32_000_000) / "space"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    live = own_ground.live
    owner = Path(live.server.data).stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    live.sql(f"CREATE TABLESPACE small LOCATION '{place}'")
    live.sql(f"GRANT CREATE ON TABLESPACE small TO {live.owner}")
    live.sql(f"ALTER DATABASE {live.name} SET TABLESPACE small")
    filler = place.parent / "filler"
    free = os.statvfs(place)
    filler.write_bytes(
        bytes(free.f_bavail * free.f_frsize - 1_500_000)
    )  # pages that were never written take none
    outcome = own_ground.project.run(*own_ground.confirmed)
    assert outcome.code in (1, 12), outcome
    assert "No space left on device" in outcome.stderr
    own_ground.untouched()
    filler.unlink()
    own_ground.restores()
    for name in own_ground.displaced():
        live.sql(f'DROP DATABASE "{name}"')
    live.sql(f"ALTER DATABASE {live.name} SET TABLESPACE pg_default")
    live.sql("DROP TABLESPACE small")


def test_the_temporary_folder_fills(small_disk: SmallDisk, ground: Ground) -> None:
    """No room for what pg_restore is to read: exit 1, and the place and what helps are named; live untouched."""
    ground.live.sql(
        "CREATE TABLE dull AS SELECT repeat('dull', 200000) AS words", ground.live.name, ground.live.owner
    )
    ground.ran("backup", "dull", "--format", "directory")
    folder = small_disk(200_000)
    argv = ("restore", "dull", "--confirm", ground.live.name)
    outcome = ground.ran(*argv, code=1, TMPDIR=str(folder))
    assert str(folder) in outcome.stderr
    assert "No space left on device" in outcome.stderr
    assert "TMPDIR" in outcome.stderr
    assert list(folder.iterdir()) == []
    ground.untouched()


# -- two at once -------------------------------------------------------------------------------------------------------


def test_two_restores_of_one_database(ground: Ground) -> None:
    """The first works; the second waits no longer than it was told, and names the first; that one goes through."""
    with ground.gate():
        first = ground.project.popen(*ground.confirmed)
        ground.at_the_gate()
        second = ground.ran(*ground.confirmed, "--deadline", "500ms", code=11)
    assert "another restore of" in second.stderr
    assert ground.live.owner in second.stderr
    assert "dbops restore" in second.stderr
    ground.live.sql(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        f" AND usename = '{ground.live.owner}'"
    )
    code, said = _ended(first)
    assert code == 12, said
    ground.untouched()


def test_two_restores_one_after_the_other(ground: Ground) -> None:
    """Both begin at once: the second waits for the first, and both go through."""
    running = [ground.project.popen(*ground.confirmed) for _ in range(2)]
    for one in running:
        code, said = _ended(one)
        assert code == 0, said
    assert ground.checked() == "restored"
    assert len(ground.displaced()) == 2
    assert set(ground.live.databases()) == {ground.live.name, *ground.displaced()}


def test_while_a_migration_runs(ground: Ground) -> None:
    """It is not cut off: the swap waits, gives up at the deadline and names it; the side database is gone."""
    ground.project.write("migrations/001_slow.sql", "SELECT pg_sleep(600);")
    migrator = ground.project.popen("migrate", "up")
    try:
        ground.at_the_gate()
        outcome = ground.ran(*ground.confirmed, "--deadline", "500ms", code=11)
    finally:
        migrator.terminate()
        _ended(migrator)
    assert "a migration or a backup is at work" in outcome.stderr
    assert "dbops migrate up" in outcome.stderr
    ground.quiet()
    assert set(ground.live.databases()) == {ground.live.name}
    ground.restores()


def test_while_a_backup_runs(ground: Ground) -> None:
    """A backup of the live database is not cut off, either."""
    with ground.live.connect(user=ground.live.owner) as blocker:
        blocker.execute("BEGIN; LOCK TABLE gate IN ACCESS EXCLUSIVE MODE")
        backup = ground.project.popen("backup", "b2")
        until(lambda: any("dbops backup" in name for _, name in ground.sessions()), "the backup")
        until(
            lambda: ground.live.sql(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass", ground.live.name
            ),
            "its lock",
        )
        outcome = ground.ran(*ground.confirmed, "--deadline", "500ms", code=11)
        blocker.execute("ROLLBACK")
    assert "a migration or a backup is at work" in outcome.stderr
    code, said = _ended(backup)
    assert code == 0, said
    ground.untouched()


def test_prune_while_restoring(ground: Ground) -> None:
    """What is being restored stays; once it is done, prune takes it."""
    ground.ran("backup", "b2")
    with ground.gate():
        running = ground.project.popen(*ground.confirmed)
        ground.at_the_gate()
        pruned = ground.ran("backup", "prune", "--keep-last", "1", "--yes", "--json").json["decisions"]
        assert [one["name"] for one in pruned if one["in_use"]] == [BACKUP]
        assert ground.folder.exists()
        running.terminate()
        assert _ended(running)[0] == 130
    ground.ran("backup", "prune", "--keep-last", "1", "--yes")
    assert not ground.folder.exists()


# -- a writer ----------------------------------------------------------------------------------------------------------


class Writer(threading.Thread):
    """Inserts all the time, each row committed at once."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self._connection: psycopg.Connection[Any] = ground.live.connect(user=ground.live.owner)
        self.stop = threading.Event()
        self.written = 0

    def run(self) -> None:
        with self._connection as connection:
            while not self.stop.is_set():
                self.written += 1
                connection.execute("INSERT INTO orders (what) VALUES (%s)", [f"late {self.written}"])


@pytest.mark.parametrize("form", ["directory", "custom", "plain"])
def test_a_writer_all_through_the_backup(ground: Ground, form: str) -> None:
    """Rows committed after the snapshot are in neither the archive nor its proof: what is restored equals it."""
    ground.live.sql("SELECT setval('orders_id_seq', 10000)", ground.live.name)
    writer = Writer(ground)
    writer.start()
    try:
        until(lambda: writer.written > 10, "the writer")
        ground.ran("backup", "b2", "--format", form)
        at_the_end = writer.written
        until(lambda: writer.written > at_the_end, "the writer")
    finally:
        writer.stop.set()
        writer.join()
    ground.ran("backup", "verify", "b2", "--restore-on", ground.url)
    outcome = ground.ran("restore", "b2", "--confirm", ground.live.name, "--json").json
    assert outcome["proof"]
    ((rows,),) = ground.live.sql("SELECT count(*) FROM orders", ground.live.name)
    assert SPOILT[1] + 10 < rows < SPOILT[1] + writer.written
    ground.live.sql("INSERT INTO orders (what) VALUES ('after')", ground.live.name, ground.live.owner)
    assert BACKUP in {entry.name for entry in ground.store.entries()}
