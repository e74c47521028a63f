"""Databases with the trading engine's schema, migrated once for each server and copied for each test."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from tests.conftest import ROOT, Outcome, Project
from tests.forking import DBOPS
from tests.servers import Database, Server, admin, drop_database

AS_OF = ("--as-of", "2026-06-12T15:30:00Z")  # a Friday
SETS = ("--seeds-dir", str(ROOT / "seeds"))
DEMO = ("--scale", "1", *AS_OF, *SETS)

# Many rows make processes worth while, and indexes to be made again; the tests have few rows, and want it all the same.
_WITH_PROCESSES = """
from dbops.seeding.fill import filling
from dbops.engines.postgres import rebuild
filling._WORTH_PROCESSES, rebuild._INDEX_ROWS, rebuild._FOREIGN_KEY_ROWS = 1, 100, 100
"""
_EVERYTHING: LiteralString = """
select 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid and indisready and indislive
from pg_index where indrelid::regclass::text not like 'pg_%'
union all select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid), convalidated
from pg_constraint where connamespace = 'public'::regnamespace
union all select 'trigger', tgrelid::regclass || '.' || tgname, tgenabled::text, true
from pg_trigger where not tgisinternal
union all select 'comment', pg_describe_object(classoid, objoid, objsubid), description, true from pg_description
where classoid in ('pg_class'::regclass, 'pg_constraint'::regclass)
"""
_TABLES: LiteralString = """
select c.oid::regclass::text from pg_class as c
where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and c.relname not like 'schema_migrations%'
order by 1
"""
# Of the audit rows that the triggers write, id, time, transaction and client are the server's own.
_AUDITED = "(select table_name, row_id, operation, old_row, new_row, changed_columns from audit_log)"


@dataclasses.dataclass
class Firms:
    """Makes the databases, all for one role, and drops what is asked for."""

    folder: Path
    user: str = dataclasses.field(default_factory=lambda: f"r_{secrets.token_hex(5)}")
    password: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(9))
    made: list[Database] = dataclasses.field(default_factory=list)
    _templates: dict[tuple[int, str], Database] = dataclasses.field(default_factory=dict)

    def make(self, server: Server) -> Database:
        """A database with the schema and no rows, marked as one of development."""
        self.made.append(self._copy(server, self._migrated(server).name))
        return self.made[-1]

    def filled(self, server: Server, what: str, fill: Callable[[Database], None]) -> Database:
        """The same with what `fill` puts into it: into the first of that name, of which the others are copies."""
        template = self._templates.get((server.port, what))
        if template is None:
            template = self._copy(server, self._migrated(server).name)
            fill(template)
            self._templates[server.port, what] = template
        self.made.append(self._copy(server, template.name))
        return self.made[-1]

    def migrated(self, server: Server, options: str) -> Database:
        """With the schema, but not copied: with options of CREATE DATABASE that a copy cannot have."""
        self._migrated(server)
        self.made.append(self._copy(server, "template0", options))
        self._give_schema(self.made[-1])
        return self.made[-1]

    def _copy(self, server: Server, template: str, options: str = "") -> Database:
        made = Database(server, f"t_{secrets.token_hex(5)}", self.user, self.password)
        _as_superuser(server, f"create database {{}} owner {{}} template {template} {options}", made)
        _as_superuser(server, "comment on database {} is 'environment=development'", made)
        return made

    def close(self) -> None:
        """Drop what the copies were made of."""
        for database in self._templates.values():
            drop_database(database)

    def _migrated(self, server: Server) -> Database:
        made = self._templates.get((server.port, ""))
        if made is None:
            role = Database(server, self.user, self.user, self.password)
            _as_superuser(server, f"create role {{}} login password '{self.password}'", role)
            made = self._templates[server.port, ""] = self._copy(server, "template0")
            self._give_schema(made)
        return made

    def _give_schema(self, database: Database) -> None:
        words = [*DBOPS, "migrate", "up", "--migrations-dir", str(ROOT / "migrations")]
        environ = {"DBOPS_PROJECT": str(self.folder), "DATABASE_URL": database.url}
        ended = subprocess.run(
            words, cwd=self.folder, env=environ, capture_output=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended


def _as_superuser(server: Server, statement: str, database: Database) -> None:
    names = [sql.Identifier(name) for name in (database.name, database.user)]
    admin(server).execute(sql.SQL(statement).format(*names))  # the tests' own words


def seed(
    project: Project, database: Database, *argv: str, environ: Mapping[str, str] | None = None
) -> Outcome:
    """Run `seed-test-data ARGV` to its end, with worker processes wherever `--jobs` allows them."""
    given = {"DATABASE_URL": database.url, **(environ or {})}
    return project.run("seed-test-data", *argv, environ=given, prelude=_WITH_PROCESSES)


def seeding(project: Project, database: Database, *argv: str) -> subprocess.Popen[str]:
    """Start it, in a process group of its own, which the end of the test kills."""
    environ = {"DATABASE_URL": database.url}
    return project.popen("seed-test-data", *argv, environ=environ, prelude=_WITH_PROCESSES)


def structure(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Indexes, constraints, triggers and comments, whole."""
    return sorted(connection.execute(_EVERYTHING).fetchall())


def contents(connection: psycopg.Connection[Any], *, whole_audit: bool = False) -> dict[str, tuple[int, str]]:
    """Rows and fingerprint of each table.

    :param whole_audit: take every column of the audit trail, as where no trigger wrote it.
    """
    connection.execute("set search_path = public")
    connection.execute("set timezone = 'UTC'")
    connection.execute("set datestyle = 'ISO'")
    connection.execute("set extra_float_digits = 1")
    connection.execute("set quote_all_identifiers = off")
    found = {}
    for (table,) in connection.execute(_TABLES).fetchall():
        source = _AUDITED if table == "audit_log" and not whole_audit else table
        rows = connection.execute(f"select t::text from {source} as t".encode()).fetchall()
        text = "\n".join(sorted(row[0] for row in rows))
        found[table] = (len(rows), hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())
    return found
