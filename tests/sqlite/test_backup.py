"""bin/backup of a SQLite database: what only this engine has."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from dbops.backups import manifest as manifests
from dbops.backups.compression import Compression
from dbops.backups.entries import read_manifest
from dbops.backups.manifest import Member, SqliteManifest
from dbops.backups.packing import Writer
from dbops.backups.unpacking import open_for_reading
from tests.conftest import Project
from tests.sqlite.backing import Site, make


@pytest.fixture
def site(project: Project, tmp_path: Path) -> Site:
    return make(project, tmp_path)


def test_the_manifest(site: Site) -> None:
    """Engine, version, pages, the application's numbers; nothing that only a server has."""
    site.query("pragma user_version = 7")
    site.query("pragma application_id = 1234")
    site.ran("backup", "one")
    manifest = json.loads((site.project.folder / "backups" / "one" / "manifest.json").read_text())
    assert (manifest["format"], manifest["engine"]) == (2, "sqlite")
    database = manifest["inventory"]["database"]
    assert (database["name"], database["journal_mode"], database["encoding"]) == ("app.db", "wal", "UTF-8")
    assert (database["user_version"], database["application_id"]) == (7, 1234)
    assert database["bytes"] == manifest["archive"]["raw_bytes"]
    assert manifest["archive"]["members"][0]["path"] == "archive.db.zst"
    assert {"client_version", "min_restore_major"}.isdisjoint(manifest)
    assert manifest["server"] == str(site.path.parent)
    shown = site.ran("backup", "show", "one").stdout
    assert "user_version 7, application_id 1234" in shown
    assert "PostgreSQL" not in shown


def test_the_archive_is_a_database(site: Site, tmp_path: Path) -> None:
    """Unpacked, it is one that SQLite opens, with what was only in the WAL."""
    with site.connected() as writer:
        writer.execute("pragma wal_autocheckpoint = 0")
        writer.execute("update state set what = 'in the wal'")
        site.ran("backup", "one")
    copy = tmp_path / "copy.db"
    with open_for_reading(site.project.folder / "backups" / "one" / "archive.db.zst") as stream:
        copy.write_bytes(stream.read())
    assert site.query("select what from state", copy) == [("in the wal",)]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_while_the_application_writes(project: Project, tmp_path: Path, mode: str) -> None:
    """A copy of one moment: two counters that always change together are equal in it, and the proof agrees."""
    site = make(project, tmp_path, mode)
    with site.program(mode=mode, does="writes"):
        before = site.query("select a from counter")[0][0]
        until = time.monotonic() + 30
        while site.query("select a from counter")[0][0] == before:
            assert time.monotonic() < until
        for name in ("one", "two"):
            site.ran("backup", name)
        assert site.query("select a from counter")[0][0] > before
    site.ran("backup", "verify", "one")
    site.ran("restore", "two", "--to", tmp_path / "copy.db")
    ((first, second),) = site.query("select a, b from counter", tmp_path / "copy.db")
    assert first == second > 0
    assert site.query("select count(*) from log", tmp_path / "copy.db") == [(first,)]


def test_a_damaged_database(site: Site) -> None:
    """It is said, exit 1, and nothing is published: a copy of it would be no backup."""
    site.query("pragma journal_mode = delete")
    content = bytearray(site.path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    site.path.write_bytes(bytes(content))
    outcome = site.run("backup", "one")
    assert outcome.code == 1, outcome
    assert "damaged" in outcome.stderr
    assert os.listdir(site.project.folder / "backups") == [".lock"]


def test_a_truncated_database(site: Site) -> None:
    """Too damaged to be opened: as well exit 1."""
    site.query("pragma journal_mode = delete")
    os.truncate(site.path, 5000)
    outcome = site.run("backup", "one")
    assert outcome.code == 1, outcome
    assert "damaged" in outcome.stderr


def test_what_is_no_database(site: Site) -> None:
    """A text file, and one that is not there: no connection."""
    site.path.write_text("hello" * 1000)
    assert site.run("backup", "one").code == 10
    site.path.unlink()
    assert site.run("backup", "one").code == 10
    assert not (site.project.folder / "backups" / "one").exists()


def test_foreign_keys_that_lead_nowhere(site: Site) -> None:
    """The backup is made, with a warning that its manifest keeps."""
    site.script(
        "create table p (id integer primary key); create table c (p references p); insert into c values (9);"
    )
    outcome = site.ran("backup", "one")
    assert "1 row of c refers to rows of p that are not there" in outcome.stderr
    assert "1 row of c refers" in site.ran("backup", "show", "one").stdout
    site.ran("backup", "verify", "one")


def test_every_kind_of_table_comes_back(site: Site, tmp_path: Path) -> None:
    """Virtual tables, WITHOUT ROWID, generated columns, triggers, views, text that is no UTF-8: proven and there."""
    site.script(
        """
        create virtual table f using fts5(body);
        insert into f values ('a quick fox');
        create table w (k text primary key, v) without rowid;
        insert into w values ('1', 1), ('2', '1'), ('3', x'31'), ('4', 1.0), ('5', null), ('6', cast(x'ff' as text));
        create table g (a integer, b as (a + 1), c as (a + 2) stored);
        insert into g (a) values (1);
        create table s (id integer primary key autoincrement, t text);
        insert into s (t) values ('x');
        create view v as select * from g;
        create trigger t after insert on g begin update state set what = 'triggered'; end;
        """
    )
    site.ran("backup", "one")
    assert site.ran("backup", "verify", "one", "--json").json["how"] == "restored"
    copy = tmp_path / "copy.db"
    site.ran("restore", "one", "--to", copy)
    assert site.query("select rowid from f where f match 'fox'", copy) == [(1,)]
    assert site.query("select c from v", copy) == [(3,)]
    assert site.query("select typeof(v) from w order by k", copy) == [
        ("integer",), ("text",), ("blob",), ("real",), ("null",), ("text",),
    ]  # fmt: skip


def test_a_proof_that_differs(site: Site) -> None:
    """The bytes are as they were written, and the proof says something else: verify and restore say no."""
    site.ran("backup", "one")
    _edit_proof(site)
    assert site.run("backup", "verify", "one", "--checksums-only").code == 0
    outcome = site.run("backup", "verify", "one")
    assert outcome.code == 3, outcome
    assert "table main.state: other content" in outcome.stderr
    site.become("second")
    outcome = site.run("restore", "one", "--confirm", "app")
    assert outcome.code == 3, outcome
    assert "app.db is untouched" in outcome.stderr
    assert site.what() == "second"
    assert site.beside() <= {"app.db-wal", "app.db-shm"}


def test_an_older_sqlite_is_no_judge(site: Site) -> None:
    """What a newer SQLite has made, and this one does not understand, is not written down as damaged."""
    site.ran("backup", "one")
    _edit_proof(site, sqlite_version="99.0.0")
    content = b"SQLite format 3\0" + b"\xff" * 5000
    folder = site.project.folder / "backups" / "one"
    with Writer(folder / "new", Compression.ZSTD) as sink:
        sink.write(content)
        written = sink.finish()
    (folder / "new").rename(folder / "archive.db.zst")
    made = read_manifest(folder)
    member = Member("archive.db.zst", written.size, written.sha256)
    made = dataclasses.replace(made, archive=dataclasses.replace(made.archive, members=(member,)))
    (folder / "manifest.json").write_text("".join(manifests.to_json(made)))
    outcome = site.run("backup", "verify", "one")
    assert outcome.code == 1, outcome
    assert "SQLite 99.0.0" in outcome.stderr
    assert site.ran("backup", "list", "--json").json["backups"][0]["proven"] == "at backup"


def _edit_proof(site: Site, sqlite_version: str = "3.0.0") -> None:
    folder = site.project.folder / "backups" / "one"
    made = read_manifest(folder)
    assert isinstance(made, SqliteManifest)
    proof = made.proof
    assert proof is not None
    next(one for one in proof["contents"]["tables"] if one["name"] == "state")["fingerprint"] = "1"
    made = dataclasses.replace(
        made, inventory=dataclasses.replace(made.inventory, sqlite_version=sqlite_version)
    )
    (folder / "manifest.json").write_text("".join(manifests.to_json(made)))


@pytest.mark.parametrize(
    "option",
    [["--format", "plain"], ["--format", "directory"], ["--jobs", "2"], ["--table", "x"], ["--schema-only"],
     ["--no-large-objects"], ["--exclude-schema", "y"]],
)  # fmt: skip
def test_what_it_cannot_do(site: Site, option: list[str]) -> None:
    """What only pg_dump can is refused with the reason, before anything is made."""
    outcome = site.run("backup", "one", *option)
    assert outcome.code == 2, outcome
    assert "PostgreSQL" in outcome.stderr or "pg_dump" in outcome.stderr
    assert not (site.project.folder / "backups").exists()


def test_two_at_once(site: Site) -> None:
    """Both are made; of two of one name the second is refused, and the first one stays."""
    running = [site.project.popen("backup", name) for name in ("one", "two")]
    for one in running:
        one.communicate(timeout=60)
        assert one.returncode == 0
    running = [site.project.popen("backup", "three") for _ in range(2)]
    for one in running:
        one.communicate(timeout=60)
    assert sorted(one.returncode for one in running) == [0, 13]
    assert {row["name"] for row in site.ran("backup", "list", "--json").json["backups"]} == {
        "one",
        "two",
        "three",
    }


def test_no_database_leaves_nothing(site: Site) -> None:
    """A wrong path is told before anything is made, a lock beside it included."""
    outcome = site.run("backup", "one", "--database-url", f"sqlite:///{site.path.with_name('wrong.db')}")
    assert outcome.code == 10, outcome
    assert not list(site.path.parent.glob("wrong*"))
    assert not (site.project.folder / "backups").exists()


def test_both_engines_in_one_folder(site: Site) -> None:
    """Backups of two databases: listed together, judged apart, `latest` is the configured one's."""
    site.ran("backup", "ours")
    other = site.path.with_name("other.db")
    site.query("create table t (a)", other)
    url = f"sqlite:///{other}"
    site.ran("backup", "theirs", "--database-url", url)
    assert site.ran("backup", "show", "latest", "--json").json["name"] == "ours"
    assert site.ran("backup", "show", "latest", "--json", "--database-url", url).json["name"] == "theirs"
    decisions = site.ran("backup", "prune", "--keep-last", "1", "--json").json["decisions"]
    assert all(one["keep"] for one in decisions)


def test_a_fresh_backup_before_migrations(site: Site) -> None:
    """`migrate up --require-fresh-backup` makes one, and takes it for fresh the next time."""
    site.project.write("migrations/001_a.up.sql", "create table a (id integer);")
    site.project.write("migrations/001_a.down.sql", "drop table a;")
    site.ran("migrate", "up", "--require-fresh-backup", "1h", "--confirm", "app")
    assert len(site.ran("backup", "list", "--json").json["backups"]) == 1
