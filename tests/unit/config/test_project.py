"""The project folder and `[tool.dbops]`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dbops.config import Options, Settings, load
from dbops.errors import ConfigError

Load = Callable[..., Settings]


def _project(environ: dict[str, str], cwd: Path) -> Path:
    return load(Options(), environ, cwd).project


@pytest.mark.parametrize("mark", ["pyproject.toml", ".env", ".git", ".git/", ".dbops/"])
def test_nearest_marked_folder_upwards(project: Path, mark: str) -> None:
    """A folder with a mark between the current one and the project: it is the project."""
    inner, cwd = project / "inner", project / "inner" / "a" / "b"
    cwd.mkdir(parents=True)
    assert _project({}, cwd) == project
    if mark.endswith("/"):
        (inner / mark).mkdir()
    else:
        (inner / mark).write_text("[tool.dbops]\n" if "toml" in mark else "")
    assert _project({}, cwd) == inner
    (cwd / ".git").write_text("gitdir: x")
    assert _project({}, cwd) == cwd


@pytest.mark.parametrize(
    "text", ["[project]\nname = 'x'\n", "# dbops\n[tool.other]\n", "[tool\n", "[tool]\nother.dbops=1"]
)
def test_pyproject_of_others_is_no_mark(project: Path, text: str) -> None:
    """A pyproject.toml without `[tool.dbops]`, even a broken one: the search goes on."""
    inner = project / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text(text)
    assert _project({}, inner) == project


def test_virtual_environment_named_env(project: Path) -> None:
    """A folder `.env` (a virtual environment): no mark, and not read."""
    inner = project / "inner"
    (inner / ".env").mkdir(parents=True)
    assert _project({}, inner) == project
    assert _project({"DBOPS_PROJECT": str(inner)}, project) == inner


def test_given_project(project: Path) -> None:
    """DBOPS_PROJECT: that folder, relative to the current one; not a folder is an error; empty is not set."""
    (project / "p").mkdir()
    assert _project({"DBOPS_PROJECT": str(project / "p")}, Path("/")) == project / "p"
    assert _project({"DBOPS_PROJECT": "p"}, project) == project / "p"
    assert _project({"DBOPS_PROJECT": ""}, project) == project
    with pytest.raises(ConfigError, match="DBOPS_PROJECT"):
        _project({"DBOPS_PROJECT": "none"}, project)


def test_every_key(load_in: Load, project: Path) -> None:
    """All keys, and those of other commands: each value with its place."""
    settings = load_in(
        toml="""\ufeff[tool.dbops]\r
database = "app"
test-database = "app_t"
database-url = "postgresql://u@h:7"
extensions = ["pg_trgm", "citext"]
migrations-dir = "m"
tracking-table = "s.t"
server = "configured"
lock-timeout = "2s"
statement-timeout = "1h"
deadline = 2.5
schema-file = "schema.sql"
backup-before-migrate = true
seeds-dir = "s"
backups-dir = "b"
[tool.dbops.checks.x]
query = "SELECT 1"
[tool.dbops.hooks]
"""
    )
    (check,) = settings.checks
    assert (check.name, check.on, check.expect) == ("x", ("schema",), "no rows")
    assert settings.target.describe() == "u@h:7/app"
    assert settings.target.parts["host"].origin == "pyproject.toml [tool.dbops] database-url"
    assert settings.test_database.value == "app_t"
    assert settings.extensions.value == ("pg_trgm", "citext")
    assert settings.extensions.origin == "pyproject.toml [tool.dbops] extensions"
    assert settings.migrations_dir.value == project / "m"
    assert settings.schema_file.value == project / "schema.sql"
    assert (settings.tracking_table.value, settings.server.value) == ("s.t", "configured")
    assert (settings.lock_timeout.value, settings.statement_timeout.value, settings.deadline.value) == (
        2,
        3600,
        2.5,
    )


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ('databse = "x"', "unknown key 'databse'", "did you mean database?"),
        ('migrations_dir = "x"', "unknown key 'migrations_dir'", "did you mean migrations-dir?"),
        ("zzz = 1", "unknown key 'zzz'", "known are database,"),
        ("database = 1", "database is not a text", "text"),
        ('database = ""', "database is not a text", "text"),
        ('extensions = "pg_trgm"', "extensions is not a list", '["pg_trgm"]'),
        ("extensions = [1]", "extensions is not a list", '["pg_trgm"]'),
        ("lock-timeout = true", "lock-timeout is not a time", "5s"),
        ("lock-timeout = [1]", "lock-timeout is not a time", "5s"),
        ("deadline = nan", "deadline is not a length of time", "500ms"),
        ("deadline = -1", "deadline is not a length of time", "500ms"),
        ('database = "a\\u0000b"', "database holds a NUL", "leave it out"),
        (f'test-database = "{"n" * 64}"', "test-database is a database name of 64 bytes", "63 bytes"),
    ],
)
def test_wrong_key(load_in: Load, line: str, message: str, hint: str) -> None:
    """A key that is unknown or of the wrong type: an error with the place and the remedy."""
    with pytest.raises(ConfigError) as caught:
        load_in(toml=f"[tool.dbops]\n{line}\n")
    assert message in caught.value.message
    assert "[tool.dbops]" in caught.value.message
    assert hint in str(caught.value.hint)


def test_hooks(load_in: Load) -> None:
    """Command lines by the names of hooks, and the environment as it was, for them to run in."""
    settings = load_in(
        {"PGHOST": "h"}, toml='[tool.dbops.hooks]\nafter-migrate = "make model-gen"\nbefore-seed = "a && b"\n'
    )
    assert settings.hooks == {"after-migrate": "make model-gen", "before-seed": "a && b"}
    assert settings.environ["PGHOST"] == "h"
    assert load_in(toml="[tool.dbops]\n").hooks == {}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "[tool.dbops.hooks]\nafter-migrat = 'x'",
            "unknown hook 'after-migrat'",
            "did you mean after-migrate?",
        ),
        ("[tool.dbops.hooks]\nafter_seed = 'x'", "unknown hook 'after_seed'", "did you mean after-seed?"),
        ("[tool.dbops.hooks]\nzzz = 'x'", "unknown hook 'zzz'", "known are before-migrate, after-migrate,"),
        ("[tool.dbops.hooks]\nafter-seed = ['x']", "after-seed is not a command line", "in quotes"),
        ("[tool.dbops.hooks]\nafter-seed = ' '", "after-seed is not a command line", "in quotes"),
        ('[tool.dbops.hooks]\nafter-seed = "a\\u0000"', "after-seed holds a NUL", "leave it out"),
        ("[tool.dbops]\nhooks = 'x'", "hooks is not a table", "[tool.dbops.hooks]"),
    ],
)
def test_wrong_hook(load_in: Load, text: str, message: str, hint: str) -> None:
    """A hook that does not exist or is no command line: an error with the place and the remedy."""
    with pytest.raises(ConfigError) as caught:
        load_in(toml=f"{text}\n")
    assert message in caught.value.message
    assert "pyproject.toml [tool.dbops" in caught.value.message
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[tool.dbops]\ndatabase = x\n", "line 2, column 12"),
        ("[tool.dbops]\ndatabase = [", "line 2, column 13"),
        ("[tool.dbops]\na = 1\na = 2\n", "line 3, column 6"),
    ],
)
def test_broken_toml(load_in: Load, text: str, place: str) -> None:
    """TOML that cannot be read: file, line and column."""
    with pytest.raises(ConfigError, match=rf"pyproject.toml {place}: "):
        load_in(toml=text)


def test_not_a_table(load_in: Load) -> None:
    """`dbops` as a value: an error that says how it begins."""
    with pytest.raises(ConfigError, match="not a table"):
        load_in(toml="[tool]\ndbops = 1\n")


def test_toml_that_is_not_utf8(load_in: Load, project: Path) -> None:
    """A pyproject.toml in Latin-1: an error with the line."""
    (project / "pyproject.toml").write_bytes(b"[tool.dbops]\ndatabase = '\xe4'\n")
    with pytest.raises(ConfigError, match="line 2 is not UTF-8"):
        load_in()
