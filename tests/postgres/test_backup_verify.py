"""`bin/backup verify`: read whole, restored into a scratch database where that is safe, and written down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbops.backups.entries import read_manifest
from dbops.backups.manifest import to_json
from tests.conftest import Project
from tests.postgres.migrating import mark_as_development
from tests.postgres.restoring import DEADLOCK
from tests.postgres.scratching import allow_databases
from tests.servers import Database, Server, admin


@pytest.fixture
def backed_up(
    configured: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> Project:
    """A backup `b` of a table with a thousand rows, whose owner may make databases."""
    allow_databases(database)
    connect(database).execute(
        "CREATE TABLE t AS SELECT n, 'row ' || n AS text FROM generate_series(1, 1000) AS n"
    )
    outcome = configured.run("backup", "b")
    assert outcome.code == 0, outcome
    return configured


def scratch_databases(server: Server) -> list[str]:
    """Scratch databases on a server, of whichever run."""
    rows = admin(server).execute("SELECT datname FROM pg_database WHERE datname LIKE 'dbops\\_scratch\\_%'")
    return [name for (name,) in rows]


def proven(project: Project) -> dict[str, Any]:
    """What `list` says of the backup."""
    (row,) = project.run("backup", "list", "--json").json["backups"]
    return dict(row)


def test_an_unmarked_server_is_left_alone(backed_up: Project) -> None:
    """The configured database is nobody's development database: read whole, restored nowhere."""
    outcome = backed_up.run("backup", "verify", "b", "--json")
    assert outcome.code == 0, outcome
    assert (outcome.json["how"], outcome.json["server"]) == ("checksums", None)
    assert any("--restore-on" in line.get("sentence", "") for line in outcome.events)


def test_a_development_server_is_used(backed_up: Project, database: Database) -> None:
    """Marked: restored into a scratch database there, compared, dropped; `list` tells when."""
    mark_as_development(database)
    outcome = backed_up.run("backup", "verify", "b", "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["how"] == "restored"
    assert outcome.json["server_version"].startswith(str(database.server.major))
    assert not scratch_databases(database.server)
    assert "restored" in str(proven(backed_up)["proven"])


@pytest.mark.one_major
def test_jobs_that_wait_for_each_other(
    backed_up: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """pg_restore's jobs make a deadlock of their own: tried again with one, and the backup is as good as it is."""
    connect(database).execute(DEADLOCK)
    assert backed_up.run("backup", "c").code == 0
    outcome = backed_up.run("backup", "verify", "c", "--restore-on", database.url)
    assert outcome.code == 0, outcome
    assert not scratch_databases(database.server)


@pytest.mark.one_major
def test_a_server_that_is_named_is_used(backed_up: Project, database: Database) -> None:
    """`--restore-on URL`, whatever that server is; `latest` is the newest of this database."""
    outcome = backed_up.run("backup", "verify", "latest", "--restore-on", database.url, "--json")
    assert outcome.code == 0, outcome
    assert (outcome.json["name"], outcome.json["how"]) == ("b", "restored")
    keywords = database.keywords
    where = f"{database.user}@{keywords['host']}:{keywords['port']}"
    assert outcome.json["server"] == where
    told = [line.get("sentence", "") for line in outcome.events]
    assert told.index(f"restores it into a scratch database on {where}") == 0


@pytest.mark.one_major
def test_a_server_that_is_named_wrongly(backed_up: Project, database: Database) -> None:
    """An empty URL is wrong usage, a wrong password is one of --restore-on."""
    outcome = backed_up.run("backup", "verify", "b", "--restore-on", "")
    assert (outcome.code, "--restore-on" in outcome.stderr) == (2, True), outcome
    url = database.url.replace(database.password, "wrong")
    outcome = backed_up.run("backup", "verify", "b", "--restore-on", url)
    assert (outcome.code, "--restore-on" in outcome.stderr) == (10, True), outcome
    assert "DB_PASSWORD" not in outcome.stderr
    assert "dbops_scratch" not in outcome.stderr


@pytest.mark.one_major
def test_a_result_that_cannot_be_written_down(backed_up: Project) -> None:
    """The answer is the same, with a warning; a folder that is in the way stands for one that is read-only."""
    (backed_up.folder / "backups" / "b" / "verified.json").mkdir()
    outcome = backed_up.run("backup", "verify", "b")
    assert outcome.code == 0, outcome
    assert "could not be written down" in outcome.stderr


@pytest.mark.one_major
def test_no_restore_when_only_checksums_are_wanted(backed_up: Project, database: Database) -> None:
    """Also where a development server is at hand; a dry run says what would be done and writes nothing down."""
    mark_as_development(database)
    dry = backed_up.run("backup", "verify", "b", "--dry-run")
    assert (dry.code, "scratch database" in dry.stdout) == (0, True), dry
    assert not (backed_up.folder / "backups" / "b" / "verified.json").exists()
    outcome = backed_up.run("backup", "verify", "b", "--checksums-only", "--json")
    assert (outcome.code, outcome.json["how"]) == (0, "checksums"), outcome


@pytest.mark.one_major
def test_a_damaged_file_is_named_and_written_down(backed_up: Project) -> None:
    """One byte: exit 3, the file is named, and the backup does not count as proven any more."""
    (member,) = (backed_up.folder / "backups" / "b" / "archive").glob("*.dat.zst")
    content = bytearray(member.read_bytes())
    content[len(content) // 2] ^= 1
    member.write_bytes(content)
    outcome = backed_up.run("backup", "verify", "b")
    assert outcome.code == 3, outcome
    assert member.name in outcome.stderr
    assert "FAILED" in str(proven(backed_up)["proven"])


@pytest.mark.one_major
def test_a_proof_that_is_none(backed_up: Project, database: Database) -> None:
    """Sealed and malformed: exit 3, as any other damage, with and without a server to restore on."""
    folder = backed_up.folder / "backups" / "b"
    proof = {"level": "full", "algorithm": 1, "contents": 7}
    changed = dataclasses.replace(read_manifest(folder), proof=proof)
    (folder / "manifest.json").write_text("".join(to_json(changed)))
    for words in (["--checksums-only"], ["--restore-on", database.url]):
        outcome = backed_up.run("backup", "verify", "b", *words)
        assert outcome.code == 3, outcome
        assert "the proof is malformed" in outcome.stderr


@pytest.mark.one_major
def test_what_a_killed_verify_left_is_dropped(backed_up: Project, database: Database) -> None:
    """A scratch database that no verify holds goes with the next one."""
    mark_as_development(database)
    with psycopg.connect(**database.keywords, autocommit=True) as connection:
        connection.execute("CREATE DATABASE dbops_scratch_0123456789ab")
    outcome = backed_up.run("backup", "verify", "b")
    assert outcome.code == 0, outcome
    assert "dropped dbops_scratch_0123456789ab" in outcome.stderr
    assert not scratch_databases(database.server)


@pytest.mark.one_major
def test_a_role_that_may_not_make_databases(backed_up: Project, database: Database) -> None:
    """It cannot be tried: exit 1 with the reason, and nothing is held against the backup."""
    mark_as_development(database)
    admin(database.server).execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(sql.Identifier(database.user)))
    outcome = backed_up.run("backup", "verify", "b")
    assert outcome.code == 1, outcome
    assert "permission denied to create database" in outcome.stderr
    assert "FAILED" not in str(proven(backed_up)["proven"])


@pytest.mark.one_major
def test_names_that_are_none(backed_up: Project) -> None:
    """Exit 2 with the nearest name."""
    outcome = backed_up.run("backup", "verify", "c")
    assert outcome.code == 2, outcome
    assert "bin/backup list" in outcome.stderr
