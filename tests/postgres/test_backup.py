"""Making a backup, seen by whoever runs `backup`."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.postgres.backing import Connect, assert_restores, fill, leftovers, made, proof_of
from tests.servers import Database


@pytest.fixture
def shop(configured: Project, database: Database, connect: Connect) -> Project:
    """A project whose database has rows of all sorts."""
    fill(database, connect)
    return configured


@pytest.mark.one_major
def test_what_is_made(shop: Project) -> None:
    """An entry of the given name, for its owner alone, with a manifest; nothing else is left in the folder."""
    outcome = shop.run("backup", "before_release")
    assert outcome.code == 0, outcome
    assert leftovers(shop) == ["before_release"]
    folder = shop.folder / "backups"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in (folder / "before_release").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    backup = made(shop, "before_release")
    assert backup.manifest.archive.format == "directory"
    assert {path.name for path in backup.path.iterdir()} == {"archive", "manifest.json"}
    line = outcome.stdout.strip()
    assert line.startswith("before_release: ")
    assert "(ratio " in line
    assert line.endswith("proof: 4 tables, 10000 rows, 1 large object, fingerprints")


@pytest.mark.parametrize(
    "options",
    [
        ("--format", "directory"),
        ("--format", "directory", "--jobs", "1"),
        ("--format", "custom"),
        ("--format", "plain"),
        ("--format", "plain", "--compress", "zstd:3"),
        ("--format", "custom", "--compress", "none"),
        ("--format", "custom", "--compress", "gzip:9"),
        ("--proof", "counts"),
    ],
)
def test_every_form_restores_without_dbops(
    shop: Project, database: Database, options: tuple[str, ...]
) -> None:
    """Unpacked, pg_restore or psql reads it into a fresh database, where the proof is met."""
    outcome = shop.run("backup", "b", *options)
    assert outcome.code == 0, outcome
    backup = made(shop, "b")
    assert proof_of(backup).contents.rows == 10000
    assert_restores(backup, database)


@pytest.mark.one_major
@pytest.mark.parametrize(
    ("options", "member"),
    [
        (("--format", "plain"), "archive.sql.gz"),
        (("--format", "plain", "--compress", "zstd"), "archive.sql.zst"),
        (("--format", "plain", "--compress", "none"), "archive.sql"),
        (("--format", "custom"), "archive.dump.zst"),
        (("--format", "custom", "--compress", "gzip"), "archive.dump.gz"),
    ],
)
def test_one_file(shop: Project, options: tuple[str, ...], member: str) -> None:
    """Its name says what it is, so that gunzip and unzstd take it."""
    assert shop.run("backup", "b", *options).code == 0
    assert [one.path for one in made(shop, "b").manifest.archive.members] == [member]


@pytest.mark.one_major
def test_gunzip_reads_a_plain_backup(shop: Project) -> None:
    """The original form: `gunzip -c` gives the SQL."""
    assert shop.run("backup", "b", "--format", "plain").code == 0
    path = shop.folder / "backups" / "b" / "archive.sql.gz"
    said = subprocess.run(["gunzip", "-c", path], capture_output=True, check=True).stdout
    assert said.startswith(b"--\n-- PostgreSQL database dump")
    assert b"PostgreSQL database dump complete" in said[-200:]


@pytest.mark.one_major
def test_no_proof_and_no_rows(shop: Project) -> None:
    """Without a proof, or without rows, the manifest says so, and so does the last line."""
    for name, option in (("a", ("--proof", "none")), ("b", ("--schema-only",))):
        outcome = shop.run("backup", name, *option)
        assert outcome.code == 0, outcome
        assert "no proof" in outcome.stdout
        assert made(shop, name).manifest.proof is None


@pytest.mark.one_major
def test_the_default_name(shop: Project) -> None:
    """Its name is the time in UTC."""
    outcome = shop.run("backup", "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["name"].startswith("backup_20")
    assert leftovers(shop) == [outcome.json["name"]]


@pytest.mark.one_major
@pytest.mark.parametrize(
    "name", ["a/b", "..", ".", ".hidden", "", "prune", "latest", "LIST", "a\nb", "x" * 201, "a\\b", " a"]
)
def test_names_that_cannot_be(shop: Project, name: str) -> None:
    """A name that is a path, a verb or unreadable is refused as wrong usage before anything is made."""
    outcome = shop.run("backup", "create", name)
    assert outcome.code == 2, outcome
    assert leftovers(shop) == []


@pytest.mark.one_major
@pytest.mark.parametrize("words", [("-name",), ("--", "-name"), ("create", "--", "-name")])
def test_a_name_that_looks_like_an_option(shop: Project, words: tuple[str, ...]) -> None:
    """A leading dash is refused, whatever stands before it."""
    outcome = shop.run("backup", *words)
    assert outcome.code == 2, outcome
    assert leftovers(shop) == []


@pytest.mark.one_major
def test_a_name_that_is_taken(shop: Project) -> None:
    """A backup is never replaced: exit 13, and the one that is there stays as it is."""
    assert shop.run("backup", "b").code == 0
    before = made(shop, "b").manifest
    outcome = shop.run("backup", "b")
    assert outcome.code == 13, outcome
    assert "exists already" in outcome.stderr
    assert made(shop, "b").manifest == before
    assert leftovers(shop) == ["b"]
    dry = shop.run("backup", "b", "--dry-run")
    assert (dry.code, dry.stderr.splitlines()[-2:]) == (13, outcome.stderr.splitlines()[-2:])


@pytest.mark.one_major
def test_a_folder_that_takes_no_files(shop: Project) -> None:
    """/proc: exit 5, no bug."""
    outcome = shop.run("backup", "b", "--backups-dir", "/proc")
    assert (outcome.code, "--backups-dir" in outcome.stderr) == (5, True), outcome


@pytest.mark.one_major
def test_dry_run(shop: Project) -> None:
    """What would be made, with which program and whether it fits; nothing is there afterwards, not even the folder."""
    outcome = shop.run("backup", "b", "--dry-run", "--format", "custom")
    assert outcome.code == 0, outcome
    assert "would make backups/b" in outcome.stdout
    assert "custom, zstd" in outcome.stdout
    assert "free" in outcome.stdout
    assert not (shop.folder / "backups").exists()
    data = shop.run("backup", "b", "--dry-run", "--json").json
    assert data["dry_run"] is True
    assert data["free_bytes"] > data["expected_bytes"] > 0


@pytest.mark.one_major
def test_json(shop: Project, database: Database) -> None:
    """The last line of --json: what was made, in numbers, and no password anywhere."""
    outcome = shop.run("backup", "b", "--json")
    data = outcome.json
    assert (data["type"], data["format"], data["command"]) == ("result", 1, "backup")
    assert data["name"] == "b"
    assert data["database"] == database.name
    assert data["archive_format"] == "directory"
    assert data["compression"] == "zstd"
    assert data["proof"] == {"level": "full", "tables": 4, "rows": 10000}
    assert data["bytes"] == made(shop, "b").manifest.archive.bytes
    assert data["raw_bytes"] > data["bytes"] > 0
    assert Path(data["path"]).name == "b"
    assert database.password not in outcome.stdout + outcome.stderr


@pytest.mark.one_major
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--compress", "lz4"), "not a method"),
        (("--compress", "zstd:0"), "not a method"),
        (("--compress", "zstd:20"), "not a method"),
        (("--compress", "gzip:10"), "not a method"),
        (("--compress", "none:1"), "not a method"),
        (("--compress", "zstd:"), "not a method"),
        (("--compress", "zstd:1:2"), "not a method"),
        (("--compress", "gzip"), "a directory archive"),
        (("--jobs", "0"), "counts from 1"),
        (("--jobs", "many"), "invalid int"),
        (("--jobs", "9999"), "as many sessions"),
        (("--jobs", "9999", "--dry-run"), "as many sessions"),
        (("--schema-only", "--proof", "full"), "--proof full is about rows"),
        (("--jobs", "2", "--format", "custom"), "--jobs is for the format directory"),
        (("--format", "tar"), "invalid choice"),
        (("--proof", "some"), "invalid choice"),
        (("list", "--jobs", "2"), "unrecognized arguments"),
        (("--jobs", "2", "list"), "not for list"),
        (("b", "c"), "unrecognized arguments: c"),
    ],
)
def test_wrong_options(shop: Project, words: tuple[str, ...], says: str) -> None:
    """What makes no sense is exit 2, with the reason, and nothing is made."""
    outcome = shop.run("backup", *words)
    assert outcome.code == 2, outcome
    assert says in outcome.stderr
    assert leftovers(shop) == []


def test_an_empty_database(configured: Project, database: Database) -> None:
    """No tables, no rows: a backup all the same, in every format."""
    for form in ("directory", "custom", "plain"):
        outcome = configured.run("backup", form, "--format", form)
        assert outcome.code == 0, outcome
        assert "0 tables, 0 rows" in outcome.stdout
        assert_restores(made(configured, form), database)


def test_many_large_objects(configured: Project, database: Database, connect: Connect) -> None:
    """2,000 large objects would be 2,000 files: one custom archive is chosen, and says why with -v."""
    fill(database, connect, "select lo_from_bytea(0, i::text::bytea) from generate_series(1, 2000) as i")
    outcome = configured.run("backup", "b", "-v")
    assert outcome.code == 0, outcome
    assert "2000 large objects" in outcome.stderr
    backup = made(configured, "b")
    assert backup.manifest.archive.format == "custom"
    large_objects = proof_of(backup).contents.large_objects
    assert large_objects is not None
    assert large_objects.count == 2000
    assert_restores(backup, database)


def test_many_small_tables_and_a_large_one_with_one_job(
    configured: Project, database: Database, connect: Connect
) -> None:
    """Files that come faster than the clock ticks, then one that takes long: none of them is cut short."""
    small = "".join(f"create table s{i} as select {i} as x;" for i in range(60))
    large = "create table a_large as select i, md5(i::text) from generate_series(1, 300000) as i;"
    fill(database, connect, small + large)
    outcome = configured.run("backup", "b", "--jobs", "1")
    assert outcome.code == 0, outcome
    assert_restores(made(configured, "b"), database)
