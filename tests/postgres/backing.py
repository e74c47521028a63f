"""What the tests of making backups share: a database with rows, and restoring by PostgreSQL's own programs alone."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from dbops.backups.entries import Backup, read_entry
from dbops.backups.proof import Proof, compare
from dbops.backups.unpacking import open_for_reading
from tests.conftest import Project, fresh_database
from tests.postgres.proving import contents_of
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

SHOP = """
create schema sales;
create table items (id serial primary key, name text not null, price numeric(10, 2));
create table sales.orders (id bigint generated always as identity, item int references items, at timestamptz);
create table sales.log (at timestamptz, text text);
create table empty (x int);
insert into items (name, price) select 'item ' || i, i / 7.0 from generate_series(1, 3000) as i;
insert into sales.orders (item, at) select 1 + i % 3000, '2026-01-01'::timestamptz + i * interval '1 minute'
    from generate_series(1, 5000) as i;
insert into sales.log select '2026-01-01', repeat('x', 100) from generate_series(1, 2000);
create materialized view sales.totals as select item, count(*) from sales.orders group by item;
create view cheap as select * from items where price < 10;
select lo_from_bytea(4711, 'a large object');
"""


def fill(database: Database, connect: Connect, script: str = SHOP) -> psycopg.Connection[Any]:
    """Run a script; the connection."""
    connection = connect(database)
    connection.execute(script.encode())
    return connection


def made(project: Project, name: str) -> Backup:
    """The backup of that name, which must be whole."""
    entry = read_entry(project.folder / "backups" / name)
    assert isinstance(entry, Backup), entry
    return entry


def leftovers(project: Project) -> list[str]:
    """What is in the folder of backups, but its lock."""
    folder = project.folder / "backups"
    return sorted(name for name in os.listdir(folder) if name != ".lock") if folder.is_dir() else []


def proof_of(backup: Backup) -> Proof:
    """The proof in its manifest."""
    assert backup.manifest.proof is not None
    return Proof.from_json(backup.manifest.proof)


def tables_of(backup: Backup) -> dict[str, int]:
    """The rows of each table in the proof."""
    return {f"{one.schema}.{one.name}": one.rows for one in proof_of(backup).contents.tables}


def sequences_of(backup: Backup) -> set[str]:
    """The sequences in the proof."""
    return {one.name for one in proof_of(backup).contents.sequences}


@contextmanager
def restored(backup: Backup, database: Database) -> Iterator[Database]:
    """The backup in a fresh database, put there by pg_restore or psql alone."""
    with fresh_database(database.server) as fresh:
        if any(option.startswith("--schema=") for option in backup.manifest.archive.options):
            with psycopg.connect(**database.server.keywords(fresh.name), autocommit=True) as superuser:
                superuser.execute("drop schema public")  # then pg_dump makes it, too
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            archive = _unpacked(backup, Path(folder))
            _load(archive, backup.manifest.archive.format, fresh)
        yield fresh


def assert_restores(backup: Backup, database: Database) -> None:
    """Restored by PostgreSQL's own programs, the content is what the proof says."""
    proof = proof_of(backup)
    with restored(backup, database) as fresh:
        found = Proof(proof.level, contents_of(fresh, level=proof.level))
        assert [one.sentence() for one in compare(proof, found)] == []
        if proof.contents.large_objects is not None:
            assert found.contents.large_objects == proof.contents.large_objects


def _unpacked(backup: Backup, folder: Path) -> Path:
    for member in backup.manifest.archive.members:
        target = folder / Path(member.path).name.removesuffix(".zst").removesuffix(".gz")
        with open_for_reading(backup.path / member.path) as source, open(target, "wb") as sink:
            while portion := source.read(1 << 20):
                sink.write(portion)
    if backup.manifest.archive.format == "directory":
        return folder
    return folder / os.listdir(folder)[0]


def _load(archive: Path, form: str, fresh: Database) -> None:
    keywords = fresh.server.keywords(fresh.name)
    where = ["-h", keywords["host"], "-p", keywords["port"], "-U", keywords["user"], "-d", fresh.name]
    bindir = Path(fresh.server.bindir)
    argv: list[str | Path] = (
        [bindir / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", archive]
        if form == "plain"
        else [bindir / "pg_restore", "--exit-on-error", "--no-owner", archive]
    )
    environ = {"PGPASSWORD": keywords["password"], "PATH": os.environ["PATH"], "LC_ALL": "C"}
    ended = subprocess.run([*argv, *where], env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
