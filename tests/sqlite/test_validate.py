"""`bin/migrate validate` on SQLite: the file, one migration before it runs or is undone, the project's own checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbops.engines.sqlite import connection as connections
from tests.contract.site import Site

TABLES = """
CREATE TABLE parent (id INTEGER PRIMARY KEY);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id), n INTEGER);
"""


def found(site: Site, *words: str) -> list[dict[str, Any]]:
    """The findings, of which problems make exit 3."""
    outcome = site.project.run("migrate", "validate", *words, "--json")
    assert outcome.code in (0, 3), outcome
    *_, result = [line for line in outcome.events if line["type"] == "result"]
    findings: list[dict[str, Any]] = result["findings"]
    assert (outcome.code == 3) == any(one["level"] == "problem" for one in findings)
    return findings


def run(file: Path, *statements: str) -> None:
    """As an application without foreign keys does."""
    with connections.connect(file, listen=print, deadline=5) as connection:
        connection.execute("pragma foreign_keys = off")
        for statement in statements:
            connection.execute(statement)


def test_the_file(site: Site, file: Path) -> None:
    """A key without an index, a table without a key; rows without their parent; what mends it does."""
    site.project.write("migrations/001_a.sql", TABLES)
    assert site.project.run("migrate", "up").code == 0
    (hint,) = found(site)
    assert (hint["check"], hint["about"]) == ("foreign-key-without-index", "child (parent_id)")
    run(file, hint["mend"], "CREATE TABLE loose (x)", "INSERT INTO child VALUES (1, 7, 1), (2, NULL, 1)")
    assert {one["check"]: (one["about"], one["message"]) for one in found(site)} == {
        "orphans": ("child", "1 row name a parent that is not there"),
        "no-primary-key": ("loose", "has no primary key"),
        "drift": ("the schema", "has 2 objects that the last migration did not leave so"),
    }


def test_a_damaged_file(site: Site, file: Path) -> None:
    """A page that is not what it was: a problem, and a backup is the way out."""
    site.project.write("migrations/001_a.sql", TABLES)
    assert site.project.run("migrate", "up").code == 0
    run(
        file,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO child SELECT i, i, i FROM n",
    )
    run(file, "pragma wal_checkpoint(truncate)")
    content = bytearray(file.read_bytes())
    content[-4000:-3000] = b"\xff" * 1000
    file.write_bytes(content)
    findings = found(site)
    assert {one["check"] for one in findings} == {"damaged"}
    assert "restore" in findings[0]["mend"]


def test_one_migration(site: Site, file: Path) -> None:
    """Sound and to come: nothing; applied, or a file that cannot be read: told."""
    site.project.write("migrations/001_a.up.sql", TABLES)
    site.project.write("migrations/002_b.up.sql", "SELECT 'open;")
    assert site.project.run("migrate", "init").code == 0
    assert found(site, "migration", "001") == []
    assert [one["check"] for one in found(site, "migration", "002")] == ["file"]
    assert site.project.run("migrate", "up", "--to", "001").code == 0
    assert [one["check"] for one in found(site, "migration", "001")] == ["applied-already"]
    assert [one["check"] for one in found(site, "rollback", "001")] == ["no-way-back"]
    assert [one["check"] for one in found(site, "rollback", "002")] == ["not-applied"]


def test_what_a_rollback_loses(site: Site, file: Path) -> None:
    """Rows of a table and values of a column, however their names are written; what is empty is not told."""
    site.project.write("migrations/001_a.up.sql", TABLES + 'CREATE TABLE "odd; name" (x, "y z");')
    down = 'DROP TABLE IF EXISTS main.child; ALTER TABLE "odd; name" DROP COLUMN "y z"; DROP TABLE parent;'
    site.project.write("migrations/001_a.down.sql", down)
    assert site.project.run("migrate", "up").code == 0
    assert found(site, "rollback", "001") == []
    run(file, "INSERT INTO child (n) VALUES (1), (2)", """INSERT INTO "odd; name" VALUES (1, NULL), (1, 2)""")
    told = {one["about"]: one["message"] for one in found(site, "rollback", "001")}
    assert told == {
        "the table child": "goes with 2 rows",
        "the column odd; name.y z": "goes with 1 value",
    }


def test_checks_of_the_project(site: Site, file: Path) -> None:
    """As on PostgreSQL: what they expect, what they say, and before their tables are there."""
    site.project.write(
        "pyproject.toml",
        """
[tool.dbops.checks.no-children]
query = "SELECT id FROM child"
message = "children would be lost"
[tool.dbops.checks.none-counted]
query = "SELECT count(*) FROM child"
expect = "zero"
[tool.dbops.checks.all-positive]
query = "SELECT n > 0 FROM child"
expect = "true"
""",
    )
    site.project.write("migrations/001_a.sql", TABLES + "INSERT INTO child VALUES (7, NULL, -1);")
    assert site.project.run("migrate", "init").code == 0
    names = {"no-children", "none-counted", "all-positive"}
    assert {one["level"] for one in found(site) if one["check"] in names} == {"hint"}
    assert site.project.run("migrate", "up").code == 0
    told = {one["check"]: (one["about"], one["message"]) for one in found(site) if one["check"] in names}
    assert told == {
        "no-children": ("7", "children would be lost"),
        "none-counted": ("1", "expected zero"),
        "all-positive": ("0", "expected true"),
    }
    run(file, "DELETE FROM child")
    told = {one["check"]: (one["about"], one["message"]) for one in found(site) if one["check"] in names}
    assert told == {"all-positive": ("no row", "expected true")}


def test_duplicates_that_a_coming_index_would_hit(site: Site, file: Path) -> None:
    """Told where the index cannot be made, by both forms; the statement that mends it does; NULLs and new tables are fine."""
    site.project.write(
        "migrations/001_a.up.sql", TABLES + "CREATE TABLE k (a TEXT PRIMARY KEY, b) WITHOUT ROWID;"
    )
    assert site.project.run("migrate", "up").code == 0
    run(
        file,
        "INSERT INTO parent VALUES (1)",
        "INSERT INTO child VALUES (1, 1, 5), (2, 1, 5), (3, NULL, 6), (4, NULL, 7)",
    )
    run(file, "INSERT INTO k VALUES ('x', 1), ('X', 1)")
    site.project.write(
        "migrations/002_b.up.sql",
        "CREATE UNIQUE INDEX [i] ON Child (n) WHERE n < 6; CREATE UNIQUE INDEX j ON child (id + n, parent_id);"
        "CREATE TABLE n (a); CREATE UNIQUE INDEX o ON n (a); ALTER TABLE child ADD COLUMN x; CREATE UNIQUE INDEX p ON child (x);"
        "CREATE UNIQUE INDEX q ON k (a COLLATE NOCASE);",
    )
    told = [one for one in found(site, "migration", "002") if one["check"] == "duplicates-coming"]
    assert told == [one for one in found(site) if one["check"] == "duplicates-coming"]
    one, other = told
    assert one["about"] == "the unique index on child (n), coming with 002,"
    assert (one["level"], one["message"]) == ("problem", "would be hit by 1 group of duplicate rows")
    assert other["about"].startswith("the unique index on k (a")
    run(file, one["mend"], "DELETE FROM k WHERE a = 'X'")
    assert site.project.run("migrate", "up").code == 0


def test_what_an_earlier_statement_may_mend(site: Site, file: Path) -> None:
    """It changes the rows of that table: a hint."""
    site.project.write("migrations/001_a.up.sql", TABLES)
    assert site.project.run("migrate", "up").code == 0
    run(file, "INSERT INTO child VALUES (1, NULL, 5), (2, NULL, 5)")
    site.project.write("migrations/002_b.up.sql", "DELETE FROM child WHERE id = 2;")
    site.project.write("migrations/003_c.up.sql", "CREATE UNIQUE INDEX i ON child (n);")
    (one,) = [one for one in found(site) if one["check"] == "duplicates-coming"]
    assert (one["level"], "unless an earlier statement mends" in one["message"]) == ("hint", True)


def test_objects_that_are_missing(site: Site, file: Path) -> None:
    """An index that the last migration left."""
    site.project.write("migrations/001_a.up.sql", TABLES + "CREATE INDEX i ON child (parent_id);")
    assert site.project.run("migrate", "up").code == 0
    assert found(site) == []
    run(file, "DROP INDEX i")
    (one,) = [one for one in found(site) if one["check"] == "missing-object"]
    assert (one["about"], "CREATE INDEX i" in one["mend"]) == ("index i", True)


def test_what_a_rollback_breaks(site: Site, file: Path) -> None:
    """Views, triggers and keys that name a table which goes; none of one that goes with it."""
    site.project.write(
        "migrations/001_a.up.sql", TABLES + "CREATE TRIGGER own AFTER INSERT ON parent BEGIN SELECT 1; END;"
    )
    site.project.write("migrations/001_a.down.sql", "DROP TABLE child; DROP TABLE parent;")
    assert site.project.run("migrate", "up").code == 0
    assert found(site, "rollback", "001") == []
    run(
        file,
        "CREATE VIEW v AS SELECT * FROM [Parent]",
        "CREATE TABLE other (id INTEGER PRIMARY KEY, p REFERENCES Parent)",
        "CREATE TRIGGER t AFTER INSERT ON other BEGIN DELETE FROM child; END",
    )
    told = {one["about"] for one in found(site, "rollback", "001") if one["check"] == "depends-on-it"}
    assert told == {"the view v", "a foreign key of other", "the trigger t"}
