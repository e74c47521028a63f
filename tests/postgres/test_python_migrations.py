"""Migrations in Python: in a transaction with their record, with calls that commit, in batches; and what goes wrong."""

from __future__ import annotations

import json
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import applied, events, mark_as_development, ran, single, states, tables
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]


def module(project: Project, text: str, name: str = "1_a.py") -> str:
    """Write a migration and return its path as messages have it."""
    project.write(f"migrations/{name}", textwrap.dedent(text).lstrip())
    return f"migrations/{name}"


def failing(project: Project, code: int = 1, *argv: str) -> str:
    """Run `up`, which must end with this exit code and without a traceback; what it said."""
    outcome = project.run("migrate", "up", *argv)
    assert outcome.code == code, outcome
    assert "Traceback" not in outcome.stderr
    return outcome.stderr


def test_the_db_object(configured: Project, database: Database, connect: Connect) -> None:
    """Its engine and version; rows with and without parameters; many rows; COPY with NULL; what is returned."""
    module(
        configured,
        """
        import datetime

        name = "everything"
        description = "All calls"

        def up(db):
            assert (db.engine, db.version) == ("postgresql", "1.0.3")
            assert db.execute("CREATE TABLE t (id int PRIMARY KEY, word text, at date)") == []
            assert db.execute("INSERT INTO t VALUES (%s, %s, %s)", [1, "100%", datetime.date(2025, 1, 31)]).rowcount == 1
            assert db.execute("SELECT id FROM t WHERE word LIKE %(like)s AND word <> '%%'", {"like": "100%"}) == [(1,)]
            assert db.executemany("INSERT INTO t (id, word) VALUES (%s, %s)", ((n, None) for n in (2, 3))) == 2
            assert db.copy("public.t", ["id", "word"], ((n, "tab\\t" if n % 2 else None) for n in range(4, 104))) == 100
            last = db.execute("SELECT 1; SELECT count(*), count(word) FROM t")
            assert last == [(103, 51)] and last.rowcount == 1
            for id, at in db.execute("SELECT id, at FROM t WHERE at IS NOT NULL"):
                assert (id, at) == (1, datetime.date(2025, 1, 31))

        def down(db):
            db.execute("DROP TABLE t")
        """,
        "2025-01-31T12-30-00-1.0.3-add-t.py",
    )
    connection = connect(database)
    ran(configured, "up")
    row = connection.execute(
        "SELECT version, name, description, checksum_algorithm, down_sql FROM schema_migrations"
    ).fetchone()
    assert row == ("1.0.3", "everything", "All calls", "module", None)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (103,)
    mark_as_development(database)
    ran(configured, "down")
    assert (tables(connection), applied(connection)) == ([], [])


def test_shown_before_it_runs(configured: Project, database: Database, connect: Connect) -> None:
    """plan and --dry-run say what is called and how; listing and planning run nothing of the module."""
    module(configured, "print('executed')\nraise RuntimeError('executed')\ndef up(db): ...\n")
    module(configured, "transactional = False\ndef upgrade(): ...\n", "2_b.py")
    plan = ran(configured, "plan", "-v")
    assert "up 1 a: Python, up(db), one transaction\n" in plan.stdout
    assert (
        "up 2 b: Python, upgrade(), each call committed by itself (the module says transactional = False)"
        in plan.stdout
    )
    assert "      unknown     what Python does shows when it runs\n" in plan.stdout
    assert ran(configured, "plan", "--json").json["risk"] == "unknown"
    assert "| 2 | | unknown | Python | | |" in ran(configured, "plan", "--markdown").stdout
    assert configured.run("migrate", "plan", "--check", "--fail-on", "destructive").code == 3
    steps = ran(configured, "up", "--dry-run", "--json").json["steps"]
    assert [(step["code"], step["mode"], step["statements"]) for step in steps] == [
        ("up(db)", "one transaction", 0),
        ("upgrade()", "each call committed by itself", 0),
    ]
    assert states(configured) == {"1": "pending", "2": "pending"}
    assert "executed" not in plan.stdout + plan.stderr
    assert "2_b.py cannot be in one transaction with others" in failing(
        configured, 13, "--single-transaction"
    )


def test_beside_sql_in_one_sequence(configured: Project, database: Database, connect: Connect) -> None:
    """SQL, Python, SQL: in order, each on what was before it, also all in one transaction; a failure takes all back."""
    configured.write("migrations/001_a.sql", single("CREATE TABLE a (id int); SET search_path = nowhere;"))
    module(
        configured,
        """
        def up(db):
            db.execute("INSERT INTO a VALUES (1)")
            db.execute("SET search_path = elsewhere; CREATE TEMP TABLE gone (id int)")
        """,
        "002_b.py",
    )
    configured.write("migrations/003_c.sql", single("INSERT INTO a VALUES (2); SELECT 1/0;"))
    connection = connect(database)
    assert "003_c.sql" in failing(configured, 1, "--single-transaction")
    assert (tables(connection), applied(connection)) == ([], [])
    configured.write("migrations/003_c.sql", single("INSERT INTO a VALUES (2);"))
    ran(configured, "up", "--single-transaction")
    assert connection.execute("SELECT id FROM a ORDER BY id").fetchall() == [(1,), (2,)]
    assert applied(connection) == ["001", "002", "003"]


def test_drift_and_a_file_that_is_gone(configured: Project, database: Database, connect: Connect) -> None:
    """Another byte has drifted, `repair` takes it over; without its file a module cannot be undone."""
    path = module(configured, "def up(db):\n    db.execute('CREATE TABLE a ()')\ndef down(db): ...\n")
    ran(configured, "up")
    mark_as_development(database)
    module(configured, "# told\ndef up(db):\n    db.execute('CREATE TABLE a ()')\n")
    assert states(configured) == {"1": "drifted"}
    assert f"changed afterwards: {path}" in failing(configured, 3).replace(f"{configured.folder}/", "")
    ran(configured, "repair")
    assert states(configured) == {"1": "applied"}
    outcome = configured.run("migrate", "down")
    assert (outcome.code, "version 1 (a) has no down section\n" in outcome.stderr) == (1, True), outcome
    (configured.folder / path).unlink()
    configured.write("migrations/2_b.py", "def up(db): ...\n")
    outcome = configured.run("migrate", "down")
    assert (outcome.code, "has no down section, and its file is gone" in outcome.stderr) == (1, True), outcome


def test_neighbours_and_prints(configured: Project, database: Database, connect: Connect) -> None:
    """A module imports `_common.py` beside it, each run the file that is there; prints go to stderr, JSON stays JSON."""
    configured.write(
        "migrations/_common.py", "print('loaded')\ndef make(db): db.execute('CREATE TABLE made ()')\n"
    )
    module(
        configured,
        """
        from __future__ import annotations

        import dataclasses
        import sys

        from _common import make

        @dataclasses.dataclass
        class Point:
            x: int

        def up(db):
            print(Point(1))
            sys.stdout.write("written\\n")
            db.execute("DO $$ BEGIN RAISE NOTICE 'noticed'; END $$")
            make(db)
        """,
    )
    module(
        configured,
        "import sys\ndef up(db):\n    assert not {'_common', '1_a'} & set(sys.modules)\n",
        "2_b.py",
    )
    outcome = ran(configured, "up", "--json", "-v")
    assert any(event.get("text") == "notice: noticed" for event in outcome.events)
    assert "loaded\n" in outcome.stderr
    assert "Point(x=1)\nwritten\n" in outcome.stderr
    assert sorted(path.name for path in (configured.folder / "migrations").iterdir()) == [
        "1_a.py",
        "2_b.py",
        "_common.py",
    ]


SQL_ERROR = """\
def up(db):
    db.execute("CREATE TABLE a ()")
    db.execute(\"\"\"
        CREATE TABLE b (
            id in
        );
    \"\"\")
"""


def test_an_error_in_sql(configured: Project, database: Database, connect: Connect) -> None:
    """Its line and column in the Python file where the text stands there; rolled back; logged."""
    path = module(configured, SQL_ERROR)
    said = failing(configured)
    assert f'{path}:5:16: type "in" does not exist' in said or f"{path}:5:" in said
    assert "5 |             id in" in said
    connection = connect(database)
    assert tables(connection) == []
    assert events(connection)[-1] == ("failed", "1")
    assert states(configured) == {"1": "pending"}


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ("    table = 'nowhere'\n    db.execute(f'SELECT 1 FROM {table}')", "3:5", 'relation "nowhere" does not exist'),
        ("    db.execute('SELECT %s / 0', [1])", "2:5", "division by zero"),
        ("    db.execute('SELECT %s', [1, 2])", "2:5", "the query has 1 placeholders but 2 parameters were passed"),
        ("    raise ValueError('no such user')", "2:5", "ValueError: no such user"),
        ("    raise SystemExit", "2:5", "SystemExit"),
        ("    raise KeyboardInterrupt", "2:5", "KeyboardInterrupt"),
        ("    import nowhere", "2:5", "ModuleNotFoundError: No module named 'nowhere'"),
        ("    db.execute('CREATE TABLE a ()')\n    1 / 0", "3:5", "ZeroDivisionError: division by zero"),
        ("    yield db.execute('SELECT 1')", "1:1", "TypeError: up(db) gave a generator, and nothing of it ran"),
        ("    db.execute('SELECT 1; commit')", "2:5", "commit: the transaction of a migration is dbops' to end"),
        ("    db.execute('BEGIN')", "2:5", "BEGIN: the transaction of a migration is dbops' to end"),
        ("    db.execute('ROLLBACK AND CHAIN')", "2:5", "ROLLBACK AND: the transaction"),
        ("    db.execute('DISCARD ALL')", "2:5", "DISCARD ALL would give the migration lock away"),
        ("    db.execute('COPY t FROM STDIN')", "2:5", "COPY FROM STDIN without its data"),
        ("    db.execute('VACUUM')", "2:5", "VACUUM cannot run in a transaction"),
        ("    db.execute('DO $$ BEGIN COMMIT; END $$')", "2:5", "DO block that commits or rolls back cannot run in a transaction"),
        ("    db.batched('UPDATE', table='a', key='b')", "2:5", "batched(...) commits each batch"),
        ("    global transactional; transactional = 1\n    db.execute('nonsense')", "3:17", 'syntax error at or near "nonsense"'),
        ("    try:\n        db.execute('nonsense')\n    except db.Error: pass", "3:21", 'syntax error at or near "nonsense"'),
        ("    db._calls.client._connection.commit()", "1:1", "up(db) has ended the transaction that dbops began"),
        ("    db.execute('CREATE TABLE t (id int)')\n    try: db.copy('t', ['id'], ([1 // n] for n in (1, 0)))\n    except ValueError: ...\n    except ArithmeticError: ...",
         "1:1", "up(db) went on behind a call that was broken off"),
        ("    exec('1 +')", "2:5", "invalid syntax"),
    ],
)  # fmt: skip
def test_what_goes_wrong_in_a_transaction(
    configured: Project, database: Database, connect: Connect, body: str, place: str, said: str
) -> None:
    """Told with the line of the module, exit code 1; nothing is there, nothing is recorded, the failure is logged."""
    path = module(configured, f"def up(db):\n{body}\n")
    stderr = failing(configured)
    assert f"{path}:{place}: {said}" in stderr
    connection = connect(database)
    assert (tables(connection), applied(connection)) == ([], [])
    assert events(connection)[-1][0] == "failed"
    assert states(configured) == {"1": "pending"}


def test_code_outside_of_functions(configured: Project) -> None:
    """It runs with the module, before the function; its failure is one of the migration, and no `db` is there yet."""
    path = module(configured, "x = 1\nx.y\ndef up(): ...\n")
    assert f"{path}:2:1: AttributeError" in failing(configured)
    path = module(configured, "def upgrade(): ...\ndb.execute('SELECT 1')\n")
    assert f"{path}:2:1: NameError: name 'db' is not defined" in failing(configured)
    module(configured, "transactional = True\nif True:\n    transactional = False\ndef up(db): ...\n")
    assert "ValueError: transactional is True in the text and another value when it runs" in failing(
        configured
    )


def test_passwords_are_not_told(configured: Project, database: Database, connect: Connect) -> None:
    """Neither in the error's words, its excerpt, nor in the log."""
    module(configured, "def up(db):\n    db.execute(\"ALTER ROLE nobody PASSWORD 'sesame' x\")\n")
    outcome = configured.run("migrate", "up", "-v")
    assert outcome.code == 1
    assert "sesame" not in outcome.stdout + outcome.stderr
    logged = connect(database).execute(
        "SELECT statement FROM schema_migrations_events WHERE action = 'failed'"
    )
    assert logged.fetchall() == [("ALTER ROLE nobody PASSWORD '***' x",)]


def test_savepoints(configured: Project, database: Database, connect: Connect) -> None:
    """An error that is caught and rolled back to a savepoint is none."""
    module(
        configured,
        """
        def up(db):
            db.execute("CREATE TABLE a (id int); SAVEPOINT s")
            try:
                db.execute("SELECT 1/0")
            except db.Error as error:
                assert error.error.sqlstate == "22012"
                db.execute("ROLLBACK TO s")
            db.execute("INSERT INTO a VALUES (1)")
        """,
    )
    ran(configured, "up")
    assert connect(database).execute("SELECT id FROM a").fetchall() == [(1,)]


def test_the_migration_lock_is_kept(configured: Project, database: Database, connect: Connect) -> None:
    """A module that frees all advisory locks is rolled back."""
    module(configured, "def up(db):\n    db.execute('CREATE TABLE a (); SELECT pg_advisory_unlock_all()')\n")
    assert "1_a.py gave the migration lock away" in failing(configured, 11)
    assert tables(connect(database)) == []


def test_left_as_it_was(configured: Project, database: Database, connect: Connect) -> None:
    """Another folder, another search path or role, what is on sys.path: the next migration does not see them."""
    module(
        configured,
        """
        import os, sys

        def up(db):
            db.execute("CREATE SCHEMA other; SET search_path = other; CREATE TEMP TABLE t (id int); LISTEN x")
            os.chdir("/")
            sys.path.clear()
        """,
    )
    module(
        configured,
        """
        import os, sys

        transactional = False

        def up(db):
            assert os.getcwd() != "/" and len(sys.path) > 1
            assert db.execute("SHOW search_path") == [('"$user", public',)]
            assert db.execute("SELECT to_regclass('t')") == [(None,)]
            db.execute("SET search_path = other; CREATE TEMP TABLE t (id int)")
            db.execute("CREATE TABLE lasting ()")
        """,
        "2_b.py",
    )
    configured.write(
        "migrations/003_c.sql", single("CREATE TABLE c (); SELECT 1 / (to_regclass('t') IS NULL)::int;")
    )
    ran(configured, "up")
    assert tables(connect(database)) == ["c"]


WAITING = (
    "SELECT xact_start FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def test_a_lock_is_waited_for(configured: Project, database: Database, connect: Connect) -> None:
    """The module is called again until it gets the lock; past its deadline exit 11, with who holds it; nothing is left."""
    module(
        configured,
        """
        lock_timeout = "500ms"  # long enough to see who holds it, on a busy machine, too
        deadline = "20s"

        def up(db):
            print("called")
            db.execute("CREATE TABLE b ()")
            try:
                db.execute("ALTER TABLE a ADD COLUMN x int")
            except db.Error as error:
                raise RuntimeError("in other words") from error
        """,
    )
    holder = connect(database, autocommit=False)
    holder.execute("CREATE TABLE a ()")
    holder.commit()
    holder.execute("SELECT 1 FROM a")
    watching = connect(database)

    def free_in_the_third_try() -> None:
        tries: set[tuple[Any, ...]] = set()
        while len(tries) < 3:
            tries.update(watching.execute(WAITING))
            time.sleep(0.02)
        holder.rollback()

    free = threading.Thread(target=free_in_the_third_try)
    free.start()
    outcome = ran(configured, "up")
    free.join()
    assert outcome.stderr.count("called\n") > 1
    assert f"held by pid {holder.info.backend_pid}" in outcome.stderr
    holder.execute("SELECT 1 FROM a")
    module(
        configured,
        "lock_timeout = '100ms'\ndeadline = 1\ndef up(db):\n    db.execute('ALTER TABLE a ADD COLUMN y int')\n",
        "2_b.py",
    )
    assert f"held by pid {holder.info.backend_pid}" in failing(configured, 11)


def test_the_migration_lock_is_kept_between_batches(
    configured: Project, database: Database, connect: Connect
) -> None:
    """Without the lock no batch is committed."""
    connection = connect(database)
    connection.execute("CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO t VALUES (1), (2)")
    free = "db.execute('SELECT pg_advisory_unlock_all()')"
    module(configured, textwrap.dedent(BATCHED).replace("changed =", f"{free}\n    changed ="))
    assert "1_a.py gave the migration lock away" in failing(configured, 11)
    assert connection.execute("SELECT sum(n) FROM t").fetchone() == (0,)
    module(configured, f"transactional = False\ndef up(db):\n    {free}\n    1 / 0\n")
    assert "ZeroDivisionError" in failing(configured, 4)
    module(configured, f"transactional = False\ndef up(db):\n    {free}\n")
    assert "1_a.py gave the migration lock away" in failing(configured, 11)


def test_a_failure_under_another_role(configured: Project, database: Database, connect: Connect) -> None:
    """Is written down none the less: by dbops' own role."""
    module(
        configured,
        """
        transactional = False

        def up(db):
            db.execute("SET ROLE pg_monitor; SET search_path = nowhere")
            db.execute("SELECT count(*) FROM public.schema_migrations")
        """,
    )
    connection = connect(database, user=database.server.user, password=database.server.password)
    connection.execute(f'GRANT pg_monitor TO "{database.user}"')
    assert "permission denied for table schema_migrations" in failing(configured, 4)
    assert events(connect(database))[-1] == ("failed", "1")


# -- transactional = False ---------------------------------------------------------------------------------------------


def test_calls_that_commit(configured: Project, database: Database, connect: Connect) -> None:
    """What cannot be in a transaction runs; after a failure the version is partial, exit 4, and up calls it again."""
    text = """
        transactional = False
        statement_timeout = "1min"

        def up(db):
            assert db.execute("SHOW statement_timeout") == [("1min",)]
            db.execute("CREATE TABLE IF NOT EXISTS a (id int)")
            db.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (id)")
            db.execute("BEGIN")
            db.execute("INSERT INTO a VALUES (1)")
            db.execute("COMMIT; VACUUM a" if False else "COMMIT")
            db.execute("VACUUM a")
            db.executemany("INSERT INTO a VALUES (%s)", [[2], [None]])
            db.execute("SELECT 1/0")
        """
    path = module(configured, text)
    said = failing(configured, 4)
    assert f"{path}:13:17: division by zero (what was committed before it is in place)" in said
    assert (
        "bin/migrate up calls up(db) again, which goes on" in said or "migrate up calls up(db) again" in said
    )
    connection = connect(database)
    assert connection.execute("SELECT count(*) FROM a").fetchone() == (3,)
    assert states(configured) == {"1": "partial"}
    assert applied(connection) == []
    module(configured, text.replace("SELECT 1/0", "SELECT 1"))
    outcome = ran(configured, "up")
    assert "going on with 1: calling up(db) again" in outcome.stderr
    assert connection.execute("SELECT count(*) FROM a").fetchone() == (6,)
    assert states(configured) == {"1": "applied"}
    assert [action for action, _ in events(connection)] == ["initialised", "failed", "applied"]


@pytest.mark.parametrize(
    "body", ["db.execute('SELECT 1/0')", "1/0", "db.execute('CREATE INDEX CONCURRENTLY i ON nowhere (id)')"]
)
def test_a_failure_before_anything_was_done(configured: Project, body: str) -> None:
    """It leaves nothing: exit 1, pending."""
    module(configured, f"transactional = False\ndef up(db):\n    {body}\n")
    failing(configured, 1)
    assert states(configured) == {"1": "pending"}


def test_an_open_transaction_at_the_end(configured: Project, database: Database, connect: Connect) -> None:
    """It is rolled back, and the module has failed."""
    module(
        configured,
        "transactional = False\ndef up(db):\n    db.execute('BEGIN')\n    db.execute('CREATE TABLE a ()')\n",
    )
    assert "up(db) has left a transaction open, which was rolled back" in failing(configured, 4)
    assert tables(connect(database)) == []


def test_an_invalid_index_is_built_again(configured: Project, database: Database, connect: Connect) -> None:
    """One that an interrupted run has left is dropped first: IF NOT EXISTS would keep it."""
    connection = connect(database)
    connection.execute("CREATE TABLE a (id int); INSERT INTO a VALUES (1), (1)")
    module(
        configured,
        """
        transactional = False

        def up(db):
            db.execute("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (id)")
        """,
    )
    assert 'could not create unique index "i"' in failing(configured, 4)
    connection.execute("DELETE FROM a")
    assert "dropping the invalid index public.i" in ran(configured, "up").stderr
    assert connection.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"
    ).fetchone() == (True,)


# -- batches -----------------------------------------------------------------------------------------------------------

BATCHED = """
    transactional = False

    def up(db):
        changed = db.batched(
            "UPDATE t SET n = n + %(by)s WHERE id BETWEEN %(first)s AND %(last)s",
            table="t", key="id", size=100, params={"by": 1},
        )
        print(f"changed {changed}")
        db.batched("DELETE FROM t WHERE id BETWEEN %(first)s AND %(last)s AND n > 1", table="t", key="id")
"""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bigint", "g * 3 - 500"),
        ("uuid", "md5(g::text)::uuid"),
        ("text", "CASE g WHEN 1 THEN '' ELSE 'it''s %' || g END"),
        (
            "timestamptz",
            "CASE g WHEN 1 THEN '-infinity' ELSE '2025-01-31 12:00'::timestamptz + g * interval '1 microsecond' END",
        ),
        ("numeric", "g / 7.0"),
    ],
)
def test_batches_over_keys_of_many_types(
    configured: Project, database: Database, connect: Connect, kind: str, value: str
) -> None:
    """Every row once, the least and the greatest among them, whatever type orders them; also after a stop."""
    connection = connect(database)
    connection.execute(f"CREATE TABLE t (id {kind} PRIMARY KEY, n int NOT NULL DEFAULT 0 CHECK (n < 2))")
    connection.execute(f"INSERT INTO t SELECT {value} FROM generate_series(1, 1234) AS g")
    connection.execute(
        "CREATE FUNCTION stops() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'stop'; END $$"
    )
    at = "SELECT id FROM t ORDER BY id OFFSET 777 LIMIT 1"
    literal = connection.execute(f"SELECT quote_literal(({at})::text)").fetchone()
    assert literal is not None
    connection.execute(
        f"CREATE TRIGGER stops BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.id = {literal[0]}) EXECUTE FUNCTION stops()"
    )
    module(configured, BATCHED)
    assert ": stop (what was committed before it is in place)" in failing(configured, 4)
    assert connection.execute("SELECT count(*) FROM t WHERE n = 1").fetchone() == (700,)
    connection.execute("DROP TRIGGER stops ON t")
    outcome = ran(configured, "up")
    assert "700 rows done" in outcome.stderr
    assert "changed 1234\n" in outcome.stderr
    assert connection.execute("SELECT count(*), sum(n) FROM t").fetchone() == (1234, 1234)
    told = json.dumps(ran(configured, "history", "--json").json)
    assert "batch done" not in told


def test_a_stop_in_the_second_batched_statement(
    configured: Project, database: Database, connect: Connect
) -> None:
    """The first one is not run again, and says how many rows it had changed; the second goes on."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0 CHECK (n < 2), d int DEFAULT 1);"
        "INSERT INTO t SELECT g, 0, 1 FROM generate_series(1, 1000) g; UPDATE t SET d = 0 WHERE id = 800"
    )
    module(
        configured,
        BATCHED.replace("DELETE FROM t WHERE id", "UPDATE t SET d = d / d + 1 WHERE id")
        .replace("AND n > 1", "")
        .replace('key="id")', 'key="id", size=300)'),
    )
    assert "division by zero" in failing(configured, 4)
    connection.execute("UPDATE t SET d = 1 WHERE id = 800")
    outcome = ran(configured, "up")
    assert "t: going on behind id 1000, 1,000 rows done\n" in outcome.stderr
    assert "changed 1000\n" in outcome.stderr
    assert "t: going on behind id 600, 600 rows done\n" in outcome.stderr
    assert connection.execute("SELECT DISTINCT n, d FROM t").fetchall() == [(1, 2)]


def test_rows_that_come_meanwhile(configured: Project, database: Database, connect: Connect) -> None:
    """They are taken up at the end; a table without rows is done at once; a down has its own batches."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0); CREATE TABLE none (id int PRIMARY KEY)"
    )
    connection.execute("INSERT INTO t SELECT g FROM generate_series(1, 10) g")
    connection.execute(
        "CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.id <= 10 THEN INSERT INTO t VALUES (NEW.id + 10); END IF; RETURN NULL; END $$;"
        "CREATE TRIGGER more AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION more()"
    )
    module(
        configured,
        """
        transactional = False
        SET = "UPDATE t SET n = n {} 1 WHERE id BETWEEN %(first)s AND %(last)s"

        def up(db):
            assert db.batched(SET.format("+"), table="public.t", key="id", size=4, pause=0.001) == 20
            assert db.batched("DELETE FROM none WHERE id BETWEEN %(first)s AND %(last)s", table="none", key="id") == 0

        def down(db):
            db.execute("DROP TRIGGER more ON t")
            assert db.batched(SET.format("-"), table="t", key="id", size=7) == 20
        """,
    )
    ran(configured, "up")
    assert connection.execute("SELECT count(*), sum(n) FROM t").fetchone() == (20, 20)
    mark_as_development(database)
    ran(configured, "down")
    assert connection.execute("SELECT count(*), sum(n) FROM t").fetchone() == (20, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("'UPDATE t SET n = 1', table='t', key='id'", "a batched statement needs %(first)s and %(last)s"),
        ("S, table='t', key='n'", "t.n is not a key"),
        ("S, table='t', key='part'", "t.part is not a key"),
        ("S, table='t', key='x'", "there is no column x in a table t"),
        ("S, table='nowhere', key='id'", "there is no column id in a table nowhere"),
        ("S, table='t', key='id', size=0", "size counts from 1"),
        ("'COMMIT; ' + S, table='t', key='id'", "cannot insert multiple commands"),
    ],
)
def test_batches_that_cannot_be(
    configured: Project, database: Database, connect: Connect, arguments: str, said: str
) -> None:
    """Refused with the line, and nothing is done."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, part int NOT NULL, EXCLUDE (part WITH =))"
    )
    connection.execute("CREATE UNIQUE INDEX ON t (part) WHERE id > 5; INSERT INTO t VALUES (1, 1, 1)")
    path = module(
        configured,
        "transactional = False\nS = 'DELETE FROM t WHERE id BETWEEN %(first)s AND %(last)s'\n"
        f"def up(db):\n    db.batched({arguments})\n",
    )
    stderr = failing(configured, 1)
    assert f"{path}:4:5: " in stderr
    assert said in stderr
    assert states(configured) == {"1": "pending"}
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_a_batch_waits_for_a_lock(configured: Project, database: Database, connect: Connect) -> None:
    """Only that batch is tried again; past the deadline exit 11, partial, and the next run goes on behind the others."""
    connection = connect(database)
    connection.execute("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0)")
    connection.execute("INSERT INTO t SELECT g FROM generate_series(1, 1000) g")
    holder = connect(database, autocommit=False)
    holder.execute("UPDATE t SET n = 0 WHERE id = 550")
    module(configured, f"deadline = 1\nlock_timeout = '50ms'\n{textwrap.dedent(BATCHED)}")
    stderr = failing(configured, 11)
    assert f"held by pid {holder.info.backend_pid}" in stderr
    assert "; the migration is partial" in stderr
    assert connection.execute("SELECT sum(n) FROM t").fetchone() == (500,)
    holder.rollback()
    ran(configured, "up")
    assert connection.execute("SELECT sum(n), max(n) FROM t").fetchone() == (1000, 1)
