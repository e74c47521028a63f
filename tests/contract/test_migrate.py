"""`bin/migrate`: up, down, what fails, what stops in the middle, what is recorded and told."""

from __future__ import annotations

import pytest

from tests.contract.site import Site


def test_up_down_up(abc: Site) -> None:
    """All the way up, back by one, to nothing, and up again; tables, records and events follow."""
    assert abc.ran("up").stdout == f"up: 3 done; {abc.engine.name} is at 003 c\n"
    assert abc.applied() == ["001", "002", "003"]
    abc.engine.mark()
    abc.ran("down")
    assert (abc.has("b"), abc.has("c")) == (True, False)
    abc.ran("down", "--to", "0")
    assert abc.applied() == []
    assert not abc.has("a")
    abc.ran("up", "2")
    assert abc.states() == {"001": "applied", "002": "applied", "003": "pending"}
    assert abc.events() == [
        ("initialised", None),
        *[("applied", version) for version in ("001", "002", "003")],
        *[("reverted", version) for version in ("003", "002", "001")],
        *[("applied", version) for version in ("001", "002")],
    ]


def test_looking_makes_nothing(abc: Site) -> None:
    """Status, plan and a dry run of an empty database show what is pending; no table is made, nor a file."""
    assert set(abc.states().values()) == {"pending"}
    for argv in (("plan",), ("up", "--dry-run"), ("init", "--dry-run")):
        abc.ran(*argv)
    assert abc.run("up", "--check").code == 3
    assert "no history" in abc.ran("history").stdout
    assert abc.ran("up", "--dry-run", "-v").stdout.count("CREATE TABLE") == 3
    assert not abc.has("schema_migrations")


def test_what_fails_leaves_nothing(abc: Site) -> None:
    """The second of three statements fails: exit 1 with the place; what completed before stays, nothing else."""
    abc.migration(
        "002_b",
        "CREATE TABLE b (id integer);\nINSERT INTO nowhere VALUES (1);\nCREATE TABLE b2 (id integer);",
    )
    failed = abc.run("up", "--json")
    assert failed.code == 1
    assert "002_b.sql:3:13: " in failed.json["message"]
    assert "nowhere" in failed.json["message"]
    assert (abc.has("a"), abc.has("b"), abc.has("b2")) == (True, False, False)
    assert abc.applied() == ["001"]
    assert abc.events()[-1] == ("failed", "002")
    abc.migration("002_b", "CREATE TABLE b (id integer);")
    abc.ran("up")
    assert abc.applied() == ["001", "002", "003"]


def test_a_syntax_error_is_shown_at_its_place(abc: Site) -> None:
    """Of two equal words, the one that the engine means: line and column, and the line with a mark under it."""
    abc.migration("002_b", "CREATE TABLE b (\n  a integer,\n  c integer,,\n  d integer\n);")
    failed = abc.run("up")
    assert failed.code == 1
    assert "002_b.sql:4:13: " in failed.stderr
    assert 'near ","' in failed.stderr
    assert "4 |   c integer,,\n" in failed.stderr


def test_a_down_that_fails_leaves_what_was_there(abc: Site) -> None:
    """Exit 1; the version stays applied and whole."""
    abc.migration("003_c", "CREATE TABLE c (id integer);", "DROP TABLE c; DROP TABLE nowhere;")
    abc.ran("up")
    failed = abc.run("down", "--confirm", abc.engine.name)
    assert failed.code == 1
    assert abc.has("c")
    assert abc.applied() == ["001", "002", "003"]


def test_a_database_that_is_not_marked_asks_for_its_name(abc: Site) -> None:
    """`down` without consent: exit 13, nothing undone; with --confirm NAME or the mark it goes on."""
    abc.ran("up")
    refused = abc.run("down")
    assert refused.code == 13
    assert f"--confirm {abc.engine.name}" in refused.stderr
    assert abc.has("c")
    abc.ran("down", "--confirm", abc.engine.name)
    abc.engine.mark()
    abc.ran("down")
    assert abc.applied() == ["001"]


def test_a_late_number_is_refused_until_it_is_allowed(abc: Site) -> None:
    """002 arrives after 003: out of order, exit 13, and applied with --out-of-order."""
    (abc.project.folder / "migrations/002_b.sql").unlink()
    abc.ran("up")
    abc.migration("002_b", "CREATE TABLE b (id integer);")
    assert abc.states()["002"] == "out of order"
    assert abc.run("up").code == 13
    abc.ran("up", "--out-of-order")
    assert abc.applied() == ["001", "002", "003"]


def test_drift_stops_up_until_it_is_repaired(abc: Site) -> None:
    """An applied file that was edited: exit 3; a comment or other space is no edit; repair takes it over."""
    abc.ran("up", "2")
    abc.migration("001_a", "CREATE  TABLE a -- the first\n (id integer);", "DROP TABLE a;")
    assert abc.states()["001"] == "applied"
    abc.migration("001_a", "CREATE TABLE a (id bigint);", "DROP TABLE a;")
    assert abc.states()["001"] == "drifted"
    assert abc.run("up").code == 3
    abc.ran("repair")
    abc.ran("up")
    assert set(abc.states().values()) == {"applied"}


def test_the_file_is_gone(abc: Site) -> None:
    """Its version is missing, and goes down by the section that was stored."""
    abc.ran("up")
    (abc.project.folder / "migrations/003_c.sql").unlink()
    assert abc.states()["003"] == "missing"
    abc.engine.mark()
    abc.ran("down")
    assert not abc.has("c")


PARTIAL = "CREATE TABLE b (id integer);\nVACUUM;\nINSERT INTO later VALUES (1);\n"


def test_what_stops_in_the_middle_goes_on(abc: Site) -> None:
    """VACUUM cannot be in a transaction; the statement behind it fails: exit 4, partial, and `up` goes on there."""
    abc.migration("002_b", PARTIAL)
    stopped = abc.run("up")
    assert stopped.code == 4
    assert "002_b.sql:4:13: " in stopped.stderr
    assert "statement 3 of 3; what was before it is in place" in stopped.stderr
    assert abc.has("b")
    assert abc.states()["002"] == "partial"
    assert abc.run("up").code == 4
    abc.engine.query("CREATE TABLE later (id integer)")
    abc.ran("up")
    assert abc.applied() == ["001", "002", "003"]
    assert abc.engine.query("SELECT count(*) FROM later") == [(1,)]


def test_a_statement_that_ran_already_may_not_be_edited(abc: Site) -> None:
    """Exit 4 with the way out; `mark` then settles it by hand."""
    abc.migration("002_b", PARTIAL)
    assert abc.run("up").code == 4
    abc.migration("002_b", PARTIAL.replace("b (id", "b (other"))
    refused = abc.run("up")
    assert refused.code == 4
    assert "statement 1 ran already and was edited since" in refused.stderr
    abc.ran("mark", "002")
    abc.ran("up")
    assert set(abc.states().values()) == {"applied"}


def test_all_of_them_or_none(abc: Site) -> None:
    """--single-transaction: the last one fails, and none is applied; mended, all are."""
    abc.migration("003_c", "CREATE TABLE c (id integer); INSERT INTO nowhere VALUES (1);")
    assert abc.run("up", "--single-transaction").code == 1
    assert abc.applied() == []
    assert not abc.has("a")
    abc.migration("003_c", "CREATE TABLE c (id integer);")
    abc.ran("up", "--single-transaction")
    assert abc.applied() == ["001", "002", "003"]


def test_all_of_them_or_none_is_refused_where_it_cannot_be(abc: Site) -> None:
    """A VACUUM among them: exit 13 before anything runs, with the file."""
    abc.migration("003_c", "VACUUM;")
    refused = abc.run("up", "--single-transaction")
    assert refused.code == 13
    assert "003_c.sql" in refused.stderr
    assert not abc.has("a")


def test_a_files_own_transaction(abc: Site) -> None:
    """BEGIN and COMMIT in the file are the migration's transaction, with the record; a ROLLBACK is refused."""
    abc.migration("002_b", "BEGIN;\nCREATE TABLE b (id integer);\nINSERT INTO nowhere VALUES (1);\nCOMMIT;")
    assert abc.run("up").code == 1
    assert not abc.has("b")
    abc.migration("002_b", "BEGIN;\nCREATE TABLE b (id integer);\nROLLBACK;")
    assert "a ROLLBACK in a migration" in abc.run("up").stderr
    abc.migration("002_b", "BEGIN;\nCREATE TABLE b (id integer);\nCOMMIT;")
    abc.ran("up")
    assert abc.has("b")


def test_a_trigger_or_a_function_is_one_statement(site: Site) -> None:
    """Semicolons in strings, in comments and in a trigger's body divide nothing."""
    body = (
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET id = id + 1; END;"
        if site.engine.url.startswith("sqlite")
        else "CREATE FUNCTION f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;"
    )
    site.migration("001_a", f"CREATE TABLE a (id integer, t text DEFAULT 'x;y'); /* ; */ -- ;\n{body}")
    plan = site.ran("plan", "--json").json["steps"]
    assert [step["statements"] for step in plan] == [2]
    site.ran("up")


def test_history_and_records(abc: Site) -> None:
    """The log has who did what and when; rows have description, checksums, duration and the down section."""
    abc.project.write(
        "migrations/001_a.sql",
        "-- Description: the first\n-- UP Migration\nCREATE TABLE a (id integer);\n-- DOWN Migration\n/*\nDROP TABLE a;\n*/\n",
    )
    abc.ran("up", "1")
    history = abc.ran("history", "--json").json["events"]
    assert [(one["action"], one["version"], one["description"]) for one in history] == [
        ("initialised", None, None),
        ("applied", "001", "the first"),
    ]
    assert all("@" in one["who"] and one["at"] for one in history)
    ((*row, down),) = abc.engine.query(
        "SELECT version, name, description, length(checksum), length(raw_checksum), checksum_algorithm, sort_key, "
        "execution_time_ms IS NULL, down_sql FROM schema_migrations"
    )
    assert row == ["001", "a", "the first", 64, 64, "tokens", "011", False]
    assert down.strip() == "DROP TABLE a;"


@pytest.mark.parametrize("verb", ["force", "baseline"])
def test_recording_without_running(abc: Site, verb: str) -> None:
    """The versions up to one are recorded, no SQL runs; the rest is pending."""
    abc.ran(verb, "2")
    assert abc.applied() == ["001", "002"]
    assert not abc.has("a")
    assert abc.states()["003"] == "pending"


def test_another_tools_table_is_not_written_to(abc: Site) -> None:
    """golang-migrate's: exit 13 with the way out; dbops' own tables beside it are then used."""
    abc.engine.query("CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)")
    refused = abc.run("up")
    assert refused.code == 13
    assert "belongs to golang-migrate" in refused.stderr
    abc.project.write("pyproject.toml", '[tool.dbops]\ntracking-table = "dbops_migrations"\n')
    abc.ran("up")
    assert abc.engine.query("SELECT count(*) FROM dbops_migrations") == [(3,)]
    assert abc.engine.query("SELECT count(*) FROM schema_migrations") == [(0,)]
    (abc.project.folder / "pyproject.toml").unlink()
    assert set(abc.states().values()) == {"applied"}


def test_settings_of_a_file_end_with_it(site: Site) -> None:
    """What one migration sets, or makes for its session alone, the next one does not find."""
    setting = (
        "PRAGMA foreign_keys = OFF"
        if site.engine.url.startswith("sqlite")
        else "SET search_path = pg_catalog"
    )
    site.migration("001_a", f"{setting};\nCREATE TEMPORARY TABLE passing (id integer);")
    site.migration(
        "002_b", "CREATE TEMPORARY TABLE passing (id integer); CREATE TABLE b (id integer PRIMARY KEY);"
    )
    site.ran("up")
    assert site.has("b")


def test_statement_timeout(abc: Site) -> None:
    """A statement that takes too long is ended: exit 1, nothing left, and the option is named."""
    abc.migration("002_b", f"CREATE TABLE b (id integer);\n{abc.engine.slow}")
    failed = abc.run("up", "--statement-timeout", "300ms")
    assert failed.code == 1
    assert "statement timeout" in failed.stderr
    assert "--statement-timeout" in failed.stderr
    assert not abc.has("b")


def test_a_down_section_in_line_comments(site: Site) -> None:
    """Prose before it is none of it: the lines from the first from which all the rest is SQL."""
    site.project.write(
        "migrations/001_a.sql",
        "-- UP Migration\nCREATE TABLE a (id integer);\n\n-- DOWN Migration\n-- To undo it by hand:\n-- DROP TABLE a;\n",
    )
    site.ran("up")
    site.engine.mark()
    site.ran("down")
    assert not site.has("a")


VERIFIED = """
-- UP Migration
CREATE TABLE a (id integer);
INSERT INTO a VALUES (1);
-- VERIFY Migration
SELECT count(*) = {} FROM a;
-- expect no rows
SELECT * FROM a WHERE id > 1;
-- DOWN Migration
/*
DROP TABLE a;
*/
"""


def test_verify_sections(site: Site) -> None:
    """A query whose answer is false takes the migration back; `verify --applied` asks again later, exit 3."""
    site.project.write("migrations/001_a.sql", VERIFIED.format(2))
    failed = site.run("up")
    assert failed.code == 1
    assert "001_a.sql:6:1" in failed.stderr
    assert not site.has("a")
    site.project.write("migrations/001_a.sql", VERIFIED.format(1))
    site.ran("up")
    site.ran("verify", "--applied")
    site.engine.query("INSERT INTO a VALUES (5)")
    assert site.run("verify", "--applied").code == 3
    assert site.engine.query("SELECT count(*) FROM a") == [(2,)]
