"""What the tests of `migrate adopt` share: projects in every tool's format, and the tables as each tool makes them."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import psycopg

from tests.conftest import Outcome, Project
from tests.postgres.migrating import ran

DATA = Path(__file__).resolve().parents[1] / "data" / "formats"


@dataclasses.dataclass(frozen=True)
class Case:
    """A tool's table, as that tool makes and fills it.

    :param insert: the statement that records one migration, from its version, its id and its file.
    :param look: a query for what is applied according to the table, in order.
    :param shows: what `look` then says of the first migrations, given their ids and files.
    """

    tool: str
    format: str
    ddl: str
    insert: Callable[[str, str, Path], str]
    look: str
    shows: Callable[[Sequence[str], Sequence[Path]], list[Any]]
    id: Callable[[str, Path], str] = lambda version, file: version
    options: tuple[str, ...] = ()
    has_down: bool = True
    table: str = "public.schema_migrations"


def project_of(project: Project, format_name: str) -> list[Path]:
    """The three migrations (accounts, touch, index) that every format has in tests/data; their files that go up."""
    folder = project.folder / "migrations"
    shutil.copytree(DATA / format_name / "project" / "migrations", folder, dirs_exist_ok=True)
    if format_name == "graphile-migrate":
        _chain(folder / "committed")
    found = sorted(folder.rglob("*.sql"))
    downs = ("down.sql", "rollback.sql", "__undo.sql", "current.sql")
    return [path for path in found if not path.name.endswith(downs)]


def _chain(folder: Path) -> None:
    """Give committed files of graphile-migrate the hashes that its own commit would."""
    previous = "-"
    for path in sorted(folder.glob("*.sql")):
        lines = path.read_text().split("\n")
        body = "\n".join(lines[lines.index("") + 1 :])
        before = "" if previous == "-" else previous
        text = f"{before}\n{body.strip()}".strip() + "\n"
        own = f"sha1:{hashlib.sha1(text.encode()).hexdigest()}"
        path.write_text(f"--! Previous: {previous}\n--! Hash: {own}\n\n{body}")
        previous = own


def graphile_hash(path: Path) -> str:
    """What the header of a committed file says."""
    return path.read_text().split("\n")[1].removeprefix("--! Hash: ")


def sha384(path: Path) -> str:
    """As sqlx has it."""
    return hashlib.sha384(path.read_bytes()).hexdigest()


def flyway_checksum(path: Path) -> int:
    """As Flyway has it; the files have no carriage returns."""
    found = crc32(path.read_bytes().replace(b"\n", b""))
    return found - 2**32 if found >= 2**31 else found


def applied_by_the_other(
    project: Project,
    connection: psycopg.Connection[Any],
    case: Case,
    files: Sequence[Path],
    count: int,
    told: int | None = None,
) -> list[str]:
    """Bring the database to where the other tool would have after `count` migrations; the ids of all files.

    :param told: how many of them its table has, unless it is all.
    """
    if count:
        ran(project, "up", str(count), *case.options, "--tracking-table", "trial.records")
    versions = [
        row["version"]
        for row in ran(project, "status", "--json", *case.options, "--tracking-table", "trial.records").json[
            "migrations"
        ]
    ]
    connection.execute("DROP SCHEMA IF EXISTS trial CASCADE")
    connection.execute(case.ddl)
    ids = [case.id(version, file) for version, file in zip(versions, files, strict=True)]
    for version, name, file in list(zip(versions, ids, files, strict=True))[
        : count if told is None else told
    ]:
        connection.execute(case.insert(version, name, file))
    return ids


def adopted(project: Project, *argv: str) -> Outcome:
    """Run `migrate adopt ARGV`, which must succeed."""
    outcome = project.run("migrate", "adopt", *argv)
    assert outcome.code == 0, outcome
    return outcome


def rows(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return connection.execute(query).fetchall()


def recorded(connection: psycopg.Connection[Any], table: str = "public.dbops_migrations") -> list[str]:
    """The versions that dbops has recorded."""
    return [row[0] for row in rows(connection, f"SELECT version FROM {table} ORDER BY sort_key")]


def _ids(ids: Sequence[str], files: Sequence[Path]) -> list[Any]:
    return [(name,) for name in ids]


def _last(ids: Sequence[str], files: Sequence[Path]) -> list[Any]:
    return [(int(ids[-1]), False)] if ids else []


_YOYO = """
CREATE TABLE _yoyo_migration (migration_hash VARCHAR(64), migration_id VARCHAR(255), applied_at_utc TIMESTAMP,
    PRIMARY KEY (migration_hash));
CREATE TABLE _yoyo_log (id VARCHAR(36), migration_hash VARCHAR(64), migration_id VARCHAR(255), operation VARCHAR(10),
    username VARCHAR(255), hostname VARCHAR(255), comment VARCHAR(255), created_at_utc TIMESTAMP, PRIMARY KEY (id));
CREATE TABLE yoyo_lock (locked INT DEFAULT 1, ctime TIMESTAMP, pid INT NOT NULL, PRIMARY KEY (locked));
"""
_SQLX = """
CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL)
"""
_FLYWAY = """
CREATE TABLE flyway_schema_history (installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50),
    description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INTEGER,
    installed_by VARCHAR(100) NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT now(),
    execution_time INTEGER NOT NULL, success BOOLEAN NOT NULL)
"""
_GRAPHILE = """
CREATE SCHEMA graphile_migrate;
CREATE TABLE graphile_migrate.migrations (hash text PRIMARY KEY,
    previous_hash text REFERENCES graphile_migrate.migrations, filename text NOT NULL,
    date timestamptz NOT NULL DEFAULT now());
"""
_PGMIGRATE = """
CREATE TYPE schema_version_type AS ENUM ('auto', 'manual');
CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY, description TEXT NOT NULL,
    type schema_version_type NOT NULL DEFAULT 'auto', installed_by TEXT NOT NULL,
    installed_on TIMESTAMP WITHOUT TIME ZONE DEFAULT now() NOT NULL)
"""
_GOOSE = """
CREATE TABLE goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL,
    is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now());
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true)
"""
_ATLAS = """
CREATE SCHEMA atlas_schema_revisions;
CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version varchar PRIMARY KEY, description varchar NOT NULL,
    type bigint NOT NULL DEFAULT 2, applied bigint NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0,
    executed_at timestamptz NOT NULL, execution_time bigint NOT NULL, error text, error_stmt text,
    hash varchar NOT NULL, partial_hashes jsonb, operator_version varchar NOT NULL);
INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES
    ('.atlas_cloud_identifier', 'x', 1, 0, 0, now(), 0, '', '', '', null, 'v')
"""
_TRADING = """
CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL, description TEXT,
    applied_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP, execution_time_ms INTEGER, checksum VARCHAR(64))
"""
_MAKER = """
CREATE TABLE IF NOT EXISTS migrations (version TEXT PRIMARY KEY, name TEXT NOT NULL,
    applied_at TIMESTAMP DEFAULT NOW(), applied_by TEXT DEFAULT CURRENT_USER, checksum TEXT)
"""


def _flyway_row(version: str, name: str, file: Path) -> str:
    description = file.stem.partition("__")[2]
    return (
        "INSERT INTO flyway_schema_history SELECT count(*) + 1, "
        f"'{version}', '{description}', 'SQL', '{file.name}', {flyway_checksum(file)}, 'them', '2024-01-02', 7, true"
        " FROM flyway_schema_history"
    )


CASES = [
    Case(
        "golang-migrate", "pairs",
        "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)",
        lambda version, name, file: f"TRUNCATE schema_migrations; INSERT INTO schema_migrations VALUES ({version}, false)",
        "SELECT version, dirty FROM schema_migrations", _last,
    ),
    Case(
        "goose", "goose", _GOOSE,
        lambda version, name, file: f"INSERT INTO goose_db_version (version_id, is_applied) VALUES ({version}, true)",
        "SELECT version_id, is_applied FROM goose_db_version WHERE version_id > 0 ORDER BY id",
        lambda ids, files: [(int(name), True) for name in ids],
        table="public.goose_db_version",
    ),
    Case(
        "dbmate", "dbmate", "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)",
        lambda version, name, file: f"INSERT INTO schema_migrations VALUES ('{version}')",
        "SELECT version FROM schema_migrations ORDER BY version", _ids,
    ),
    Case(
        "Rails", "dbmate",
        "CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);"
        " CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar)",
        lambda version, name, file: f"INSERT INTO schema_migrations VALUES ('{version}')",
        "SELECT version FROM schema_migrations ORDER BY version", _ids,
    ),
    Case(
        "sql-migrate", "sql-migrate", "CREATE TABLE gorp_migrations (id text PRIMARY KEY, applied_at timestamptz)",
        lambda version, name, file: f"INSERT INTO gorp_migrations VALUES ('{name}', '2024-01-02 03:04:05+00')",
        "SELECT id FROM gorp_migrations ORDER BY id", _ids, lambda version, file: file.name,
        table="public.gorp_migrations",
    ),
    Case(
        "sqlx", "sqlx", _SQLX,
        lambda version, name, file: "INSERT INTO _sqlx_migrations VALUES "
        f"({version}, 'accounts', '2024-01-02', true, '\\x{sha384(file)}', 12000000)",
        "SELECT version, success, encode(checksum, 'hex') FROM _sqlx_migrations ORDER BY version",
        lambda ids, files: [(int(name), True, sha384(file)) for name, file in zip(ids, files, strict=False)],
        table="public._sqlx_migrations",
    ),
    Case(
        "node-pg-migrate", "node-pg-migrate",
        "CREATE TABLE pgmigrations (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)",
        lambda version, name, file: f"INSERT INTO pgmigrations (name, run_on) VALUES ('{name}', now())",
        "SELECT name FROM pgmigrations ORDER BY run_on, id", _ids, lambda version, file: file.stem,
        table="public.pgmigrations",
    ),
    Case(
        "tern", "tern",
        "CREATE TABLE schema_version (version int4 PRIMARY KEY); INSERT INTO schema_version VALUES (0)",
        lambda version, name, file: f"UPDATE schema_version SET version = {version}",
        "SELECT version, false FROM schema_version WHERE version > 0", _last,
        table="public.schema_version",
    ),
    Case(
        "graphile-migrate", "graphile-migrate", _GRAPHILE,
        lambda version, name, file: "INSERT INTO graphile_migrate.migrations VALUES "
        f"('{graphile_hash(file)}', null, '{name}', '2024-01-02')",
        "SELECT filename, hash FROM graphile_migrate.migrations ORDER BY 1",
        lambda ids, files: [(name, graphile_hash(file)) for name, file in zip(ids, files, strict=False)],
        lambda version, file: f"{version}.sql",
        has_down=False,
        table="graphile_migrate.migrations",
    ),
    Case(
        "yoyo", "yoyo", _YOYO,
        lambda version, name, file: "INSERT INTO _yoyo_migration VALUES "
        f"('{hashlib.sha256(name.encode()).hexdigest()}', '{name}', '2024-01-02 03:04:05')",
        "SELECT migration_id, migration_hash FROM _yoyo_migration ORDER BY 1",
        lambda ids, files: [(name, hashlib.sha256(name.encode()).hexdigest()) for name in ids],
        lambda version, file: file.stem,
        table="public._yoyo_migration",
    ),
    Case(
        "pgmigrate", "pgmigrate", _PGMIGRATE,
        lambda version, name, file: "INSERT INTO schema_version (version, description, installed_by) VALUES "
        f"({int(version)}, '{file.stem.partition('__')[2]}', 'them')",
        "SELECT version, description, type::text FROM schema_version ORDER BY 1",
        lambda ids, files: [
            (int(name), file.stem.partition("__")[2].replace("_", " "), "auto")
            for name, file in zip(ids, files, strict=False)
        ],
        has_down=False,
        table="public.schema_version",
    ),
    Case(
        "flyway", "flyway", _FLYWAY, _flyway_row,
        "SELECT version, script, checksum FROM flyway_schema_history h WHERE type = 'SQL' AND success AND NOT EXISTS ("
        " SELECT FROM flyway_schema_history l WHERE l.version = h.version AND l.installed_rank > h.installed_rank"
        " AND l.type = 'UNDO_SQL') ORDER BY installed_rank",
        lambda ids, files: [
            (name, file.name, flyway_checksum(file)) for name, file in zip(ids, files, strict=False)
        ],
        options=("--var", "table=accounts"),
        table="public.flyway_schema_history",
    ),
    Case(
        "trading-engine", "single", _TRADING,
        lambda version, name, file: "INSERT INTO schema_migrations VALUES "
        f"({int(version)}, 'accounts', 'their words', '2024-01-02 03:04:05+00', 12, "
        f"'{hashlib.sha256(file.read_bytes()).hexdigest()}')",
        "SELECT version, checksum FROM schema_migrations ORDER BY 1",
        lambda ids, files: [
            (int(name), hashlib.sha256(file.read_bytes()).hexdigest())
            for name, file in zip(ids, files, strict=False)
        ],
    ),
    Case(
        "market-maker", "rollback-pairs", _MAKER,
        lambda version, name, file: "INSERT INTO migrations VALUES "
        f"('{version}', 'accounts', '2024-01-02', 'alice', '{hashlib.sha256(file.read_bytes()).hexdigest()}')",
        "SELECT version, checksum FROM migrations ORDER BY 1",
        lambda ids, files: [
            (name, hashlib.sha256(file.read_bytes()).hexdigest()) for name, file in zip(ids, files, strict=False)
        ],
        table="public.migrations",
    ),
]  # fmt: skip
