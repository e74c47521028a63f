"""Migrations that cannot be one transaction: where they stop, what may be edited, how they go on."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Project
from tests.watching import Watch

NAME = "migrations/001_m.sql"


def _stopped(configured: Project, text: str) -> str:
    """Write a file, let it stop in the middle; what was said."""
    configured.write(NAME, text)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 4, outcome
    return outcome.stderr


@pytest.mark.one_major
def test_first_statement_fails(configured: Project, watch: Watch) -> None:
    """Exit 1, nothing is there, the version is pending, not partial."""
    configured.write(NAME, "CREATE TABLE t (id nonsense);\nVACUUM;")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert '001_m.sql:1:20: type "nonsense" does not exist' in outcome.stderr
    assert watch.value("select to_regclass('t')") is None
    assert configured.run("migrate", "status", "--json").json["migrations"][0]["state"] == "pending"


@pytest.mark.one_major
def test_first_statement_alone_fails(configured: Project, watch: Watch) -> None:
    """The same for a statement outside a transaction that leaves nothing: a concurrent index on no table."""
    configured.write(NAME, "CREATE INDEX CONCURRENTLY i ON nowhere (id);")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert configured.run("migrate", "status", "--json").json["migrations"][0]["state"] == "pending"
    assert [event[2] for event in watch.events("failed")] == ["42P01"]
    configured.write(NAME, "VACUUM;")
    assert configured.run("migrate", "up").code == 0


@pytest.mark.one_major
def test_failing_statement_is_edited(configured: Project, watch: Watch) -> None:
    """The statement that failed may be mended; what ran before it is not run again."""
    said = _stopped(configured, "CREATE TABLE t (id integer);\nVACUUM t;\nINSERT INTO t VALUES ('x');")
    assert "001_m.sql:3:23" in said
    assert "statement 3 of 3" in said
    assert "bin/migrate up goes on" in said
    assert watch.value("select to_regclass('t') is not null")
    configured.write(NAME, "CREATE TABLE t (id integer);\nVACUUM t;\nINSERT INTO t VALUES (1);")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.values("select id from t") == [1]


@pytest.mark.one_major
def test_statement_that_ran_is_edited(configured: Project, watch: Watch) -> None:
    """Exit 4 at the edited statement, and nothing more runs; put back, it goes on."""
    _stopped(configured, "CREATE TABLE t (id integer);\nVACUUM t;\nINSERT INTO t VALUES ('x');")
    configured.write(NAME, "CREATE TABLE t (id bigint);\nVACUUM t;\nINSERT INTO t VALUES (1);")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 4, outcome
    assert "001_m.sql:1:1: statement 1 ran already and was edited since" in outcome.stderr
    assert watch.value("select count(*) from t") == 0
    configured.write(NAME, "CREATE TABLE t (\n  id integer -- why\n);\nVACUUM t;\nINSERT INTO t VALUES (1);")
    assert configured.run("migrate", "up").code == 0


@pytest.mark.one_major
def test_statements_that_ran_are_taken_out(configured: Project) -> None:
    """A file that became shorter than what ran of it is refused with exit 4."""
    _stopped(configured, "CREATE TABLE t (id integer);\nVACUUM t;\nVACUUM t;\nINSERT INTO t VALUES ('x');")
    configured.write(NAME, "VACUUM;")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 4, outcome
    assert "ran already" in outcome.stderr


@pytest.mark.one_major
@pytest.mark.parametrize(
    "temporary",
    ["CREATE TEMPORARY TABLE s AS SELECT 1;", "CREATE TEMP SEQUENCE s;", "SELECT 1 AS a INTO TEMP s;"],
)
def test_temporary_things_are_gone(configured: Project, temporary: str) -> None:
    """What ran made something that lives only as long as its session: refused, with the way out by hand."""
    _stopped(configured, f"{temporary}\nVACUUM;\nSELECT 1 / 0;")
    configured.write(NAME, f"{temporary}\nVACUUM;\nSELECT 1;")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 4, outcome
    assert "temporary" in outcome.stderr
    assert "bin/migrate mark 001" in outcome.stderr
    assert configured.run("migrate", "mark", "001").code == 0
    assert configured.run("migrate", "status", "--check").code == 0


def test_settings_before_the_stop_are_set_again(configured: Project, watch: Watch) -> None:
    """search_path, a role and set_config before the stop hold for the statements after it."""
    head = (
        "CREATE SCHEMA s;\nSET search_path = s;\nSELECT set_config('my.word', 'kept', false);\n"
        "SET ROLE pg_monitor;\nRESET ROLE;\nVACUUM;\n"
    )
    watch_role = watch.connection.info.user
    head = head.replace("SET ROLE pg_monitor;", f'SET ROLE "{watch_role}";')
    _stopped(configured, head + "SELECT 1 / 0;")
    configured.write(NAME, head + "CREATE TABLE t AS SELECT current_setting('my.word') AS word;")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.value("select word from s.t") == "kept"


def test_unique_index_over_duplicates(configured: Project, watch: Watch) -> None:
    """Exit 4 and an invalid index; once the duplicates are gone, `up` drops it and builds it anew."""
    configured.write("migrations/000_t.sql", "CREATE TABLE t (id integer);\nINSERT INTO t VALUES (1), (1);")
    said = _stopped(configured, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (id);")
    assert "could not create unique index" in said
    assert "(id)=(1) is duplicated" in said
    assert watch.indexes() == {"i": False}
    again = configured.run("migrate", "up")
    assert again.code == 4, again
    watch.connection.execute("delete from t where ctid = (select min(ctid) from t)")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {"i": True}


@pytest.mark.one_major
def test_unnamed_index_over_duplicates(configured: Project, watch: Watch) -> None:
    """An index that the server names is not to be found by name: exit 4 that says what may be left."""
    configured.write("migrations/000_t.sql", "CREATE TABLE t (id integer);\nINSERT INTO t VALUES (1), (1);")
    _stopped(configured, "CREATE UNIQUE INDEX CONCURRENTLY ON t (id);")
    watch.connection.execute("delete from t where ctid = (select min(ctid) from t)")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {"t_id_idx": True}


@pytest.mark.one_major
def test_an_existing_invalid_index_is_not_kept(configured: Project, watch: Watch) -> None:
    """IF NOT EXISTS over an invalid index that somebody else left: built anew, not taken for done."""
    configured.write("migrations/000_t.sql", "CREATE TABLE t (id integer);\nINSERT INTO t VALUES (1), (1);")
    assert configured.run("migrate", "up").code == 0
    with pytest.raises(psycopg.errors.UniqueViolation):
        watch.connection.execute("create unique index concurrently i on t (id)")
    watch.connection.execute("delete from t")
    configured.write(NAME, "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {"i": True}


@pytest.mark.one_major
def test_down_stops_and_goes_on(configured: Project, watch: Watch) -> None:
    """A down that cannot be one transaction stops with exit 4; `up` is refused until `down` has finished."""
    text = (
        "CREATE TABLE t (id integer);\nCREATE INDEX i ON t (id);\n"
        "-- ==== DOWN Migration ====\n/*\nDROP INDEX CONCURRENTLY i;\nDROP TABLE nowhere;\n*/\n"
    )
    configured.write("migrations/001_m.sql", text)
    assert configured.run("migrate", "up").code == 0
    database = str(watch.value("select current_database()"))
    stopped = configured.run("migrate", "down", "--confirm", database)
    assert stopped.code == 4, stopped
    assert "bin/migrate down goes on" in stopped.stderr
    refused = configured.run("migrate", "up")
    assert refused.code == 13, refused
    configured.write("migrations/001_m.sql", text.replace("nowhere", "t"))
    outcome = configured.run("migrate", "down", "--confirm", database)
    assert outcome.code == 0, outcome
    assert watch.applied() == []
    assert watch.value("select to_regclass('t')") is None
