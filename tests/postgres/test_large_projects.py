"""What large projects do: a thousand files, transactions of their own, seventy concurrent indexes, long ways back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import applied, mark_as_development, ran, single, states, tables
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]

UP = "CREATE TABLE t{0} (id int PRIMARY KEY, n text DEFAULT ';');\nINSERT INTO t{0} VALUES ({0});"
DOWN = "DROP TABLE t{0};"
# Each writes version N of a project as one of its tools would.
FORMATS: dict[str, Callable[[int], dict[str, str]]] = {
    "pairs": lambda n: {
        f"{n:06d}_t{n}.up.sql": UP.format(n),
        f"{n:06d}_t{n}.down.sql": DOWN.format(n),
    },
    "goose": lambda n: {
        f"{n:05d}_t{n}.sql": f"-- +goose Up\n{UP.format(n)}\n\n-- +goose Down\n{DOWN.format(n)}\n"
    },
    "dbmate": lambda n: {
        f"{20200101000000 + n}_t{n}.sql": f"-- migrate:up\n{UP.format(n)}\n\n-- migrate:down\n{DOWN.format(n)}\n"
    },
}


def write(project: Project, files: dict[str, str]) -> None:
    for name, text in files.items():
        project.write(f"migrations/{name}", text)


# What so many cost is paid after they are read: of one format they are a thousand.
@pytest.mark.parametrize(("name", "many"), [("pairs", 1000), ("goose", 200), ("dbmate", 200)])
def test_many_files(name: str, many: int, configured: Project, database: Database, connect: Connect) -> None:
    """All applied in one run, nothing pending after it, half of them undone in a row, then the rest to an empty schema."""
    mark_as_development(database)
    for number in range(1, many + 1):
        write(configured, FORMATS[name](number))
    connection = connect(database)
    done = configured.run("migrate", "up", "--json", timeout=300).json
    assert len(done["steps"]) == many
    assert len(tables(connection)) == many
    assert set(states(configured).values()) == {"applied"}
    assert ran(configured, "plan", "--json").json["steps"] == []
    assert configured.run("migrate", "down", str(many // 2), timeout=300).code == 0
    assert len(tables(connection)) == len(applied(connection)) == many // 2
    assert configured.run("migrate", "down", "--to", "0", timeout=300).code == 0
    assert tables(connection) == applied(connection) == []


def test_own_transactions_in_every_file(configured: Project, database: Database, connect: Connect) -> None:
    """A hundred files with BEGIN and COMMIT of their own: each is one transaction together with its row."""
    for number in range(1, 101):
        write(configured, {f"{number:03d}_t.up.sql": f"BEGIN;\n{UP.format(number)}\nCOMMIT;\n"})
    write(configured, {"101_t.up.sql": "BEGIN;\nCREATE TABLE t101 (id int);\nSELECT 1/0;\nCOMMIT;\n"})
    connection = connect(database)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert "101_t.up.sql:3:" in outcome.stderr
    assert len(tables(connection)) == len(applied(connection)) == 100


def test_commit_and_chain(configured: Project, database: Database, connect: Connect) -> None:
    """Parts that are chained: each is committed, the isolation level goes on, a stop in the middle goes on there."""
    text = (
        "BEGIN ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE one (level text);\nCOMMIT AND CHAIN;\n"
        "INSERT INTO one SELECT current_setting('transaction_isolation');\nCOMMIT AND CHAIN;\n"
        "INSERT INTO two VALUES (1);\nCOMMIT;\n"
    )
    write(configured, {"001_chain.up.sql": text})
    connection = connect(database)
    assert configured.run("migrate", "up").code == 4
    assert states(configured) == {"001": "partial"}
    connection.execute("CREATE TABLE two (id int)")
    ran(configured, "up")
    assert connection.execute("SELECT * FROM one").fetchall() == [("serializable",)]
    assert connection.execute("SELECT * FROM two").fetchall() == [(1,)]


def test_seventy_concurrent_indexes(configured: Project, database: Database, connect: Connect) -> None:
    """One run over seventy files that each build an index concurrently: all are valid, and the way back takes them."""
    mark_as_development(database)
    write(configured, {"000_t.up.sql": "CREATE TABLE t (a int, b int);", "000_t.down.sql": "DROP TABLE t;"})
    for number in range(1, 71):
        up = f"CREATE INDEX CONCURRENTLY IF NOT EXISTS i{number} ON t (a, b, (a + {number}));"
        down = f"DROP INDEX CONCURRENTLY IF EXISTS i{number};"
        write(configured, {f"{number:03d}_i.up.sql": up, f"{number:03d}_i.down.sql": down})
    connection = connect(database)
    ran(configured, "up")
    valid = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid"
    assert connection.execute(valid).fetchone() == (70,)
    ran(configured, "down", "--to", "000")
    assert connection.execute(valid).fetchone() == (0,)


def test_an_enum_value_is_used_in_the_next_file(
    configured: Project, database: Database, connect: Connect
) -> None:
    """Added in one file and used in the next, forty times in one run; in one transaction it is refused beforehand."""
    write(
        configured,
        {"000_e.up.sql": "CREATE TYPE e AS ENUM ('v0'); CREATE TABLE t (v e);"},
    )
    for number in range(1, 41):
        write(
            configured,
            {
                f"{number:03d}_add.up.sql": f"ALTER TYPE e ADD VALUE 'v{number}';",
                f"{number + 100:03d}_between.up.sql": "SELECT 1;",
            },
        )
    write(configured, {"200_use.up.sql": "INSERT INTO t SELECT unnest(enum_range(null::e));"})
    write(configured, {"201_add.up.sql": "ALTER TYPE e ADD VALUE 'last';"})
    write(configured, {"202_use.up.sql": "INSERT INTO t VALUES ('last');"})
    ran(configured, "up", "--to", "200")
    refused = configured.run("migrate", "up", "--single-transaction")
    assert refused.code == 13, refused
    assert "202_use.up.sql" in refused.stderr
    ran(configured, "up")
    assert connect(database).execute("SELECT count(*), max(v)::text FROM t").fetchone() == (42, "last")


def test_hundreds_of_functions_and_triggers(
    configured: Project, database: Database, connect: Connect
) -> None:
    """Bodies in dollar quotes, in BEGIN ATOMIC, with semicolons and comments: all are made as they stand."""
    mark_as_development(database)
    for number in range(1, 301):
        up = f"""
CREATE TABLE t{number} (id int, at timestamptz);
CREATE OR REPLACE FUNCTION touch{number}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    -- it's a comment; with a quote
    IF new.id > 0 THEN new.at := now(); END IF; /* ; $$ */
    EXECUTE format($q$ SELECT %L; $q$, 'a;b');
    RETURN new;
END;
$body$;
CREATE TRIGGER touch BEFORE INSERT ON t{number} FOR EACH ROW EXECUTE FUNCTION touch{number}();
CREATE FUNCTION sum{number}(a int, b int) RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT a + b; SELECT CASE WHEN a > 0 THEN a ELSE b END; END;
"""
        down = f"DROP TABLE t{number}; DROP FUNCTION touch{number}, sum{number};"
        write(configured, {f"{number:03d}_f.up.sql": up, f"{number:03d}_f.down.sql": down})
    connection = connect(database)
    ran(configured, "up")
    functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    triggers = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
    assert connection.execute(functions).fetchone() == (600,)
    assert connection.execute(triggers).fetchone() == (300,)
    connection.execute("INSERT INTO t300 VALUES (1)")
    assert connection.execute("SELECT sum300(2, 3), at IS NOT NULL FROM t300").fetchone() == (2, True)
    ran(configured, "down", "--to", "0")
    assert connection.execute(functions).fetchone() == (0,)


def test_a_down_that_fails(configured: Project, database: Database, connect: Connect) -> None:
    """The third of five downs fails: what was undone before it stays so, it and the rest stay applied, the event says why."""
    mark_as_development(database)
    for number in range(1, 6):
        write(configured, FORMATS["pairs"](number))
    write(configured, {"000003_t3.down.sql": "ALTER TABLE t3 DROP COLUMN n;\nDROP TABLE nowhere;"})
    ran(configured, "up")
    outcome = configured.run("migrate", "down", "--to", "0")
    assert outcome.code == 1, outcome
    assert '000003_t3.down.sql:2:1: table "nowhere" does not exist' in outcome.stderr
    connection = connect(database)
    assert applied(connection) == ["000001", "000002", "000003"]
    assert tables(connection) == ["t1", "t2", "t3"]
    assert connection.execute("SELECT n FROM t3").fetchone() == (";",)
    query = "SELECT version, direction, message FROM schema_migrations_events WHERE action = 'failed'"
    assert connection.execute(query).fetchall() == [("000003", "down", 'table "nowhere" does not exist')]
    write(configured, {"000003_t3.down.sql": DOWN.format(3)})
    ran(configured, "down", "--to", "0")
    assert tables(connection) == applied(connection) == []


@pytest.mark.parametrize("verb", ["up", "plan"])
def test_nothing_to_run_loads_nothing_that_runs(verb: str, configured: Project) -> None:
    """Where all is applied, neither the parser, nor the runner, nor the forecast is imported: `up` starts as `status`."""
    configured.write("migrations/001_a.sql", single("CREATE TABLE a (id int);"))
    ran(configured, "up")
    code = (
        "import atexit, runpy, sys; atexit.register(lambda: print(*sys.modules)); "
        f"sys.argv = ['dbops', 'migrate', '{verb}']; runpy.run_module('dbops', run_name='__main__')"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True,
        cwd=configured.folder, env=configured.environ,
    ).stdout.split()  # fmt: skip
    assert "dbops.migrations.preparation" in loaded
    heavy = {"prepare", "content", "executor", "script", "schema_drift", "checks"}
    assert not {f"dbops.migrations.{name}" for name in heavy} & set(loaded)
    assert not {"dbops.safety.risk", "dbops.engines.postgres.effects", "_dbops_postgast_native"} & set(loaded)
