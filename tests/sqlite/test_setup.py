"""`bin/setup-dev-db` for a SQLite file."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from pathlib import Path

import pytest

from tests.conftest import Outcome, Project
from tests.postgres.migrating import single


@pytest.fixture
def folder(project: Project) -> Path:
    """The project's, with two migrations and the set `dev`, configured for dev.db in it."""
    project.environ["DATABASE_URL"] = "sqlite:///dev.db"
    project.write(
        "migrations/001_users.sql", single("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);")
    )
    project.write("migrations/002_notes.sql", single("CREATE TABLE notes (id INTEGER PRIMARY KEY);"))
    project.write("seeds/dev/users.csv", "id,name\n1,Ann\n2,Bob\n")
    return project.folder


def _run(project: Project, *argv: str, code: int = 0) -> Outcome:
    outcome = project.run("setup-dev-db", *argv)
    assert outcome.code == code, outcome
    return outcome


def _names(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM users ORDER BY id")]


def _left(folder: Path) -> set[str]:
    """What lies in the folder, without what any project has and what SQLite and its lock keep beside an open file."""
    usual = {
        "migrations",
        "seeds",
        ".env",
        ".dbops",
        "dev.db",
        "dev_test.db",
        "dev.db.dbops-marks",
        "dev_test.db.dbops-marks",
    }
    return {
        path.name for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm", "-lock"))
    } - usual


def test_from_nothing(project: Project, folder: Path) -> None:
    """The file, its twin, the migrations in both, the marks, `.env` and the data; again there is nothing to do."""
    outcome = _run(project, "--seed")
    assert outcome.stdout.startswith("The development database is ready")
    assert "server     none is needed: the database is a file of SQLite" in outcome.stdout
    assert "dev.db: made, 2 migrations applied, at 002" in outcome.stdout
    assert _names(folder / "dev.db") == ["Ann", "Bob"]
    assert _names(folder / "dev_test.db") == []
    environment = (folder / ".env").read_text()
    assert "DATABASE_URL='sqlite:///dev.db'\nTEST_DATABASE_URL='sqlite:///dev_test.db'\n" in environment
    assert _left(folder) == set()
    result = _run(project, "--seed", "--json").json
    assert result["changed"] is False
    assert result["server"]["kind"] == "file"
    assert [(one["name"], one["made"], one["marked"], one["version"]) for one in result["databases"]] == [
        ("dev.db", False, True, "002"),
        ("dev_test.db", False, True, "002"),
    ]
    del project.environ["DATABASE_URL"]
    assert project.run("migrate", "current").stdout.startswith("002")
    assert project.run("migrate", "--env", "test", "current").stdout.startswith("002")


def test_a_dry_run_makes_nothing(project: Project, folder: Path) -> None:
    """It says what would be done."""
    said = _run(project, "--dry-run", "--seed").stdout
    assert "make database dev.db, marked as development" in said
    assert "load the fixture set dev into dev" in said
    assert {path.name for path in folder.iterdir()} == {"migrations", "seeds"}


def test_reset(project: Project, folder: Path) -> None:
    """What is marked is made anew without a question; of what is not, the name is asked for, and no file is touched."""
    _run(project, "--seed")
    with contextlib.closing(sqlite3.connect(folder / "dev.db")) as connection, connection:
        connection.execute("INSERT INTO users VALUES (3, 'Cyd')")
    assert "dev.db: made again, 2 migrations applied" in _run(project, "--reset").stdout
    assert _names(folder / "dev.db") == []
    with contextlib.closing(sqlite3.connect(folder / "dev.db")) as connection, connection:
        connection.execute("INSERT INTO users VALUES (3, 'Cyd')")
    (folder / "dev.db.dbops-marks").unlink()
    refused = _run(project, "--reset", code=13)
    assert "--confirm dev" in refused.stderr
    assert _names(folder / "dev.db") == ["Cyd"]
    assert "was there before, so not marked" in _run(project).stdout
    _run(project, "--reset", "--confirm", "dev")
    assert _names(folder / "dev.db") == []
    assert _left(folder) == set()


@pytest.mark.parametrize("journal", ["wal", "delete"])
@pytest.mark.parametrize("argv", [("--reset",), ("destroy",)])
def test_while_an_application_has_it_open(
    project: Project, folder: Path, argv: tuple[str, ...], journal: str
) -> None:
    """Its file is not taken from under it, idle as it is: exit 11, it is named, and everything is as it was."""
    _run(project, "--seed")
    with contextlib.closing(sqlite3.connect(folder / "dev.db")) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (2,)
        refused = _run(project, *argv, code=11)
        assert f"pid {os.getpid()}" in refused.stderr
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (2,)
    assert _left(folder) == set()


def test_a_migration_that_fails(project: Project, folder: Path) -> None:
    """Nothing is made, and `--reset` leaves what was there; mended and run again, all is there."""
    project.write("migrations/003_wrong.sql", single("CREATE TABLE users (id INTEGER);"))
    outcome = _run(project, code=1)
    assert "003_wrong.sql" in outcome.stderr
    assert "run bin/setup-dev-db again" in outcome.stderr
    assert {path.name for path in folder.iterdir()} == {"migrations", "seeds"}
    (folder / "migrations/003_wrong.sql").unlink()
    _run(project, "--seed")
    project.write("migrations/003_wrong.sql", single("CREATE TABLE users (id INTEGER);"))
    _run(project, "--reset", code=1)
    assert _names(folder / "dev.db") == ["Ann", "Bob"]
    assert _left(folder) == set()


def test_status_and_destroy(project: Project, folder: Path) -> None:
    """status tells what is there; destroy removes it, and asks for what is not marked; start and stop have no sense."""
    assert _run(project, "status", "--json").json["databases"] == {
        "dev.db": "missing",
        "dev_test.db": "missing",
    }
    _run(project)
    said = _run(project, "status").stdout
    assert "dev.db: development" in said
    assert str(folder / "dev.db") in said
    (folder / "dev_test.db.dbops-marks").unlink()
    assert "'dev_test' is not marked" in _run(project, "destroy", code=13).stderr
    _run(project, "destroy", "--confirm", "dev_test")
    assert {path.name for path in folder.iterdir()} == {"migrations", "seeds", ".env"}
    assert _run(project, "destroy").stdout == "nothing to do: no database\n"
    for verb in ("start", "stop"):
        refused = _run(project, verb, code=13)
        assert f"there is no server to {verb}" in refused.stderr


def test_what_only_a_server_has(project: Project, folder: Path) -> None:
    """A private server and extensions are refused, with both places that contradict each other."""
    outcome = _run(project, "--server", "private", code=5)
    assert "asks for a private server" in outcome.stderr
    project.write("pyproject.toml", '[tool.dbops]\nextensions = ["citext"]\n')
    outcome = _run(project, code=5)
    assert "asks for extensions, which SQLite does not have" in outcome.stderr
    assert not (folder / "dev.db").exists()


def test_folders(project: Project, folder: Path, tmp_path: Path) -> None:
    """A folder within the project is made; one elsewhere must be there."""
    project.environ["DATABASE_URL"] = "sqlite:///data/local/dev.sqlite3"
    _run(project)
    assert _names(folder / "data/local/dev_test.sqlite3") == []
    assert "sqlite:///data/local/dev.sqlite3'" in (folder / ".env").read_text()
    project.environ["DATABASE_URL"] = f"sqlite:///{tmp_path}/nowhere/dev.db"
    outcome = _run(project, code=10)
    assert "there is no directory" in outcome.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("reset", [False, True], ids=["set up", "reset"])
def test_killed_at_any_moment(project: Project, folder: Path, reset: bool) -> None:
    """Killed wherever it is, the former data or the new database are there, and the next run completes."""
    argv = ["--reset"] if reset else []
    if reset:
        _run(project, "--seed")
    for attempt in range(6):
        child = project.popen("setup-dev-db", *argv)
        time.sleep(random.Random(attempt).uniform(0.15, 0.6))
        child.kill()
        child.wait()
        if reset:
            assert _names(folder / "dev.db") in (["Ann", "Bob"], [])
        if not reset and attempt % 2:
            for name in ("dev.db", "dev_test.db"):
                (folder / name).unlink(missing_ok=True)
    _run(project, *argv)
    assert _names(folder / "dev.db") == _names(folder / "dev_test.db") == []
    assert _run(project, "status", "--json").json["databases"] == {
        "dev.db": "marked",
        "dev_test.db": "marked",
    }
    assert _left(folder) == set()


@pytest.mark.parametrize("made", [False, True])
def test_through_a_symbolic_link(project: Project, folder: Path, made: bool) -> None:
    """The link stays; what it leads to is made, made anew and removed, and the mark is that of the database."""
    link, file = folder / "dev.db", folder / "elsewhere" / "kept.db"
    file.parent.mkdir()
    link.symlink_to(file)
    if made:
        assert project.run("migrate", "up").code == 0
        old = file.stat().st_ino
        outcome = project.run("setup-dev-db", "--reset", "--confirm", "kept")
        assert outcome.code == 0, outcome
        assert file.stat().st_ino != old
    else:
        outcome = project.run("setup-dev-db")
        assert outcome.code == 0, outcome
    assert link.readlink() == file
    assert "kept.db: development" in project.run("setup-dev-db", "status").stdout
    assert project.run("seed-test-data").code == 0  # which asks for no name
    assert project.run("setup-dev-db", "destroy").code == 0
    assert not file.exists()
