"""The place of a SQLite database: its URL, SQLITE_DB_PATH, and what other sources say beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dbops.config import Settings
from dbops.errors import ConfigError

Load = Callable[..., Settings]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///dev.db", "dev.db"),
        ("sqlite:///data/my%20dev.db", "data/my dev.db"),
        ("sqlite:////srv/dev.db", "/srv/dev.db"),
        ("SQLITE3:///dev.db", "dev.db"),
    ],
)
def test_a_url_names_a_file(load_in: Load, url: str, path: str) -> None:
    """Three slashes and the path; four for an absolute one; relative ones count from the project folder."""
    settings = load_in({"DATABASE_URL": url})
    assert settings.target.engine == "sqlite"
    assert settings.target.path == settings.project / path
    assert settings.target.describe() == str(settings.project / path)
    assert (settings.database.value, settings.test_database.value) == (
        Path(path).stem,
        f"{Path(path).stem}_test",
    )
    assert settings.target.parts.keys() == {"sqlite-file"}


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://dev.db",
        "sqlite:dev.db",
        "sqlite:///a/",
    ],
)
def test_no_file(load_in: Load, url: str) -> None:
    """In memory, a host in the place of a path, a folder: refused with where it stands."""
    with pytest.raises(ConfigError, match="from environment variable DATABASE_URL"):
        load_in({"DATABASE_URL": url})


def test_the_fallback(load_in: Load) -> None:
    """SQLITE_DB_PATH counts where no URL and no server is named; `database` in pyproject.toml names none."""
    settings = load_in({"SQLITE_DB_PATH": "bot.db"}, toml='[tool.dbops]\ndatabase = "bot"\n')
    assert settings.target.path == settings.project / "bot.db"
    for given in ({"DATABASE_URL": "postgresql:///x"}, {"DB_HOST": "h"}, {"DB_NAME": "x"}):
        assert load_in({"SQLITE_DB_PATH": "bot.db", **given}).target.engine == "postgresql"


def test_a_stronger_source_is_another_kind(load_in: Load) -> None:
    """A URL replaces a file and a file a URL, with everything that belongs to it."""
    settings = load_in({"DATABASE_URL": "sqlite:///x.db"}, env="DATABASE_URL=postgresql://u:p@h/d\n")
    assert settings.target.parts.keys() == {"sqlite-file"}
    settings = load_in({"DATABASE_URL": "postgresql://u@h/d"}, env="DATABASE_URL=sqlite:///x.db\n")
    assert settings.target.keywords() == {"user": "u", "host": "h", "dbname": "d"}


@pytest.mark.parametrize(
    ("environ", "env"),
    [
        ({"DATABASE_URL": "sqlite:///x.db", "DB_HOST": "h"}, ""),
        ({"DB_NAME": "other"}, "DATABASE_URL=sqlite:///x.db\n"),
        ({"DATABASE_URL": "sqlite:///x.db", "POSTGRES_DSN": "postgresql://h/d"}, ""),
        ({"DATABASE_URL": "sqlite:///x.db", "POSTGRES_DSN": "sqlite:///y.db"}, ""),
    ],
)
def test_two_that_contradict(load_in: Load, environ: dict[str, str], env: str) -> None:
    """A file and a part of a server in one source, or a database name above a file: refused, both named."""
    with pytest.raises(ConfigError, match=r"DATABASE_URL"):
        load_in(environ, env=env)
