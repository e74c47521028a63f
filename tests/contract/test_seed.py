"""`bin/seed-test-data` with fixture sets: the same sets mean the same on each engine."""

from __future__ import annotations

import pytest

from tests.contract.seeding import Seeded, schema
from tests.contract.site import Site

TEAMS = "name,lead_id\none,@people:ann@x\ntwo,@people:bob@x\n"
PEOPLE = """
key = ["email"]
insert-only = ["balance"]
[[rows]]
email = "ann@x"
team_id = { teams = "one" }
balance = "10.50"
seen_at = "now - 3d"
[[rows]]
email = "bob@x"
team_id = { teams = "one" }
boss_id = { people = "cyd@x" }
active = false
[[rows]]
email = "${WHO:-cyd@x}"
team_id = { teams = "two" }
joined = 2026-01-31
"""
TAGS = '{"person": "ann@x", "tag": "red"}\n{"person": {"people": "cyd@x"}, "tag": "blue"}\n'


@pytest.fixture
def seeded(site: Site) -> Seeded:
    """With the shared schema, and the set `dev` of three tables that refer to each other in a circle."""
    schema(site)
    made = Seeded(site)
    made.write("teams.csv", TEAMS)
    made.write("people.toml", PEOPLE)
    made.write("tags.jsonl", TAGS)
    return made


def test_a_set_is_loaded_once(seeded: Seeded) -> None:
    """Rows are added with their references found; again nothing changes; what is gone or differs is put back."""
    assert seeded.counts() == {"people": (3, 0, 0), "tags": (2, 0, 0), "teams": (2, 0, 0)}
    assert seeded.query(
        "SELECT p.email, t.name, b.email, p.active FROM people AS p JOIN teams AS t ON t.id = p.team_id"
        " LEFT JOIN people AS b ON b.id = p.boss_id ORDER BY p.email"
    ) == [("ann@x", "one", None, True), ("bob@x", "one", "cyd@x", False), ("cyd@x", "two", None, True)]
    before = seeded.all()
    assert seeded.counts() == {"people": (0, 0, 3), "tags": (0, 0, 2), "teams": (0, 0, 2)}
    assert seeded.all() == before
    seeded.query("DELETE FROM tags WHERE tag = 'red'")
    seeded.query("UPDATE people SET active = false, balance = 5 WHERE email = 'cyd@x'")
    seeded.query("UPDATE people SET balance = 7, seen_at = '2020-01-01 00:00:00' WHERE email = 'ann@x'")
    seeded.write("people.toml", PEOPLE.replace("joined =", "active = true\njoined ="))
    assert seeded.counts() == {"people": (0, 1, 2), "tags": (1, 0, 1), "teams": (0, 0, 2)}
    found = seeded.query("SELECT balance, active FROM people WHERE email <> 'bob@x' ORDER BY email")
    assert [(float(balance), bool(active)) for balance, active in found] == [(7.0, True), (5.0, True)]
    (seen,) = seeded.query("SELECT seen_at FROM people WHERE email = 'ann@x'")
    assert str(seen[0]) == "2020-01-01 00:00:00"


def test_every_kind_of_file(seeded: Seeded) -> None:
    """JSON, Python and SQL files are read too; what a set requires comes before it."""
    seeded.write("qa/set.toml", 'requires = ["dev"]\nnotice = "Log in as ann"\n')
    seeded.write("qa/10_notes.json", '{"key": ["id"], "rows": [{"id": 5, "text": "it\'s", "kind": "a"}]}')
    seeded.write("qa/20_more.sql", "INSERT INTO notes (text, kind) VALUES ('x; y', 'b'); -- done\n")
    seeded.write(
        "qa/people.py",
        'KEY = ["email"]\ndef rows(ctx):\n    for row in ctx.rows("teams"):\n'
        '        yield {"email": row["name"] + "@qa", "team_id": {"teams": row["name"]}}\n',
    )
    outcome = seeded.ran("qa")
    assert outcome.stdout.splitlines()[1:] == ["  ran seeds/qa/20_more.sql", "Log in as ann"]
    assert seeded.query("SELECT text, kind FROM notes ORDER BY kind") == [("it's", "a"), ("x; y", "b")]
    assert seeded.query("SELECT count(*) FROM people") == [(5,)]


def test_all_problems_are_told_before_anything_is_written(seeded: Seeded) -> None:
    """A wrong value, reference, column, table and statement: each with its file, row and column."""
    seeded.write("people.toml", PEOPLE.replace('"10.50"', '"much"').replace('"cyd@x"', '"dan@x"', 1))
    seeded.write("notes.csv", "id,text,colour\n1,x,red\n")
    seeded.write("nothing.csv", "id\n1\n")
    seeded.write("99_end.sql", "SELECT 1;\nCOMMIT;\n")
    said = seeded.problems()
    assert "5 problems in the fixtures; nothing was written" in said or "problems in the fixtures" in said
    assert "seeds/dev/99_end.sql line 2: it commits" in said
    (seeded.site.project.folder / "seeds/dev/99_end.sql").unlink()
    said = seeded.problems()
    assert "seeds/dev/people.toml row 1 (line 4), column balance: " in said
    assert "seeds/dev/notes.csv" in said
    assert "notes has no column 'colour'" in said
    assert "the database has no table 'nothing'" in said


def test_references_that_find_nothing(seeded: Seeded) -> None:
    """A reference without a row, and a row that is given twice, are told with file, row and column."""
    seeded.write("people.toml", PEOPLE.replace('people = "cyd@x"', 'people = "dan@x"'))
    seeded.write("tags.jsonl", TAGS + TAGS.splitlines()[0] + "\n")
    said = seeded.problems()
    assert "people.toml row 2 (line 9), column boss_id: people where email = dan@x finds nothing" in said
    assert "tags.jsonl line 3" in said
    assert "the row is given twice" in said


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("notes.csv", "id,text,kind\n1,x,a\n2,y,c\n", "seeds/dev/notes.csv line 3"),
        ("tags.csv", "person,tag\nnobody@x,red\n", "seeds/dev/tags.csv line 2, column person: "),
        ("notes.csv", "id,kind\n1,a\n", "column text: is missing: the row is new"),
    ],
    ids=["check", "foreign key", "not null"],
)
def test_a_refused_row_is_named(seeded: Seeded, file: str, text: str, said: str) -> None:
    """A row that breaks a constraint: its file, its line, and the column of a foreign key; nothing is written."""
    (seeded.site.project.folder / "seeds/dev/tags.jsonl").unlink()
    seeded.write(file, text)
    assert said in seeded.problems()


def test_two_sets_that_disagree(seeded: Seeded) -> None:
    """The same row with another value in another set is an error; with the same values it is one row."""
    seeded.write("more/people.csv", "email,team_id,balance,active\nann@x,@teams:one,10.5,true\n")
    seeded.write("more/set.toml", '[tables.people]\ninsert-only = ["balance"]\n')
    assert seeded.counts("dev", "more")["people"] == (3, 0, 1)
    seeded.write("more/people.csv", "email,team_id,balance\nann@x,@teams:one,11\n")
    assert "the sets give different values of balance" in seeded.problems("dev", "more")


def test_truncate(seeded: Seeded) -> None:
    """The sets' tables are emptied and numbers begin anew; rows of other tables are refused, or go with --cascade."""
    seeded.query("DELETE FROM notes")
    assert seeded.counts()["people"] == (3, 0, 0)
    before = seeded.all()
    outcome = seeded.ran("--truncate", "--json")
    assert {one["table"]: one["deleted"] for one in outcome.json["tables"]} == {
        "people": 3,
        "tags": 2,
        "teams": 2,
    }
    assert [[row[:2] for row in table] for table in seeded.all()] == [
        [row[:2] for row in table] for table in before
    ]
    (seeded.site.project.folder / "seeds/dev/tags.jsonl").unlink()
    refused = seeded.run("--truncate")
    assert refused.code == 13
    assert "tags (2 rows)" in refused.stderr
    seeded.ran("--truncate", "--cascade")
    assert seeded.query("SELECT count(*) FROM tags") == [(0,)]


def test_a_dry_run_writes_nothing(seeded: Seeded) -> None:
    """It says what would be done, and takes it back."""
    assert seeded.ran("--dry-run").stdout == "would load dev: 7 inserted in 3 tables\n"
    assert seeded.all() == [[], [], [], []]


def test_views_take_no_rows(seeded: Seeded) -> None:
    """A file that is named like a view is told so."""
    seeded.query("CREATE VIEW everybody AS SELECT * FROM people")
    seeded.write("everybody.csv", "email\nx\n")
    assert "'everybody' is a view: give rows to the tables beneath it" in seeded.problems()


def test_consent(site: Site) -> None:
    """A database without the mark is not seeded unless its name is confirmed; one of production never."""
    schema(site)
    made = Seeded(site)
    made.write("notes.csv", "id,text,kind\n1,x,a\n")
    made.comment("")
    assert made.run().code == 13
    made.ran("--confirm", site.engine.name)
    made.comment("environment=production")
    refused = made.run("--confirm", site.engine.name)
    assert refused.code == 13
    assert "is marked as production" in refused.stderr
