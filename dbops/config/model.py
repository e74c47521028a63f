"""The settings of one command, frozen, each value with its origin."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")

DEFAULT = "the default"


@dataclasses.dataclass(frozen=True)
class Setting(Generic[T]):
    """A value and the place it was read from, in words that finish "... from ___".

    `origin` is for instance "environment variable DB_HOST", "/app/.env line 3",
    "option --database-url", "pyproject.toml [tool.dbops] database" or `DEFAULT`.
    """

    value: T
    origin: str = DEFAULT


SECRET_PARTS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)


SQLITE_FILE = "sqlite-file"
"""The part of a target that is the path of a SQLite database."""


@dataclasses.dataclass(frozen=True)
class Target:
    """Which database on which server: libpq's connection keywords, as far as they are configured; or a SQLite file.

    `parts` maps libpq keywords (`host`, `port`, `user`, `password`, `dbname`,
    `sslmode`, `service`, ...) to settings; what is absent is libpq's default.
    The representation and `describe()` never show a secret.
    """

    parts: Mapping[str, Setting[str]] = dataclasses.field(default_factory=dict, repr=False)

    def get(self, part: str) -> str | None:
        """The value of a libpq keyword, None where it is not configured."""
        setting = self.parts.get(part)
        return None if setting is None else setting.value

    @property
    def engine(self) -> Literal["postgresql", "sqlite"]:
        """Which kind of database it is."""
        return "sqlite" if SQLITE_FILE in self.parts else "postgresql"

    @property
    def path(self) -> Path:
        """The file of a SQLite database; KeyError for any other."""
        return Path(self.parts[SQLITE_FILE].value)

    @property
    def real_path(self) -> Path:
        """The file that `path` leads to, where that is a symbolic link; of a link to itself, the link."""
        return Path(os.path.realpath(self.path))

    @property
    def names_server(self) -> bool:
        """Whether any source says which server to use (a database name alone does not); a file needs none."""
        return any(part in self.parts for part in ("host", "hostaddr", "port", "user", "password", "service"))

    def replace(self, origin: str, **parts: str | None) -> Target:
        """A copy with some keywords replaced, or removed where the value is None."""
        merged = {key: value for key, value in self.parts.items() if key not in parts}
        merged.update({key: Setting(value, origin) for key, value in parts.items() if value is not None})
        return Target(merged)

    def keywords(self) -> dict[str, str]:
        """The keywords for `psycopg.connect(**keywords)`; holds the password."""
        return {key: setting.value for key, setting in self.parts.items()}

    def describe(self) -> str:
        """`user@host:port/dbname`, as far as configured, for people; no password.  Of a SQLite database its file."""
        if self.engine == "sqlite":
            return self.parts[SQLITE_FILE].value
        if service := self.get("service"):
            return f"service {service}"
        user = f"{self.get('user')}@" if self.get("user") else ""
        host = self.get("host") or self.get("hostaddr") or "localhost"
        return f"{user}{host}:{self.get('port') or '5432'}/{self.get('dbname') or self.get('user') or ''}"

    def __repr__(self) -> str:
        return f"Target({self.describe()!r})"


@dataclasses.dataclass(frozen=True)
class Alembic:
    """What an Alembic project says to Alembic.

    Relative paths count from `folder`; `ini` is None where all of it is in pyproject.toml; `values` are those of the
    section, by Alembic's names.  `python` is the interpreter that has Alembic, None where it has to be found.
    """

    folder: Path
    ini: Path | None
    values: Mapping[str, Any] = dataclasses.field(repr=False)
    python: Setting[str] | None


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line gave for settings, None where it gave nothing.

    `url_option` is the option that gave `database_url`, where it is another one than --database-url.
    """

    database_url: str | None = dataclasses.field(default=None, repr=False)
    url_option: str | None = None
    env: str | None = None
    migrations_dir: str | None = None
    backups_dir: str | None = None
    seeds_dir: str | None = None
    tracking_table: str | None = None
    migration_format: str | None = None
    variables: tuple[str, ...] | None = dataclasses.field(default=None, repr=False)
    server: str | None = None
    confirm: str | None = None
    lock_timeout: str | None = None
    statement_timeout: str | None = None
    deadline: str | None = None
    alembic_python: str | None = None
    analyze_after: str | None = None
    terminate_after: str | None = None


@dataclasses.dataclass(frozen=True)
class ProjectCheck:
    """A check of the project's own, from `[tool.dbops.checks.NAME]`.

    `on` are the forms of `validate` that ask it (schema, migration, rollback); `expect` is "no rows", "zero" or "true".
    """

    name: str
    on: tuple[str, ...]
    query: str
    expect: str
    message: str


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that a command needs to know from outside; made by `dbops.config.load`.

    Times are seconds; `statement_timeout` 0 means off.  `database` and
    `test_database` are the names that `setup-dev-db` makes; `target.dbname`
    equals `database` unless a URL names another; of a SQLite file, `database` is its name without the ending.  `project` is the folder of
    `pyproject.toml`, `.env`, `.dbops/` and the default folders.
    `confirm` is the database name given by --confirm or DBOPS_CONFIRM.
    `backup_before_migrate` is how old, in seconds, the backup may be that must be there before migrations run;
    0 asks for a new one, None for none.
    `migration_format` is the format of the migration files, `variables` what stands for their placeholders.
    `hooks` are command lines by their names, "after-migrate" for instance; `environ` is the environment as the user
    has it, libpq's variables too, for what runs on the user's behalf.
    `checks` are the project's own, for `migrate validate`.
    `schema_file` is kept up to date with the schema after migrations ran; None where none is.
    `drift_ignore` are patterns of objects that are no part of the schema which is held against another one.
    `require_rehearsal` is whether migrations run only where a trace of them passed.
    `analyze_after` is what follows migrations for the tables that they changed: "analyze", "vacuum" or "off".
    `terminate_after` is how long, in seconds, a session may be in the way before it is ended; None ends none.
    `warnings` are sentences for the user about what was read and not used.
    `alembic` is None where the project has no Alembic.
    """

    project: Path
    target: Target
    environment: str | None
    migrations_dir: Setting[Path]
    backups_dir: Setting[Path]
    seeds_dir: Setting[Path]
    database: Setting[str]
    test_database: Setting[str]
    extensions: Setting[tuple[str, ...]]
    tracking_table: Setting[str | None]
    server: Setting[str]
    confirm: Setting[str | None]
    lock_timeout: Setting[float]
    statement_timeout: Setting[float]
    deadline: Setting[float]
    backup_before_migrate: Setting[float | None]
    migration_format: Setting[str] = Setting("auto")
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    hooks: Mapping[str, str] = dataclasses.field(default_factory=dict)
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    checks: tuple[ProjectCheck, ...] = ()
    schema_file: Setting[Path | None] = Setting(None)
    drift_ignore: tuple[str, ...] = ()
    require_rehearsal: bool = False
    analyze_after: Setting[str] = Setting("analyze")
    terminate_after: Setting[float | None] = Setting(None)
    warnings: tuple[str, ...] = ()
    alembic: Alembic | None = None
