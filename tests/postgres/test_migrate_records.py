"""`migrate force`, `baseline`, `mark`, `repair` and `unlock`: verbs that only write records; and drift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbops.engines.postgres.lock import KEY
from tests.conftest import Project
from tests.postgres.migrating import applied, dump, events, ran, single, states, tables
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


def test_force_sets_exactly_the_versions_up_to_one(
    abc: Project, database: Database, connect: Connect
) -> None:
    """Up or down, to 0 or to the newest: the records follow, no SQL runs, and each change is logged."""
    connection = connect(database)
    ran(abc, "force", "2")
    assert applied(connection) == ["001", "002"]
    assert tables(connection) == []
    before = dump(database)
    assert "record as not applied 002 b" in ran(abc, "force", "1", "--dry-run").stdout
    assert dump(database) == before
    ran(abc, "force", "1")
    assert applied(connection) == ["001"]
    ran(abc, "stamp", "head")
    assert applied(connection) == ["001", "002", "003"]
    ran(abc, "stamp", "base")
    assert applied(connection) == []
    logged = events(connection, "action, version, detail->>'work'")
    assert logged[1:4] == [
        ("forced", "001", "record as applied"),
        ("forced", "002", "record as applied"),
        ("forced", "002", "record as not applied"),
    ]
    assert ran(abc, "force", "0").stdout.startswith("force: nothing to do")


def test_force_of_an_unknown_version(abc: Project) -> None:
    """Exit 2, with the range that exists."""
    outcome = abc.run("migrate", "force", "9")
    assert outcome.code == 2
    assert "there is no migration of version 9; there are 001 to 003" in outcome.stderr


def test_baseline_on_a_database_that_has_the_schema_already(
    abc: Project, database: Database, connect: Connect
) -> None:
    """The tables of 001 and 002 are there: baseline 2 records both, `up` then applies only the third."""
    connection = connect(database)
    connection.execute("CREATE TABLE a (); CREATE TABLE b ();")
    ran(abc, "baseline", "2")
    assert applied(connection) == ["001", "002"]
    assert [action for action, _ in events(connection)] == ["initialised", "baselined", "baselined"]
    ran(abc, "up")
    assert tables(connection) == ["a", "b", "c"]
    refused = abc.run("migrate", "baseline", "3")
    assert refused.code == 13
    assert "has a history already: 3 applied, the newest 003" in refused.stderr


def test_mark_one_version(abc: Project, database: Database, connect: Connect) -> None:
    """Recorded without running; marked again, nothing; taken away with --not-applied; both are logged."""
    connection = connect(database)
    ran(abc, "mark", "2")
    assert applied(connection) == ["002"]
    assert tables(connection) == []
    assert ran(abc, "mark", "002").stdout.startswith("mark: nothing to do")
    assert "record as not applied 002 b" in ran(abc, "mark", "2", "--not-applied", "--dry-run").stdout
    assert applied(connection) == ["002"]
    ran(abc, "mark", "2", "--not-applied")
    assert applied(connection) == []
    assert events(connection)[1:] == [("marked", "002"), ("unmarked", "002")]


# -- drift -------------------------------------------------------------------------------------------------------------

ORIGINAL = single("CREATE TABLE a (id int); -- the table\nINSERT INTO a VALUES (1);", "DROP TABLE a;")


EDITS = {
    "comment": (ORIGINAL.replace("-- the table", "-- a better comment"), "applied"),
    "white space": (
        ORIGINAL.replace("CREATE TABLE a (id int);", "CREATE  TABLE\n    a ( id int ) ;"),
        "applied",
    ),
    "CRLF": (ORIGINAL.replace("\n", "\r\n"), "applied"),
    "BOM": ("\ufeff" + ORIGINAL, "applied"),
    "down only": (ORIGINAL.replace("DROP TABLE a;", "DROP TABLE IF EXISTS a;"), "applied"),
    "value": (ORIGINAL.replace("VALUES (1)", "VALUES (2)"), "drifted"),
    "type": (ORIGINAL.replace("id int", "id bigint"), "drifted"),
    "less": (ORIGINAL.replace("INSERT INTO a VALUES (1);", ""), "drifted"),
    "unreadable": (ORIGINAL.replace("INSERT INTO a", "INSERT 'INTO a"), "drifted"),
}


def test_what_counts_as_drift(project: Project, database: Database) -> None:
    """Comments, white space, line ends and the down section may change after a file was applied; meaning may not."""
    project.use(database)
    project.write("migrations/001_a.sql", ORIGINAL)
    ran(project, "up")
    for kind, (edited, state) in EDITS.items():
        project.write("migrations/001_a.sql", edited)
        assert states(project) == {"001": state}, kind


def test_drift_stops_up_until_it_is_repaired(abc: Project, database: Database, connect: Connect) -> None:
    """`up` and its checks exit 3 and name the file; `repair` takes the checksum over, is logged, and up works."""
    ran(abc, "up", "2")
    abc.write("migrations/002_b.sql", single("CREATE TABLE b (id bigint);", "DROP TABLE b;"))
    connection = connect(database)
    for argv in (("up",), ("plan",), ("goto", "3"), ("up", "--check"), ("status", "--check")):
        outcome = abc.run("migrate", *argv)
        assert outcome.code == 3, argv
    refused = abc.run("migrate", "up")
    assert "002_b.sql" in refused.stderr
    assert "bin/migrate repair 002" in refused.stderr
    assert tables(connection) == ["a", "b"]
    assert ran(abc, "repair", "1").stdout.startswith("repair: nothing to do")
    assert "update the checksum 002 b" in ran(abc, "repair", "--dry-run").stdout
    assert states(abc)["002"] == "drifted"
    before = connection.execute("SELECT checksum FROM schema_migrations WHERE version = '002'").fetchone()
    ran(abc, "repair")
    after = connection.execute("SELECT checksum FROM schema_migrations WHERE version = '002'").fetchone()
    assert before is not None
    assert after is not None
    assert events(connection, "action, version, detail")[-1] == (
        "repaired",
        "002",
        {"old": before[0], "new": after[0]},
    )
    ran(abc, "up")
    assert states(abc) == dict.fromkeys(("001", "002", "003"), "applied")


# -- the lock ----------------------------------------------------------------------------------------------------------


def test_unlock_ends_the_session_that_holds_the_lock(
    abc: Project, database: Database, connect: Connect
) -> None:
    """Held by a dbops session: without --yes it is refused and the holder named, with it ended and logged."""
    ran(abc, "init")
    holder = connect(database, application_name="dbops migrate up kim@laptop")
    holder.execute("SELECT pg_advisory_lock(%s)", [KEY])
    waiting = abc.run("migrate", "up", "--deadline", "500ms")
    assert waiting.code == 11
    assert "dbops migrate up kim@laptop" in waiting.stderr
    assert "bin/migrate unlock" in waiting.stderr
    refused = abc.run("migrate", "unlock")
    assert refused.code == 13
    assert "dbops migrate up kim@laptop" in refused.stderr
    pid = holder.info.backend_pid
    assert ran(abc, "unlock", "--yes", "--json").json["ended"] == pid
    with pytest.raises(psycopg.OperationalError):
        holder.execute("SELECT 1")
    assert events(connect(database), "action, detail->>'pid'")[-1] == ("unlocked", str(pid))
    ran(abc, "up")


def test_unlock_leaves_a_session_alone_that_is_not_dbops(
    abc: Project, database: Database, connect: Connect
) -> None:
    """Somebody's psql holds it: refused, with the statement that would end it."""
    holder = connect(database, application_name="psql")
    holder.execute("SELECT pg_advisory_lock(%s)", [KEY])
    outcome = abc.run("migrate", "unlock", "--yes")
    assert outcome.code == 13
    assert f"pg_terminate_backend({holder.info.backend_pid})" in outcome.stderr
    assert holder.execute("SELECT 1").fetchone() == (1,)


def test_unlock_where_nobody_holds_the_lock(abc: Project) -> None:
    """Nothing to do, and it says so."""
    assert ran(abc, "unlock").stdout.startswith("nobody holds the migration lock")


def test_unlock_without_the_right_to_end_the_session(
    abc: Project, database: Database, connect: Connect
) -> None:
    """The superuser holds it: the server refuses an ordinary role, and dbops passes that on in its words."""
    ran(abc, "init")
    holder = connect(
        database, **database.server.keywords(database.name), application_name="dbops migrate up root@db"
    )
    holder.execute("SELECT pg_advisory_lock(%s)", [KEY])
    outcome = abc.run("migrate", "unlock", "--yes")
    assert outcome.code == 1
    assert outcome.stderr.startswith("error: ")
    assert "terminate" in outcome.stderr.splitlines()[0]
    assert "hint:" in outcome.stderr


def test_a_database_that_writes_dates_in_another_way(
    abc: Project, database: Database, connect: Connect
) -> None:
    """Its DateStyle holds for migrations, and the records can be read all the same."""
    connect(database).execute(
        sql.SQL("alter role {} set datestyle = 'German'").format(sql.Identifier(database.user))
    )
    ran(abc, "up")
    for words in (["status"], ["history"], ["drift"], ["validate"], ["plan"]):
        ran(abc, *words)
    ran(abc, "down", "1", "--confirm", database.name)
