"""Foreign keys: on, and what the usual recipe for making a table anew does with them."""

from __future__ import annotations

import pytest

from tests.contract.site import Site

TABLES = (
    "CREATE TABLE users (id integer PRIMARY KEY, name text);\n"
    "CREATE TABLE orders (id integer PRIMARY KEY, user integer REFERENCES users (id) {action});\n"
    "INSERT INTO users VALUES (1, 'a'), (2, 'b');\nINSERT INTO orders VALUES (1, 1), (2, 2), (3, 2);"
)
ANEW = (
    "CREATE TABLE new_users (id integer PRIMARY KEY, name text NOT NULL);\n"
    "INSERT INTO new_users SELECT * FROM users{where};\nDROP TABLE users;\n"
    "ALTER TABLE new_users RENAME TO users;\nPRAGMA foreign_key_check;\n"
)
OFF, ON = "PRAGMA foreign_keys=OFF;\n", "PRAGMA foreign_keys=ON;\n"
RECIPES = {
    "settings around a transaction": "{off}BEGIN TRANSACTION;\n{anew}COMMIT;\n{on}",
    "settings around statements": "{off}{anew}{on}",
    "in the middle of other statements": "CREATE TABLE other (id integer);\n{off}{anew}{on}CREATE TABLE more (id integer);",
    "between transactions": "BEGIN;\nCREATE TABLE other (id integer);\nCOMMIT;\n{off}BEGIN;\n{anew}COMMIT;\n{on}",
}


def _write(site: Site, recipe: str, *, action: str = "ON DELETE CASCADE", where: str = "") -> None:
    site.migration("001_tables", TABLES.format(action=action))
    site.ran("up")
    site.migration("002_anew", recipe.format(off=OFF, on=ON, anew=ANEW.format(where=where)))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_table_is_made_anew_and_loses_nothing(site: Site, recipe: str) -> None:
    """The recipe of SQLite's manual, as people and generators write it: no row of another table goes with the old one."""
    _write(site, recipe)
    site.ran("up")
    assert site.engine.query("SELECT user FROM orders ORDER BY id") == [(1,), (2,), (2,)]
    assert site.engine.query("SELECT \"notnull\" FROM pragma_table_info('users') WHERE name = 'name'") == [
        (1,)
    ]
    site.migration("003_orphan", "INSERT INTO orders VALUES (9, 99);")
    failed = site.run("up")
    assert failed.code == 1
    assert "FOREIGN KEY constraint failed" in failed.stderr


@pytest.mark.parametrize("recipe", list(RECIPES.values())[:3], ids=list(RECIPES)[:3])
def test_rows_left_without_a_parent_are_found_before_the_commit(site: Site, recipe: str) -> None:
    """While foreign keys are off SQLite checks nothing: tables, number and a row are named, and nothing is left."""
    _write(site, recipe, where=" WHERE id = 1")
    failed = site.run("up")
    assert failed.code == 1
    assert "at the commit: 2 rows of orders refer to rows of users that are not there" in failed.stderr
    assert "rowid 2" in failed.stderr
    assert site.engine.query("SELECT count(*) FROM users") == [(2,)]
    assert site.states()["002"] == "pending"


def test_rows_that_had_no_parent_before_stop_nothing(site: Site) -> None:
    """The application may have written them with foreign keys off, as they are unless one asks, or to a
    column that is not unique: these are not the file's."""
    site.migration("001_tables", TABLES.format(action=""))
    site.ran("up")
    site.engine.query("INSERT INTO orders VALUES (7, 77)")
    site.engine.query("CREATE TABLE unkeyed (id integer)")
    site.engine.query("CREATE TABLE odd (id integer REFERENCES unkeyed (id))")
    site.engine.query("INSERT INTO odd VALUES (1)")
    site.migration("002_anew", OFF + ANEW.format(where="").replace("PRAGMA foreign_key_check;", ""))
    site.ran("up")


def test_the_recipe_without_its_first_line_is_refused(site: Site) -> None:
    """With foreign keys on, DROP TABLE deletes what refers to the table: nothing is lost, and the way out is told."""
    _write(site, "{anew}")
    failed = site.run("up")
    assert failed.code == 1
    assert "002_anew.sql:4:1: DROP TABLE users has deleted or changed 3 rows" in failed.stderr
    assert "PRAGMA foreign_keys = OFF" in failed.stderr
    assert site.engine.query("SELECT count(*) FROM orders") == [(3,)]
    _write_over = ANEW.format(where="")
    site.migration("002_anew", OFF + _write_over)
    site.ran("up")
    assert site.engine.query("SELECT count(*) FROM orders") == [(3,)]


def test_dropping_a_table_for_good_does_what_its_keys_say(site: Site) -> None:
    """ON DELETE CASCADE: what referred to it goes, too."""
    _write(site, "DROP TABLE users;")
    site.ran("up")
    assert site.engine.query("SELECT count(*) FROM orders") == [(0,)]


def test_a_deferred_key_is_told_at_the_commit(site: Site) -> None:
    """SQLite says only that one failed: dbops names the table, the parent and the row."""
    _write(site, "INSERT INTO orders VALUES (9, 99);", action="DEFERRABLE INITIALLY DEFERRED")
    failed = site.run("up")
    assert failed.code == 1
    assert (
        "at the commit: 1 row of orders refers to rows of users that are not there, the first with rowid 9"
        in failed.stderr
    )
    assert site.states()["002"] == "pending"


def test_in_a_migration_in_python(site: Site) -> None:
    """In its transaction foreign keys cannot be put off, which is told; nor does making a table anew lose rows."""
    _write(site, "SELECT 1;")
    (site.project.folder / "migrations/002_anew.sql").unlink()
    module = "def up(db):\n    db.execute({sql!r})\n"
    site.project.write("migrations/002_anew.py", module.format(sql=OFF))
    assert "PRAGMA foreign_keys counts only before a transaction" in site.run("up").stderr
    site.project.write("migrations/002_anew.py", module.format(sql=ANEW.format(where="")))
    failed = site.run("up")
    assert failed.code == 1
    assert "DROP TABLE users has deleted or changed 3 rows" in failed.stderr
    assert site.engine.query("SELECT count(*) FROM orders") == [(3,)]
    site.project.write(
        "migrations/002_anew.py", "transactional = False\n" + module.format(sql=OFF + ANEW.format(where=""))
    )
    site.ran("up")
    assert site.engine.query("SELECT count(*) FROM orders") == [(3,)]


def test_statement_by_statement_a_drop_takes_no_other_rows(site: Site) -> None:
    """Where a file cannot be one transaction, nothing could be taken back: the DROP TABLE is refused, the rows stay."""
    _write(site, "{anew}VACUUM;")
    failed = site.run("up")
    assert failed.code == 4
    assert "DROP TABLE users has deleted or changed 3 rows" in failed.stderr
    assert site.engine.query("SELECT count(*) FROM orders") == [(3,)]


def test_text_of_several_statements_in_python(site: Site) -> None:
    """Where each call commits, the statements of one text are a transaction that is checked like a file."""
    _write(site, "SELECT 1;")
    site.project.write(
        "migrations/003_anew.py",
        f"transactional = False\ndef up(db):\n    db.execute({ANEW.format(where='').replace('PRAGMA foreign_key_check;', '')!r})\n",
    )
    assert "DROP TABLE users has deleted or changed 3 rows" in site.run("up").stderr
    assert site.engine.query("SELECT count(*) FROM orders") == [(3,)]


def test_a_key_that_refers_to_nothing_unique(site: Site) -> None:
    """The new table has lost its primary key: SQLite's words at the commit, and nothing is left."""
    _write(
        site, OFF + ANEW.format(where="").replace(" PRIMARY KEY", "").replace("PRAGMA foreign_key_check;", "")
    )
    failed = site.run("up")
    assert failed.code == 1
    assert 'at the commit: foreign key mismatch - "orders" referencing "users"' in failed.stderr
    assert site.states()["002"] == "pending"


def test_a_view_over_a_table_that_is_made_anew(site: Site) -> None:
    """SQLite stumbles over the view while the table is away; the setting that the hint names is the way out."""
    site.migration("001_tables", TABLES.format(action="") + "\nCREATE VIEW v AS SELECT name FROM users;")
    site.migration("002_anew", OFF + ANEW.format(where=""))
    failed = site.run("up")
    assert failed.code == 1
    assert "legacy_alter_table = ON" in failed.stderr
    site.migration("002_anew", f"PRAGMA legacy_alter_table = ON;\n{OFF}{ANEW.format(where='')}")
    site.ran("up")
    assert site.engine.query("SELECT * FROM v") == [("a",), ("b",)]
