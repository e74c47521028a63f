"""The database with everything, carried by PostgreSQL's own programs: what the tests of dbops measure against."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import zoo
from tests.servers import Database, Server
from tests.zoo.description import describe, describe_database, differences
from tests.zoo.known import unexpected

Connect = Callable[..., psycopg.Connection[Any]]
Another = Callable[..., Database]


def _run(program: str, server: Server, user: Database | None, client: Server, *argv: str) -> str:
    """Run a stock program as the superuser or as the database's owner; returns what it said."""
    name, password = (user.user, user.password) if user else (server.user, server.password)
    entry = {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": name, "PGPASSWORD": password}
    ended = subprocess.run(
        [f"{client.bindir}/{program}", *argv], env={**os.environ, **entry}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    return f"{ended.returncode}: {ended.stderr}"


def _restored(made: zoo.Zoo, copy: Database, folder: Path, *, as_owner: bool = False) -> Database:
    """Dump with the newer of the two servers' pg_dump and restore with its pg_restore into an empty database."""
    database, server = made.database, copy.server
    client = max(database.server, server, key=lambda one: one.major)
    owner = database if as_owner else None
    archive = str(folder / "archive")
    dump = ("pg_dump", database.server, owner, client)
    assert _run(*dump, "-Fd", "-j2", "-d", database.name, "-f", archive) == "0: "
    # With one job: two of them can deadlock on the indexes of a partition, which is pg_restore's own affair.
    said = _run("pg_restore", server, owner, client, "-d", copy.name, archive)
    assert said == "0: " or _only_about_the_timeout(said), said
    return copy


def _only_about_the_timeout(said: str) -> bool:
    """pg_restore of 17 and later sets `transaction_timeout`, which a server of before does not know."""
    errors = [line for line in said.splitlines() if "error: " in line]
    return all(line.endswith('unrecognized configuration parameter "transaction_timeout"') for line in errors)


def _described(connect: Connect, database: Database) -> dict[str, dict[str, Any]]:
    server = database.server
    return describe(connect(database, user=server.user, password=server.password))


def test_same_version(database: Database, another: Another, connect: Connect, tmp_path: Path) -> None:
    """Everything that this server can hold comes back from pg_dump and pg_restore, but for the known differences."""
    made = zoo.build(database, zoo.EVERYTHING)
    restored = _restored(made, another(), tmp_path)
    found = differences(_described(connect, database), _described(connect, restored))
    major = database.server.major
    assert unexpected(found, major, major) == []
    assert any(line.startswith("column order: zoo.dogs") for line in found)


def test_as_an_ordinary_owner(database: Database, another: Another, connect: Connect, tmp_path: Path) -> None:
    """What an ordinary owner made, it can dump and restore without a superuser."""
    made = zoo.build(database)
    restored = _restored(made, another(), tmp_path, as_owner=True)
    found = differences(_described(connect, database), _described(connect, restored))
    assert unexpected(found, database.server.major, database.server.major) == []


def test_to_other_versions(
    database: Database, another: Another, other_servers: tuple[Server, ...], connect: Connect, tmp_path: Path
) -> None:
    """On every other server, newer or older, the restored zoo is what the zoo made anew there is."""
    made = zoo.build(database, zoo.PORTABLE)
    for target in other_servers:
        folder = tmp_path / str(target.major)
        folder.mkdir()
        made.furnish(target)
        restored = _restored(made, another(target), folder)
        twin = another(target)
        zoo.twin(made, twin)
        found = differences(_described(connect, twin), _described(connect, restored))
        assert unexpected(found, database.server.major, target.major) == [], target


CHANGES = {
    "ALTER TABLE zoo.hens OWNER TO postgres": "pg_class: table zoo.hens: relowner",
    "UPDATE zoo.numbers SET exact = 1.1 WHERE id = 6": "rows: zoo.numbers",
    "UPDATE zoo.trades_2024_de SET amount = amount + 1 WHERE id = (SELECT min(id) FROM zoo.trades_2024_de)": "rows: zoo.trades_2024_de",
    "INSERT INTO zoo.no_columns DEFAULT VALUES": "rows: zoo.no_columns",
    "REFRESH MATERIALIZED VIEW zoo.unfilled": "rows: zoo.unfilled: only in the second",
    "SELECT setval('zoo.set_back', 77)": "sequences: zoo.set_back",
    "SELECT lo_put(700003, 5, 'x')": "large objects: 700003",
    "REVOKE SELECT ON LARGE OBJECT 700001 FROM <reader>": "pg_largeobject_metadata: large object 700001: lomacl",
    "COMMENT ON LARGE OBJECT 700001 IS NULL": "pg_description: large object 700001: only in the first",
    "COMMENT ON COLUMN zoo.point3.x IS 'other'": "pg_description: column x of composite type zoo.point3",
    "COMMENT ON SCHEMA public IS 'other'": "pg_description: schema public",
    "GRANT USAGE ON SCHEMA public TO <lion>": "pg_namespace: schema public: nspacl",
    "GRANT UPDATE (holder) ON zoo.accounts TO <lion>": "pg_attribute: table zoo.accounts.holder: attacl",
    "ALTER TYPE zoo.mood ADD VALUE 'ok too' BEFORE 'ok'": "pg_enum: zoo.mood.ok: enumsortorder",
    "ALTER DOMAIN zoo.positive SET DEFAULT 2": "pg_type: type zoo.positive: typdefault",
    "ALTER TABLE zoo.hens ENABLE RULE also_note": "pg_rewrite: rule also_note on table zoo.hens: ev_enabled",
    "ALTER TABLE zoo.audited ENABLE TRIGGER never": "pg_trigger: trigger never on table zoo.audited: tgenabled",
    "ALTER TABLE zoo.tree VALIDATE CONSTRAINT part_null": "pg_constraint: constraint part_null on table zoo.tree: convalidated",
    "ALTER TABLE zoo.accounts DISABLE ROW LEVEL SECURITY": "pg_class: table zoo.accounts: relrowsecurity",
    "ALTER POLICY own_rows ON zoo.accounts USING (true)": "pg_policy: policy own_rows on table zoo.accounts: polqual",
    "ALTER TABLE zoo.derived ALTER net SET DEFAULT 2": "pg_attrdef: default value for column net of table zoo.derived: adbin",
    "ALTER INDEX zoo.stored_odd SET (fillfactor = 60)": "pg_class: index zoo.stored_odd: reloptions",
    "ALTER VIEW zoo.guarded RESET (security_barrier)": "pg_class: view zoo.guarded: reloptions",
    "ALTER FUNCTION zoo.old_style COST 8": "pg_proc: function zoo.old_style(integer,text,integer[]): procost",
    "ALTER STATISTICS zoo.together SET STATISTICS 100": "pg_statistic_ext: statistics object zoo.together: stxstattarget",
    "ALTER PUBLICATION some_tables SET (publish = 'insert')": "pg_publication: publication some_tables: pubdelete",
    "ALTER PUBLICATION some_tables SET TABLE zoo.hens, ONLY zoo.animals": "pg_publication_rel: ",
    "ALTER EVENT TRIGGER on_ddl DISABLE": "pg_event_trigger: event trigger on_ddl: evtenabled",
    "ALTER SERVER \"far; away\" OPTIONS (SET host 'else')": "pg_foreign_server: server far; away: srvoptions",
    "ALTER TABLE zoo.elsewhere SET TABLESPACE pg_default": "pg_class: table zoo.elsewhere: reltablespace",
    "ALTER TEXT SEARCH CONFIGURATION zoo.searching DROP MAPPING FOR word": "pg_ts_config_map: text search configuration zoo.searching",
    "ALTER DEFAULT PRIVILEGES FOR ROLE <writer> REVOKE ALL ON TABLES FROM <reader>": "pg_default_acl: ",
    "COMMENT ON AGGREGATE zoo.total(numeric) IS NULL": "pg_description: function zoo.total(numeric): only in the first",
    "DROP CAST (zoo.point3 AS json)": "pg_cast: cast from zoo.point3 to json: only in the first",
    "ALTER TABLE zoo.pets ALTER owner_name TYPE varchar(9)": "pg_attribute: table zoo.lap_dogs.owner_name: atttypmod",
}
"""A change, and how the line begins that must tell it."""


@pytest.mark.one_major
def test_the_description_sees_what_changes(database: Database, connect: Connect) -> None:
    """Each of many small changes to a zoo shows in its description: what proves a restore is not blind."""
    made = zoo.build(database, zoo.PORTABLE)
    before = _described(connect, database)
    superuser = connect(database, user=database.server.user, password=database.server.password)
    for statement in CHANGES:
        superuser.execute(made.fill_in(statement, superuser))
    found = differences(before, _described(connect, database))
    assert [line for line in CHANGES.values() if not any(one.startswith(line) for one in found)] == []


@pytest.mark.one_major
def test_the_description_of_the_database_itself(database: Database, connect: Connect) -> None:
    """Each property that dumps lose is told, by itself."""
    superuser = connect(database, user=database.server.user, password=database.server.password)
    words = {"name": database.name, "owner": database.user}
    told = describe_database(superuser)
    for statement, fact in PROPERTIES.items():
        superuser.execute(statement.format(**words).encode())
        after = describe_database(superuser)
        assert {key for key in told if told[key] != after[key]} == {fact}
        told = after


PROPERTIES = {
    "COMMENT ON DATABASE {name} IS 'environment=development'": "comment",
    "ALTER DATABASE {name} CONNECTION LIMIT 7": "datconnlimit",
    "ALTER DATABASE {name} SET work_mem = '1MB'": "settings",
    "ALTER ROLE {owner} IN DATABASE {name} SET datestyle = 'SQL, DMY'": "settings",
    "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC": "acl",
}
"""A statement, and the property that it changes."""
