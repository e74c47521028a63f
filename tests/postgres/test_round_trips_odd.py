"""Odd databases, each backed up, restored and compared."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.postgres.rounds import Rounds, described, superuser, superuser_sql, superuser_url
from tests.servers import Database
from tests.zoo.description import differences

COLUMNS = ", ".join(f'"column {number}" int DEFAULT {number}' for number in range(200))
ODD = {
    "empty": "",
    "200 columns": f"CREATE TABLE wide ({COLUMNS}); INSERT INTO wide SELECT FROM generate_series(1, 20)",
    "a row of 10 MB": "CREATE TABLE big (t text, b bytea); INSERT INTO big SELECT repeat('äx\\\\', 2000000),"
    " decode(repeat('00ff5c0a', 1000000), 'hex')",
    "only large objects": "SELECT lo_from_bytea(n, decode(repeat('00ff5c', n), 'hex')) FROM generate_series(1, 50) AS n",
    "odd tables": "CREATE TABLE nothing (); INSERT INTO nothing SELECT FROM generate_series(1, 5);"
    "CREATE UNLOGGED TABLE u (a int GENERATED ALWAYS AS IDENTITY, b text); INSERT INTO u (b) VALUES ('x');"
    "CREATE TABLE g (a int, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO g VALUES (1), (NULL)",
}


@pytest.mark.one_major
@pytest.mark.parametrize("made", ODD.values(), ids=ODD.keys())
def test_odd(rounds: Rounds, made: str) -> None:
    """Comes back as it was, equal to its proof, in the place of the database."""
    superuser_sql(rounds.database, made)
    before = described(rounds.database)
    rounds.ran("backup", "odd")
    assert rounds.restored("odd", rounds.database, "--json").json["proof"]
    assert differences(before, described(rounds.database)) == []
    assert len(rounds.databases()) == 2


@pytest.mark.one_major
def test_virtual_columns(newest: Rounds) -> None:
    """Columns that are computed when they are read, since 18, have no content of their own; before, stored ones."""
    kind = "VIRTUAL" if newest.database.server.major >= 18 else "STORED"
    superuser_sql(newest.database, f"CREATE TABLE g (a int, b int GENERATED ALWAYS AS (a * 2) {kind})")
    superuser_sql(newest.database, "INSERT INTO g VALUES (1), (NULL), (3)")
    before = described(newest.database)
    newest.ran("backup", "odd")
    newest.restored("odd", newest.database)
    assert differences(before, described(newest.database)) == []


@pytest.mark.one_major
def test_an_odd_name(rounds: Rounds) -> None:
    """A database called with quotes, a backslash and an umlaut is backed up, restored elsewhere and over itself."""
    odd = rounds.beside("""zö'o"; \\ --%""")
    superuser_sql(odd, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(odd.name)), "postgres")
    superuser_sql(odd, 'CREATE TABLE "tä""ble" AS SELECT 1 AS "; --"')
    before = described(odd)
    for number, options in enumerate([(), ("--format", "plain")]):
        rounds.ran("backup", f"b{number}", *options, at=odd)
        rounds.restored(f"b{number}", odd)
        assert differences(before, described(odd)) == []


@pytest.mark.one_major
def test_row_security_by_force(rounds: Rounds) -> None:
    """Its owner cannot read all rows of a table with row security by force: said at once, and no backup is made."""
    database = rounds.database
    with psycopg.connect(**database.keywords, autocommit=True) as owner:
        owner.execute("CREATE TABLE kept (a int); INSERT INTO kept VALUES (1)")
        owner.execute("ALTER TABLE kept ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    outcome = rounds.project.run("backup", "b", environ={"DATABASE_URL": database.url})
    assert outcome.code not in (0, 70), outcome
    assert "row" in outcome.stderr
    assert "kept" in outcome.stderr
    assert not rounds.path("b").exists()


@pytest.mark.one_major
@pytest.mark.parametrize(
    ("options", "tables"),
    [
        (("--table", "orders"), {"orders": 3}),
        (("--exclude-table-data", "lo*"), {"orders": 3, "logs": 0}),
        (("--schema", "public", "--no-large-objects"), {"orders": 3, "logs": 2}),
        (("--schema-only",), {"orders": 0, "logs": 0}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_part(rounds: Rounds, options: tuple[str, ...], tables: dict[str, int]) -> None:
    """A part of the database goes into another one, and is verified for what it is."""
    superuser_sql(
        rounds.database,
        "CREATE TABLE orders (id serial, what text); INSERT INTO orders (what) VALUES ('a'), ('b'), ('c');"
        "CREATE TABLE logs AS SELECT 1 AS n UNION SELECT 2; SELECT lo_create(7)",
    )
    rounds.ran("backup", "part", *options)
    copy = rounds.beside("copy")
    rounds.restored("part", copy)
    found = {name: superuser_sql(copy, f"SELECT count(*) FROM {name}")[0][0] for name in _tables(copy)}
    assert found == tables
    rounds.ran("backup", "verify", "part", "--restore-on", superuser_url(rounds.database))


def _tables(database: Database) -> list[str]:
    rows = superuser_sql(database, "SELECT relname FROM pg_class WHERE relkind = 'r' AND oid >= 16384")
    return [name for (name,) in rows]


@pytest.mark.one_major
def test_a_part_in_the_place_of_the_whole(rounds: Rounds) -> None:
    """Refused, with what to do."""
    superuser_sql(rounds.database, "CREATE TABLE a (); CREATE TABLE b ()")
    rounds.ran("backup", "part", "--table", "a")
    refused = rounds.ran("restore", "part", "--confirm", rounds.database.name, code=13)
    assert "bin/restore part --to NAME" in refused.stderr


@pytest.mark.one_major
def test_a_materialized_view_that_differs(rounds: Rounds) -> None:
    """It was stale when backed up and is filled anew by the restore: a note, no failure."""
    superuser_sql(
        rounds.database, "CREATE TABLE t AS SELECT 1 AS a; CREATE MATERIALIZED VIEW v AS SELECT * FROM t"
    )
    superuser_sql(rounds.database, "INSERT INTO t VALUES (2)")
    rounds.ran("backup", "stale")
    told = rounds.restored("stale", rounds.database)
    assert "materialized view public.v has 2 rows; when backed up: 1 row" in told.stderr


@pytest.mark.one_major
def test_statistics_that_cannot_be_made(rounds: Rounds) -> None:
    """A table whose index fails in ANALYZE, and foreign tables, whose server is not asked, do not stop a restore."""
    superuser_sql(
        rounds.database,
        "CREATE FUNCTION moody(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
        " $$ BEGIN IF $1 = 3 AND current_setting('maintenance_work_mem') <> '256MB' THEN RAISE 'not today'; END IF;"
        " RETURN $1; END $$;"
        "CREATE TABLE kept (a int); INSERT INTO kept VALUES (1), (2);"
        "CREATE INDEX ON kept (moody(a)); SET maintenance_work_mem = '256MB'; INSERT INTO kept VALUES (3);"
        "CREATE FOREIGN DATA WRAPPER nobody; CREATE SERVER nowhere FOREIGN DATA WRAPPER nobody;"
        "CREATE TABLE parent (a int) PARTITION BY LIST (a); CREATE TABLE child PARTITION OF parent DEFAULT;"
        "CREATE FOREIGN TABLE far PARTITION OF parent FOR VALUES IN (1) SERVER nowhere",
    )
    rounds.ran("backup", "b")
    told = rounds.restored("b", rounds.database).stderr
    assert "warning: public.kept has no statistics, since ANALYZE failed: not today" in told
    assert "public.parent is not analyzed" in told
    assert superuser_sql(rounds.database, "SELECT count(*) FROM kept") == [(3,)]


@pytest.mark.one_major
def test_under_a_writer(rounds: Rounds) -> None:
    """Rows and sequence values come all through the backup; what is restored is one moment of it, and proven."""
    superuser_sql(rounds.database, "CREATE TABLE t (id serial, at timestamptz DEFAULT clock_timestamp())")
    superuser_sql(rounds.database, "INSERT INTO t SELECT FROM generate_series(1, 20000)")
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(rounds.database, stop))
    writer.start()
    try:
        for number, options in enumerate([(), ("--format", "plain")]):
            rounds.ran("backup", f"b{number}", *options)
    finally:
        stop.set()
        writer.join()
    for number in range(2):
        copy = rounds.beside(str(number))
        rounds.restored(f"b{number}", copy)
        (now,) = superuser_sql(
            copy, "SELECT count(*) >= 20000, max(id) <= (SELECT last_value FROM t_id_seq) FROM t"
        )
        assert now == (True, True)


def _write(database: Database, stop: threading.Event) -> None:
    with superuser(database) as connection:
        cursor: psycopg.Cursor[Any] = connection.cursor()
        while not stop.is_set():
            cursor.execute("INSERT INTO t DEFAULT VALUES")
