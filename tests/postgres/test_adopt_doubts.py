"""`migrate adopt` where the other tool is not sure, the files are others, the table is not clear, or somebody is at work."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.adopting import (
    CASES,
    adopted,
    applied_by_the_other,
    project_of,
    recorded,
    rows,
    sha384,
)
from tests.postgres.migrating import mark_as_development, ran, single, states, write_tables
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major
BY_TOOL = {case.tool: case for case in CASES}


@pytest.fixture
def abc(configured: Project) -> Project:
    """Three migrations, `a`, `b` and `c`."""
    write_tables(configured, "a", "b", "c")
    return configured


def _golang(connection: psycopg.Connection[Any], version: int, *, dirty: bool = False) -> None:
    connection.execute(
        "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)"
    )
    connection.execute("INSERT INTO schema_migrations VALUES (%s, %s)", [version, dirty])


# -- rows in doubt -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (("--dirty-applied", "2"), ["001", "002"]),
        (("--dirty-reverted", "2"), ["001"]),
        (("--dirty-applied", "3"), ["001", "002", "003"]),
        (("--dirty-reverted", "003"), ["001", "002"]),
    ],
)
def test_a_dirty_position(
    verdict: tuple[str, ...], expected: list[str], abc: Project, database: Database, connect: Connect
) -> None:
    """golang-migrate's dirty 2 is the up of 2 or the down of 3: refused with both, until the operator says which."""
    connection = connect(database)
    _golang(connection, 2, dirty=True)
    refused = abc.run("migrate", "adopt")
    assert refused.code == 13
    assert "the row 2 of public.schema_migrations (golang-migrate) is in doubt" in refused.stderr
    assert "the up of 2 failed or was interrupted, or the down of the one after 2 did" in refused.stderr
    assert "--dirty-applied 002" in refused.stderr
    assert "--dirty-reverted 003" in refused.stderr
    assert rows(connection, "SELECT FROM pg_tables WHERE tablename LIKE 'dbops_%'") == []
    adopted(abc, *verdict)
    assert recorded(connection) == expected


def test_a_dirty_first_down(abc: Project, database: Database, connect: Connect) -> None:
    """Version -1 is on the way down to nothing: the first migration is in doubt; mirrored, the row is mended."""
    connection = connect(database)
    _golang(connection, -1, dirty=True)
    assert "the down of the first migration failed" in abc.run("migrate", "adopt").stderr
    adopted(abc, "--dirty-applied", "1", "--mirror")
    assert recorded(connection) == ["001"]
    assert rows(connection, "SELECT version, dirty FROM schema_migrations") == [(1, False)]


def test_a_row_that_is_no_success(configured: Project, database: Database, connect: Connect) -> None:
    """sqlx's success = false: refused with the row; with a verdict it is recorded, or pending and gone over there."""
    case = BY_TOOL["sqlx"]
    connection = connect(database)
    applied_by_the_other(configured, connection, case, project_of(configured, "sqlx"), 2)
    connection.execute("UPDATE _sqlx_migrations SET success = false WHERE version = 20240102120000")
    refused = configured.run("migrate", "adopt")
    assert refused.code == 13
    assert "the row 20240102120000 of public._sqlx_migrations (sqlx) is in doubt" in refused.stderr
    wrong = configured.run("migrate", "adopt", "--dirty-applied", "20240101120000")
    assert wrong.code == 2
    assert "version 20240101120000 is not in doubt" in wrong.stderr
    adopted(configured, "--dirty-reverted", "20240102120000", "--mirror")
    assert recorded(connection, "schema_migrations") == ["20240101120000"]
    assert rows(connection, "SELECT version, success FROM _sqlx_migrations") == [(20240101120000, True)]


def test_a_half_applied_revision(abc: Project, database: Database, connect: Connect) -> None:
    """Atlas' applied < total is in doubt; its checksums are over all files before; a baseline covers what is below."""
    connection = connect(database)
    connection.execute(_ATLAS)
    running = hashlib.sha256()
    import base64

    for path in sorted((abc.folder / "migrations").glob("*.sql")):
        running.update(path.name.encode() + path.read_bytes())
        version = path.name[:3]
        kind, applied = (1, 0) if version == "002" else (2, 1)
        if version > "001":
            connection.execute(
                "INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES (%s, 'x', %s, %s, %s, now(), 5000000,"
                " '', '', %s, null, 'v')",
                [version, kind, applied, 2 * applied, base64.b64encode(running.digest()).decode()],
            )
    refused = abc.run("migrate", "adopt")
    assert refused.code == 13
    assert "the row 003 of atlas_schema_revisions.atlas_schema_revisions (atlas)" in refused.stderr
    assert "1 of its 2 statements were applied" in refused.stderr
    adopted(abc, "--dirty-applied", "3")
    assert recorded(connection, "schema_migrations") == ["001", "002", "003"]
    assert abc.run("migrate", "adopt", "--dirty-applied", "3", "--mirror").code == 13


_ATLAS = """
CREATE SCHEMA atlas_schema_revisions;
CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version varchar PRIMARY KEY, description varchar NOT NULL,
    type bigint NOT NULL DEFAULT 2, applied bigint NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0,
    executed_at timestamptz NOT NULL, execution_time bigint NOT NULL, error text, error_stmt text,
    hash varchar NOT NULL, partial_hashes jsonb, operator_version varchar NOT NULL);
INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES
    ('.atlas_cloud_identifier', 'x', 2, 0, 0, now(), 0, '', '', '', null, 'v')
"""


# -- checksums ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["sqlx", "flyway", "graphile-migrate", "trading-engine"])
def test_a_file_that_was_changed(
    tool: str, configured: Project, database: Database, connect: Connect
) -> None:
    """Refused with the file and both checksums, and nothing is recorded; --accept-changed takes it as it is."""
    case = BY_TOOL[tool]
    connection = connect(database)
    files = project_of(configured, case.format)
    applied_by_the_other(configured, connection, case, files, 2)
    files[0].write_text(files[0].read_text().replace("name text", "title text"))
    refused = configured.run("migrate", "adopt", *case.options)
    assert refused.code == 13
    assert f"{files[0].name} is not what {tool} has applied: its checksum is " in refused.stderr
    assert "--accept-changed" in refused.stderr
    outcome = adopted(configured, "--accept-changed", *case.options)
    assert f"{files[0].name} is not what {tool} has applied" in outcome.stderr
    assert list(states(configured, *case.options).values()) == ["applied", "applied", "pending"]


def test_checksums_of_an_unknown_kind(configured: Project, database: Database, connect: Connect) -> None:
    """The market maker's md5 is found out by trying; of what fits no file it is said that nothing was compared."""
    case = BY_TOOL["market-maker"]
    connection = connect(database)
    files = project_of(configured, case.format)
    applied_by_the_other(configured, connection, case, files, 2)
    for file in files[:2]:
        digest = hashlib.md5(file.read_bytes()).hexdigest()
        connection.execute("UPDATE migrations SET checksum = %s WHERE version = %s", [digest, file.name[:3]])
    files[1].write_text(files[1].read_text() + "\n-- more")
    assert "002_touch.sql is not what market-maker has applied" in configured.run("migrate", "adopt").stderr
    connection.execute("UPDATE migrations SET checksum = 'v' || version")
    outcome = adopted(configured)
    assert "how the checksums of public.migrations were computed is not known" in outcome.stderr
    who = rows(connection, "SELECT applied_by, applied_at::date::text FROM schema_migrations")
    assert who == [("alice", "2024-01-02")] * 2


def test_flyways_history(configured: Project, database: Database, connect: Connect) -> None:
    """Undone and deleted versions are pending, a repeatable that has changed runs again, a baseline covers all below."""
    case = BY_TOOL["flyway"]
    connection = connect(database)
    files = project_of(configured, "flyway")
    applied_by_the_other(configured, connection, case, files, 0)
    configured.write("migrations/R__same.sql", "SELECT 1;")
    configured.write("migrations/R__other.sql", "SELECT 2;")
    for rank, (version, kind, script, checksum) in enumerate(
        [
            (None, "SCHEMA", '"app"', None),
            ("1.1", "BASELINE", "<< Flyway Baseline >>", None),
            ("1.2", "SQL", "V1_2__touch.sql", None),
            ("1.3", "SQL", "V1_3__index.sql", None),
            ("1.3", "UNDO_SQL", "U1.3__undo.sql", None),
            (None, "SQL", "R__same.sql", None),
            (None, "SQL", "R__other.sql", -1747896134),
        ],
        start=1,
    ):
        connection.execute(
            "INSERT INTO flyway_schema_history VALUES (%s, %s, 'x', %s, %s, %s, 'them', now(), 1, true)",
            [rank, version, kind, script, checksum],
        )
    outcome = adopted(configured, "--json", *case.options).json
    assert [one["version"] for one in outcome["recorded"]] == ["1.1", "1.2", "R__same"]
    assert outcome["pending"] == ["1.3", "R__other"]


def test_gooses_rows(configured: Project, database: Database, connect: Connect) -> None:
    """The latest row of a version counts, false ones are not applied; a wrong order of application is told."""
    case = BY_TOOL["goose"]
    connection = connect(database)
    applied_by_the_other(configured, connection, case, project_of(configured, "goose"), 0)
    connection.execute(
        "INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (1, true, '2024-01-01'),"
        " (3, true, '2024-01-03'), (3, false, '2024-01-04'), (2, true, '2024-01-05'), (1, false, '2024-01-06'),"
        " (1, true, '2024-01-07')"
    )
    outcome = adopted(configured)
    assert "goose applied them in another order than that of their versions: 002, 001" in outcome.stderr
    assert recorded(connection, "schema_migrations") == ["001", "002"]


# -- files and rows ----------------------------------------------------------------------------------------------------


def test_rows_without_files_and_files_without_rows(
    abc: Project, database: Database, connect: Connect
) -> None:
    """What has no file is recorded and missing, with a warning; what is pending below is told; nothing is run."""
    connection = connect(database)
    connection.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    connection.execute("INSERT INTO schema_migrations VALUES ('001'), ('0025'), ('003')")
    shown = ran(abc, "adopt", "--dry-run")
    assert "would record 3 migrations from public.schema_migrations (dbmate)" in shown.stdout
    assert rows(connection, "SELECT FROM pg_tables WHERE tablename LIKE 'dbops_%'") == []
    outcome = adopted(abc, "-v")
    assert "dbmate takes no lock of its own" in outcome.stderr
    assert "there is no file of it: 0025; recorded as missing" in outcome.stderr
    assert "pending below the newest applied version: 002" in outcome.stderr
    assert "pending: 002; bin/migrate up --out-of-order applies it" in outcome.stdout
    assert "pending: 002; bin/migrate up --out-of-order applies it" in adopted(abc).stdout
    assert states(abc) == {"001": "applied", "002": "out of order", "003": "applied", "0025": "missing"}
    connection.execute("INSERT INTO schema_migrations VALUES ('002')")
    assert "recorded 1 migration" in adopted(abc).stdout
    connection.execute("DELETE FROM schema_migrations WHERE version = '003'")
    assert "recorded here and not applied according to dbmate: 003" in adopted(abc).stderr


def test_a_file_that_was_renamed(configured: Project, database: Database, connect: Connect) -> None:
    """sql-migrate knows files by name: a renamed one is refused with both names."""
    case = BY_TOOL["sql-migrate"]
    files = project_of(configured, case.format)
    applied_by_the_other(configured, connect(database), case, files, 1)
    files[0].rename(files[0].with_name("001-users.sql"))
    outcome = configured.run("migrate", "adopt")
    assert outcome.code == 13
    assert (
        "has 001-accounts.sql, and the file of version 001 is now migrations/001-users.sql" in outcome.stderr
    )


# -- which table -------------------------------------------------------------------------------------------------------


def test_two_tools_tables(abc: Project, database: Database, connect: Connect) -> None:
    """Exit 5 with both names; --from decides."""
    connection = connect(database)
    _golang(connection, 1)
    connection.execute("CREATE TABLE pgmigrations (id int, name varchar, run_on timestamp)")
    outcome = abc.run("migrate", "adopt")
    assert outcome.code == 5
    assert (
        "public.pgmigrations (node-pg-migrate) and public.schema_migrations (golang-migrate)"
        in outcome.stderr
    )
    adopted(abc, "--from", "golang-migrate")
    assert recorded(connection) == ["001"]


def test_a_tool_that_is_not_there(abc: Project) -> None:
    """Named with --from, and no table of it: an error, also where dbops has its own history already."""
    ran(abc, "up")
    assert ran(abc, "adopt").stdout.startswith("nothing to adopt")
    outcome = abc.run("migrate", "adopt", "--from", "goose")
    assert outcome.code == 1, outcome
    assert "goose" in outcome.stderr


def test_a_renamed_table(abc: Project, database: Database, connect: Connect) -> None:
    """--table names it; one with unmistakable columns is found under any name; a mirror knows it from then on."""
    connection = connect(database)
    connection.execute("CREATE SCHEMA app; CREATE TABLE app.done (version text PRIMARY KEY)")
    connection.execute("INSERT INTO app.done VALUES ('001'); CREATE TABLE a ()")
    none = abc.run("migrate", "adopt")
    assert none.code == 1
    assert "--table SCHEMA.NAME" in none.stderr
    assert abc.run("migrate", "adopt", "--table", "app.undone").code == 2
    adopted(abc, "--table", "app.done", "--mirror")
    ran(abc, "up")
    assert rows(connection, "SELECT * FROM app.done ORDER BY 1") == [("001",), ("002",), ("003",)]
    assert "3 recorded before" in adopted(abc).stdout
    connection.execute("DROP TABLE app.done")
    gone = abc.run("migrate", "status")
    assert gone.code == 13
    assert "bin/migrate adopt --no-mirror" in gone.stderr
    adopted(abc, "--no-mirror")
    assert set(states(abc).values()) == {"applied"}


@pytest.mark.parametrize(
    ("tool", "ddl"),
    [
        (
            "sqitch",
            "CREATE TABLE sqitch.changes (change_id text, script_hash text, change text, project text)",
        ),
        (
            "pgroll",
            "CREATE TABLE pgroll.migrations (schema text, name text, migration jsonb, parent text, done bool)",
        ),
        (
            "reshape",
            "CREATE TABLE reshape.migrations (index int, name text, description text, actions jsonb)",
        ),
    ],
)
def test_histories_that_cannot_be_taken_over(
    tool: str, ddl: str, abc: Project, database: Database, connect: Connect
) -> None:
    """They are recognised and refused with the reason and the way out."""
    connect(database).execute(f"CREATE SCHEMA {tool}; {ddl}")
    outcome = abc.run("migrate", "adopt")
    assert outcome.code == 13
    assert f"is {tool}'s, whose history cannot be taken over" in outcome.stderr
    assert "bin/migrate baseline" in outcome.stderr


def test_nothing_to_adopt(abc: Project) -> None:
    """An empty database is told; one that dbops has migrated is dbops' own already."""
    assert abc.run("migrate", "adopt").code == 1
    ran(abc, "up")
    assert "is dbops' own" in adopted(abc).stdout


# -- locks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["/", ""])
def test_the_other_tool_is_running(program: str, abc: Project, database: Database, connect: Connect) -> None:
    """golang-migrate's lock, by its program's key or its library's: exit 11 after the deadline, naming the holder."""
    from zlib import crc32

    connection = connect(database)
    _golang(connection, 1)
    name = f"public\0schema_migrations\0{program}{database.name}"
    key = crc32(name.encode()) * 1486364155 % 2**32
    connection.execute(
        "SELECT pg_advisory_lock(%s), set_config('application_name', 'their deploy', false)", [key]
    )
    outcome = abc.run("migrate", "adopt", "--deadline", "0.2")
    assert outcome.code == 11
    assert "golang-migrate holds its lock" in outcome.stderr
    assert "their deploy" in outcome.stderr
    connection.execute("SELECT pg_advisory_unlock_all()")
    adopted(abc)


_GOOSE_LOCK = """
CREATE TABLE goose_lock (lock_id bigint PRIMARY KEY, locked boolean NOT NULL DEFAULT false, locked_at timestamptz,
    locked_by text, lease_expires_at timestamptz, updated_at timestamptz)
"""


def test_a_lock_that_is_a_row(configured: Project, database: Database, connect: Connect) -> None:
    """yoyo's row, and goose's lease: exit 11 naming whose it is; afterwards dbops leaves neither behind."""
    for tool, ddl, take, free, look in (
        (
            "yoyo", "", "INSERT INTO yoyo_lock VALUES (1, now(), 4711)", "DELETE FROM yoyo_lock",
            "SELECT count(*) FROM yoyo_lock",
        ),
        (
            "goose",
            _GOOSE_LOCK,
            "INSERT INTO goose_lock VALUES (4097083626, true, now(), 'pod 4711', now() + interval '30 s', now())",
            "UPDATE goose_lock SET lease_expires_at = now() - interval '1 s'",
            "SELECT count(*) FROM goose_lock WHERE locked",
        ),
    ):  # fmt: skip
        case = BY_TOOL[tool]
        connection = connect(database)
        folder = f"of_{tool}"
        files = project_of(configured, case.format)
        connection.execute(f"{case.ddl}; {ddl}")
        connection.execute(take)
        options = ("--from", tool, "--tracking-table", folder)
        outcome = configured.run("migrate", "adopt", "--deadline", "0.2", *options)
        assert outcome.code == 11
        assert f"{tool} holds its lock" in outcome.stderr
        assert "4711" in outcome.stderr
        connection.execute(free)
        adopted(configured, *options)
        assert rows(connection, look) == [(0,)]
        for file in (configured.folder / "migrations").iterdir():
            file.unlink()
        assert files


# -- a history that nobody adopted -------------------------------------------------------------------------------------


def test_a_history_in_another_schema(abc: Project, database: Database, connect: Connect) -> None:
    """up does not run again what golang-migrate has applied where its table is not in `public`, or dbops' is not."""
    connection = connect(database)
    connection.execute("CREATE SCHEMA app; SET search_path TO app")
    _golang(connection, 2)
    for options in ((), ("--tracking-table", "ops.history")):
        refused = abc.run("migrate", "up", *options)
        assert refused.code == 13, refused
        assert "a history of another tool in app.schema_migrations, and none of dbops" in refused.stderr
    assert recorded(connection, adopted(abc).stdout.split(" in ")[1].split()[0]) == ["001", "002"]


def test_dbops_own_history_of_other_files(abc: Project) -> None:
    """Two folders on one database, each with tables of its own, are no matter of another tool."""
    ran(abc, "up")
    abc.write("more/1_d.sql", "CREATE TABLE d ();")
    ran(abc, "up", "--migrations-dir", "more", "--tracking-table", "ops.history")


# -- while a mirror is on ----------------------------------------------------------------------------------------------


def test_what_the_other_tool_applies_last(abc: Project, database: Database, connect: Connect) -> None:
    """Where nothing is left to do, up tells it once and records it."""
    connection = connect(database)
    _golang(connection, 2)
    adopted(abc, "--mirror")
    connection.execute("UPDATE schema_migrations SET version = 3")
    outcome = ran(abc, "up")
    assert outcome.stdout.startswith("up: nothing to do")
    assert outcome.stderr.count("golang-migrate has applied meanwhile: 003") == 1
    assert "meanwhile" not in ran(abc, "status").stderr
    assert recorded(connection)[-1] == "003"


def test_what_the_other_tool_undoes(abc: Project, database: Database, connect: Connect) -> None:
    """With a mirror it is pending again and runs again; a row that becomes dirty stops up, and status tells."""
    connection = connect(database)
    _golang(connection, 2)
    connection.execute("CREATE TABLE a (); CREATE TABLE b ()")
    adopted(abc, "--mirror")
    connection.execute("UPDATE schema_migrations SET version = 1; DROP TABLE b")
    outcome = ran(abc, "status")
    assert "golang-migrate has undone meanwhile: 002" in outcome.stderr
    assert states(abc)["002"] == "pending"
    ran(abc, "up")
    assert rows(connection, "SELECT version FROM schema_migrations") == [(3,)]
    history = ran(abc, "history").stdout
    assert "adopted: golang-migrate's public.schema_migrations, undone there" in history
    assert "adopted: golang-migrate's public.schema_migrations, which is written, too" in history
    connection.execute("UPDATE schema_migrations SET dirty = true")
    mark_as_development(database)
    stopped = abc.run("migrate", "down")
    assert stopped.code == 13
    assert "is in doubt" in stopped.stderr
    assert "is in doubt" in ran(abc, "status").stderr


def test_the_end_of_a_mirror(abc: Project, database: Database, connect: Connect) -> None:
    """--no-mirror takes over what the other tool has done until then; afterwards its table is nobody's business."""
    connection = connect(database)
    _golang(connection, 3)
    adopted(abc, "--mirror")
    connection.execute("UPDATE schema_migrations SET version = 2")
    assert abc.run("migrate", "adopt", "--no-mirror", "--dirty-applied", "1").code == 2
    ended = adopted(abc, "--no-mirror")
    assert "003 undone by golang-migrate" in ended.stdout
    assert "pending: 003" in ended.stdout
    connection.execute("UPDATE schema_migrations SET version = 1")
    assert list(states(abc).values()) == ["applied", "applied", "pending"]
    ran(abc, "up")
    assert rows(connection, "SELECT version FROM schema_migrations") == [(1,)]


def test_a_mirror_that_begins_late(abc: Project, database: Database, connect: Connect) -> None:
    """What dbops has applied before is written over there when the mirror begins; failing migrations write nothing."""
    connection = connect(database)
    connection.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    connection.execute("INSERT INTO schema_migrations VALUES ('001'); CREATE TABLE a ()")
    adopted(abc)
    ran(abc, "up", "1")
    outcome = adopted(abc, "--mirror")
    assert "002 written into public.schema_migrations" in outcome.stdout
    assert rows(connection, "SELECT * FROM schema_migrations ORDER BY 1") == [("001",), ("002",)]
    abc.write("migrations/003_c.sql", single("CREATE TABLE c (); SELECT 1/0;"))
    assert abc.run("migrate", "up").code == 1
    assert rows(connection, "SELECT * FROM schema_migrations ORDER BY 1") == [("001",), ("002",)]
    abc.write("migrations/003_c.sql", "CREATE TABLE c (id int);\nCREATE INDEX CONCURRENTLY ON c (id);")
    ran(abc, "up")
    assert len(rows(connection, "SELECT * FROM schema_migrations")) == 3
    abc.write("migrations/004_d.sql", "CREATE TABLE d ();")
    ran(abc, "up", "--single-transaction")
    assert len(rows(connection, "SELECT * FROM schema_migrations")) == 4
    ran(abc, "force", "2")
    assert rows(connection, "SELECT * FROM schema_migrations ORDER BY 1") == [("001",), ("002",)]


def test_sqlx_stays_content(configured: Project, database: Database, connect: Connect) -> None:
    """The mirrored row has the SHA-384 of the file, the description with spaces, and success."""
    case = BY_TOOL["sqlx"]
    connection = connect(database)
    files = project_of(configured, "sqlx")
    applied_by_the_other(configured, connection, case, files, 0)
    adopted(configured, "--mirror")
    ran(configured, "up", "1")
    row = rows(connection, "SELECT description, success, encode(checksum, 'hex') FROM _sqlx_migrations")
    assert row == [("accounts", True, sha384(files[0]))]


def test_a_late_file_below_a_position(abc: Project, database: Database, connect: Connect) -> None:
    """golang-migrate at 3 would count a file 002 that git brings later as applied: dbops has it out of order."""
    late = abc.folder / "migrations/002_b.sql"
    text = late.read_text()
    late.unlink()
    connection = connect(database)
    _golang(connection, 3)
    adopted(abc, "--mirror")
    assert recorded(connection) == ["001", "003"]
    late.write_text(text)
    assert states(abc) == {"001": "applied", "002": "out of order", "003": "applied"}
    assert "0 migrations" in adopted(abc).stdout
    ran(abc, "up", "--out-of-order")
    assert rows(connection, "SELECT version, dirty FROM schema_migrations") == [(3, False)]


def test_an_empty_history(abc: Project, database: Database, connect: Connect) -> None:
    """Another tool's table without a row is adopted, too, so that everything is pending and up goes on."""
    connection = connect(database)
    connection.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    assert "recorded 0 migrations" in adopted(abc).stdout
    ran(abc, "up")
    assert recorded(connection) == ["001", "002", "003"]


def test_up_waits_for_the_mirrored_tool(abc: Project, database: Database, connect: Connect) -> None:
    """While its lock is held by somebody, up ends with 11; the lock is free again after an up that failed."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255), run_on timestamp)"
    )
    adopted(abc, "--mirror")
    connection.execute("SELECT pg_advisory_lock(7241865325823964)")
    outcome = abc.run("migrate", "up", "--deadline", "0.2")
    assert outcome.code == 11
    assert "node-pg-migrate holds its lock" in outcome.stderr
    connection.execute("SELECT pg_advisory_unlock_all()")
    abc.write("migrations/002_b.sql", "SELECT 1/0;")
    assert abc.run("migrate", "up").code == 1
    assert rows(connection, "SELECT name FROM pgmigrations") == [("001_a",)]
    assert rows(connection, "SELECT pg_try_advisory_lock(7241865325823964)") == [(True,)]


def test_a_failed_row_of_flyway(configured: Project, database: Database, connect: Connect) -> None:
    """It is in doubt; with a mirror the failed row goes, and where it is applied another one says so."""
    case = BY_TOOL["flyway"]
    connection = connect(database)
    applied_by_the_other(configured, connection, case, project_of(configured, "flyway"), 2)
    connection.execute("UPDATE flyway_schema_history SET success = false WHERE version = '1.2'")
    assert "the row 1.2 of public.flyway_schema_history" in configured.run("migrate", "adopt").stderr
    adopted(configured, "--dirty-applied", "1.2", "--mirror", *case.options)
    look = "SELECT version, success FROM flyway_schema_history ORDER BY installed_rank"
    assert rows(connection, look) == [("1.1", True), ("1.2", True)]


def test_a_dirty_position_without_a_file(abc: Project, database: Database, connect: Connect) -> None:
    """The file of the version is gone: it can be decided all the same."""
    connection = connect(database)
    _golang(connection, 7, dirty=True)
    adopted(abc, "--dirty-reverted", "7")
    assert recorded(connection) == ["001", "002", "003"]


def test_the_file_of_a_mirrored_migration_is_gone(abc: Project, database: Database, connect: Connect) -> None:
    """Its down runs as it was stored, and the other tool's row goes by its own id; what has no name is not written."""
    connection = connect(database)
    connection.execute("CREATE TABLE gorp_migrations (id text PRIMARY KEY, applied_at timestamptz)")
    adopted(abc)
    ran(abc, "up", "2")
    (abc.folder / "migrations/001_a.sql").unlink()
    outcome = adopted(abc, "--mirror")
    assert "001 is not written into public.gorp_migrations: its file is gone" in outcome.stderr
    assert rows(connection, "SELECT id FROM gorp_migrations") == [("002_b.sql",)]
    (abc.folder / "migrations/002_b.sql").unlink()
    mark_as_development(database)
    ran(abc, "down")
    assert rows(connection, "SELECT id FROM gorp_migrations") == []


def test_adopted_by_several_at_once(abc: Project, database: Database, connect: Connect) -> None:
    """Four processes: one records, the others find it recorded, and all end well."""
    connection = connect(database)
    _golang(connection, 2)
    children = [abc.popen("migrate", "adopt") for _ in range(4)]
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    assert recorded(connection) == ["001", "002"]
    assert rows(connection, "SELECT count(*) FROM dbops_migrations_events WHERE version IS NOT NULL") == [
        (2,)
    ]


def test_a_forced_baseline_of_pgmigrate(configured: Project, database: Database, connect: Connect) -> None:
    """Its row is `manual`, and what is below it was never run by the tool: all of it counts as applied."""
    case = BY_TOOL["pgmigrate"]
    connection = connect(database)
    applied_by_the_other(configured, connection, case, project_of(configured, "pgmigrate"), 0)
    connection.execute("INSERT INTO schema_version VALUES (2, 'Forced baseline', 'manual', 'them')")
    outcome = adopted(configured, "--json").json
    assert [one["version"] for one in outcome["recorded"]] == ["0001", "0002"]


def test_versions_that_the_table_spells_otherwise(abc: Project, database: Database, connect: Connect) -> None:
    """The market maker's rows may have the name behind the number, or no zeros: they are matched, and go as they are."""
    connection = connect(database)
    connection.execute(BY_TOOL["market-maker"].ddl)
    connection.execute("INSERT INTO migrations (version, name) VALUES ('001-add-a', 'a'), ('2', 'b')")
    connection.execute("CREATE TABLE a (); CREATE TABLE b ()")
    adopted(abc, "--mirror")
    assert recorded(connection, "schema_migrations") == ["001", "002"]
    mark_as_development(database)
    ran(abc, "down", "2")
    assert rows(connection, "SELECT version FROM migrations") == []
    ran(abc, "up")
    assert rows(connection, "SELECT version, name FROM migrations ORDER BY 1") == [
        ("001", "a"),
        ("002", "b"),
        ("003", "c"),
    ]


def test_killed_while_both_tables_are_written(
    configured: Project, database: Database, connect: Connect
) -> None:
    """Whenever it happens, both tables say the same, and the next up goes on from there."""
    write_tables(configured, *(f"t{number}" for number in range(60)))
    connection = connect(database)
    connection.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    adopted(configured, "--mirror")
    child = configured.popen("migrate", "up")
    until = time.monotonic() + 60
    while len(recorded(connection)) < 3 and time.monotonic() < until:
        time.sleep(0.002)
    child.kill()
    child.wait()
    for _ in range(200):  # what was on its way may still be committed
        ours, theirs = rows(
            connection,
            "SELECT 1, array_agg(version ORDER BY version) FROM dbops_migrations UNION ALL"
            " SELECT 2, array_agg(version ORDER BY version) FROM schema_migrations ORDER BY 1",
        )
        assert ours[1] == theirs[1]
        time.sleep(0.001)
    ran(configured, "up")
    assert len(rows(connection, "SELECT FROM schema_migrations")) == 60


def test_a_renumbered_file_under_a_mirror(abc: Project, database: Database, connect: Connect) -> None:
    """Its record moves to the new number in both tables, and nothing is said to have been done meanwhile."""
    connection = connect(database)
    connection.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    adopted(abc, "--mirror")
    ran(abc, "up")
    folder = abc.folder / "migrations"
    (folder / "002_b.sql").rename(folder / "004_b.sql")
    ran(abc, "up")
    assert rows(connection, "SELECT version FROM schema_migrations ORDER BY 1") == [
        ("001",),
        ("003",),
        ("004",),
    ]
    assert recorded(connection) == ["001", "003", "004"]
    assert "meanwhile" not in ran(abc, "status").stderr
