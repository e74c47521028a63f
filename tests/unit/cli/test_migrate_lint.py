"""`bin/migrate lint --no-database`: forms of output, levels, marks, which files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbops import config
from dbops.config.model import Options
from dbops.migrations.discovery import discover
from dbops.migrations.model import State, Status
from dbops.safety.lint.run import lint
from tests.conftest import Project

ROOT = Path(__file__).resolve().parents[3]
BAD = "-- é\n-- UP Migration\n/* é */ DROP VIEW totals;\n-- DOWN Migration\n/*\nCREATE VIEW totals AS SELECT 1;\n*/\n"
FINE = "-- UP Migration\nCREATE TABLE a (id bigint);\n-- DOWN Migration\n/*\nDROP TABLE a CASCADE;\n*/\n"
PLACE = ("migrations/001_100%_sure.sql", 3, 9)


@pytest.fixture
def bad(project: Project) -> Project:
    project.write("migrations/001_100%_sure.sql", BAD)
    return project


def test_for_people(bad: Project) -> None:
    """A line with the place, one with the safer way or the page, a summary; exit 3 with the next step."""
    outcome = bad.run("migrate", "lint", "--no-database")
    assert outcome.code == 3
    assert outcome.stdout.splitlines() == [
        "migrations/001_100%_sure.sql:3:9: warning ban-drop-view: Dropping a view may break existing clients.",
        "    https://squawkhq.com/docs/ban-drop-view",
        "1 file: 0 errors, 1 warning, 0 notes",
    ]
    assert outcome.stderr.splitlines() == [
        "error: 1 finding of level warning or worse, 1 below it",
        "hint: mend them; or write -- dbops: ignore RULE -- why, above a statement",
    ]


def test_github(bad: Project) -> None:
    """One workflow command per finding, its properties and its text escaped."""
    outcome = bad.run("migrate", "lint", "--no-database", "--format-out", "github")
    assert outcome.code == 3
    assert outcome.stdout.splitlines() == [
        (
            "::warning file=migrations/001_100%25_sure.sql,line=3,col=9,title=ban-drop-view::"
            "Dropping a view may break existing clients. (https://squawkhq.com/docs/ban-drop-view)"
        )
    ]


def test_sarif(bad: Project) -> None:
    """A document of version 2.1.0 with the rules, the places, and paths as URIs."""
    outcome = bad.run("migrate", "lint", "--no-database", "--format-out", "sarif", "--level", "note")
    assert outcome.code == 3
    document = json.loads(outcome.stdout)
    assert document["version"] == "2.1.0"
    texts = [one["message"]["text"] for one in document["runs"][0]["results"]]
    assert not any(".. " in text for text in texts), texts
    (run,) = document["runs"]
    assert run["tool"]["driver"]["name"] == "dbops"
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    result = next(one for one in run["results"] if one["ruleId"] == "ban-drop-view")
    assert rules[result["ruleIndex"]] == "ban-drop-view"
    assert result["level"] == "warning"
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "migrations/001_100%25_sure.sql"},
                "region": {"startLine": 3, "startColumn": 9},
            }
        }
    ]


@pytest.mark.parametrize(
    "options", [["--json"], ["--format-out", "json"], ["--json", "--format-out", "json"]]
)
def test_json(bad: Project, options: list[str]) -> None:
    """The findings in the result, then the error that makes exit 3."""
    outcome = bad.run("migrate", "lint", "--no-database", *options)
    assert outcome.code == 3
    result, error = outcome.events[-2:]
    assert (result["type"], result["files"], result["squawk"]) == ("result", 1, True)
    (finding,) = result["findings"]
    assert (finding["file"], finding["line"], finding["column"]) == PLACE
    assert (finding["rule"], finding["level"], finding["version"]) == ("ban-drop-view", "warning", "001")
    assert error["code"] == 3


def test_two_forms_at_once(bad: Project) -> None:
    """Exit 2."""
    outcome = bad.run("migrate", "lint", "--no-database", "--json", "--format-out", "sarif")
    assert (outcome.code, outcome.json["message"]) == (2, "--json and --format-out sarif cannot go together")


def test_levels(project: Project) -> None:
    """CASCADE in a down section is a note: shown, and exit 3, only where notes are asked for."""
    project.write("migrations/001_a.sql", FINE)
    assert project.run("migrate", "lint", "--no-database").code == 0
    outcome = project.run("migrate", "lint", "--no-database", "--level", "note")
    assert outcome.code == 3
    assert "migrations/001_a.sql:5:1: note cascade-in-down: " in outcome.stdout
    assert "(docs/lint.md#cascade-in-down)" in outcome.stdout


def test_what_is_made_in_an_earlier_file(project: Project) -> None:
    """An index on a table that 001 makes is no alarm, unless 002 is looked at alone; an unknown version is exit 2."""
    project.write("migrations/001_a.sql", FINE)
    up = "-- UP Migration\nCREATE INDEX a_id ON a (id);\n-- DOWN Migration\n/*\nDROP INDEX a_id;\n*/\n"
    project.write("migrations/002_b.sql", up)
    assert project.run("migrate", "lint", "--no-database").code == 0
    alone = project.run("migrate", "lint", "2", "--no-database", "--json")
    assert [one["rule"] for one in alone.events[-2]["findings"]] == ["require-concurrent-index-creation"]
    assert project.run("migrate", "lint", "1", "2", "--no-database").code == 0
    unknown = project.run("migrate", "lint", "7", "--no-database")
    assert (unknown.code, "there is no version 7" in unknown.stderr) == (2, True)


def test_a_file_that_cannot_be_read_hides_nothing_of_the_others(bad: Project) -> None:
    """It is a finding of its own, at its place."""
    bad.write("migrations/002_broken.sql", "-- UP Migration\nSELECT 1;\nSELECT 'a;\n")
    outcome = bad.run("migrate", "lint", "--no-database", "--json")
    found = [(one["version"], one["rule"], one["line"]) for one in outcome.events[-2]["findings"]]
    assert found == [("001", "ban-drop-view", 3), ("002", "cannot-run", 3)]


def test_pairs_of_files_and_marks_in_a_header(project: Project) -> None:
    """What is in the down file is found there; a mark above the banner counts for the first statement or the file."""
    project.write("migrations/001_a.up.sql", "CREATE TABLE a (id bigint);\nCREATE TABLE b (id bigint);\n")
    project.write("migrations/001_a.down.sql", "\nDROP TABLE a;\n")
    outcome = project.run("migrate", "lint", "--no-database", "--json")
    (finding,) = outcome.events[-2]["findings"]
    assert (finding["rule"], finding["file"], finding["line"]) == (
        "down-incomplete",
        "migrations/001_a.down.sql",
        2,
    )
    project.write("migrations/001_a.down.sql", "-- dbops: ignore down-incomplete\nDROP TABLE a;\n")
    single = "-- dbops: ignore down-missing\n-- squawk-ignore-file ban-drop-view\n-- UP Migration\n\nDROP VIEW totals;\n"
    project.write("migrations/002_b.sql", single)
    clean = project.run("migrate", "lint", "--no-database")
    assert clean.code == 0, clean


def test_code_and_repeatable_migrations(project: Project) -> None:
    """Python without a down is told; a repeatable one needs none."""
    project.write("migrations/V1__a.sql", "CREATE TABLE a (id bigint);")
    project.write("migrations/R__totals.sql", "CREATE OR REPLACE VIEW totals AS SELECT 1;")
    outcome = project.run("migrate", "lint", "--no-database", "--json", "--format", "flyway")
    assert [(one["version"], one["rule"]) for one in outcome.events[-2]["findings"]] == [
        ("1", "down-missing")
    ]


def test_configuration_of_squawk_counts(bad: Project) -> None:
    """A rule that the project excludes in .squawk.toml finds nothing."""
    bad.write(".squawk.toml", 'excluded_rules = ["ban-drop-view"]\nassume_in_transaction = true\n')
    assert bad.run("migrate", "lint", "--no-database").code == 0


def test_without_squawk(bad: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """dbops' own rules are looked at; a mark for one of squawk's is not called unused."""
    bad.write(
        "migrations/001_100%_sure.sql",
        f"-- squawk-ignore-file ban-drop-table\n{BAD}".replace("CREATE VIEW", "--"),
    )
    monkeypatch.chdir(bad.folder)
    settings = config.load(Options(), {}, bad.folder)
    statuses = [
        Status(file.version, file.name, State.PENDING, file)
        for file in discover(settings.migrations_dir).files
    ]
    keys = frozenset(status.version.key for status in statuses)
    assert [one.rule for one in lint(statuses, keys, settings, None, None)] == ["down-missing"]


def test_backups_before_migrating_answer_for_lost_data(project: Project) -> None:
    """With backup-before-migrate a DELETE is not told."""
    project.write(
        "migrations/001_a.sql", "-- UP Migration\nDELETE FROM log;\n-- DOWN Migration\n-- SELECT 1;\n"
    )
    assert project.run("migrate", "lint", "--no-database").code == 3
    project.write("pyproject.toml", '[tool.dbops]\nbackup-before-migrate = "1h"\n')
    outcome = project.run("migrate", "lint", "--no-database")
    assert outcome.code == 0, outcome


def test_the_trading_engine_passes(project: Project) -> None:
    """The project's own migrations, written as its documents teach, have no finding at the default level."""
    outcome = project.run("migrate", "lint", "--no-database", "--migrations-dir", str(ROOT / "migrations"))
    assert outcome.code == 0, outcome
    assert "8 files: 0 errors, 0 warnings" in outcome.stdout


def test_no_database_is_reached(project: Project) -> None:
    """A note says what that means; the files are looked at."""
    project.write("migrations/001_a.sql", FINE)
    outcome = project.run("migrate", "lint", environ={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"})
    assert outcome.code == 0, outcome
    assert outcome.stderr.startswith("no database: cannot connect to nobody@127.0.0.1:1/x")
    assert "all files are looked at as if none were applied" in outcome.stderr


def test_sqlite(project: Project) -> None:
    """dbops' own rules alone: squawk is not asked, and its absence is not told; what is SQLite's own is no wrong syntax."""
    project.write("migrations/001_a.sql", "CREATE TABLE t (a, b) WITHOUT ROWID;\n")
    outcome = project.run(
        "migrate", "lint", "--no-database", "--json", environ={"DATABASE_URL": "sqlite:///a.db"}
    )
    *_, result = outcome.events[:-1]
    assert (outcome.code, result["squawk"]) == (3, False)
    assert [one["rule"] for one in result["findings"]] == ["down-missing"]
    assert "squawk is not installed" not in outcome.stdout


def test_an_index_of_a_new_table(project: Project) -> None:
    """To drop or rename it blocks nobody, as long as the table is made by these migrations, too."""
    project.write(
        "migrations/001_t.sql",
        "CREATE TABLE t (id bigint PRIMARY KEY, a text);\nCREATE INDEX ti ON t (a);\n-- DOWN Migration\n/*\nDROP TABLE t;\n*/\n",
    )
    project.write(
        "migrations/002_i.sql",
        "ALTER INDEX ti RENAME TO tj;\nDROP INDEX tj;\n-- DOWN Migration\n/*\nCREATE INDEX ti ON t (a);\n*/\n",
    )
    assert project.run("migrate", "lint", "--no-database").code == 0
    outcome = project.run("migrate", "lint", "2", "--no-database")
    assert "require-concurrent-index-deletion" in outcome.stdout
    assert "renaming-object" in outcome.stdout
