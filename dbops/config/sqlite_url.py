"""`sqlite:///dev.db` and SQLITE_DB_PATH: the place of a SQLite database."""

from __future__ import annotations

from dbops.config.model import SQLITE_FILE, Setting
from dbops.errors import ConfigError

DB_PATH = "SQLITE_DB_PATH"
EXAMPLE = "sqlite:///dev.db, or sqlite:////srv/app/dev.db for an absolute path"


def is_sqlite(text: str) -> bool:
    """Whether a URL is one of SQLite, right or wrong."""
    return text[:7].lower() == "sqlite:" or text[:8].lower() == "sqlite3:"


def parse(setting: Setting[str]) -> dict[str, Setting[str]]:
    """The one part that a SQLite URL gives, as SQLAlchemy and dbmate write it: three slashes, then the path.

    :raises ConfigError: it names a host, an option, a database in memory, or nothing.
    """
    from urllib.parse import unquote

    after = setting.value.partition(":")[2]
    rest = after.lstrip("/")
    slashes = len(after) - len(rest)
    if rest and slashes not in (3, 4):
        raise _wrong(setting, "does not have three slashes before the path")
    if "?" in rest or "#" in rest:
        raise _wrong(
            setting, "has options, which SQLite does not get from here", "leave out what follows the ?"
        )
    # The fourth slash belongs to an absolute path.
    path = "/" * (slashes - 3) + unquote(rest, errors="surrogateescape")
    return {SQLITE_FILE: file_at(Setting(path, setting.origin))}


def file_at(setting: Setting[str]) -> Setting[str]:
    """The same setting, when it can be a database file.

    :raises ConfigError: it is empty, in memory, or no name of a file.
    """
    if setting.value in ("", ":memory:"):
        raise _wrong(setting, "names no file", "a database in memory would be gone when the command ends")
    if "\0" in setting.value or setting.value.endswith("/"):
        raise _wrong(setting, "is not the name of a file")
    return setting


def _wrong(setting: Setting[str], problem: str, hint: str | None = None) -> ConfigError:
    return ConfigError(f"the value from {setting.origin} {problem}", hint=hint or f"write {EXAMPLE}")
