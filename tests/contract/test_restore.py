"""bin/restore: the same scenarios on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.site import Sqlite
from tests.contract.storing import ROWS, Shop
from tests.postgres.hooking import TELL, forget, hook, ran, told


@pytest.fixture
def backed(shop: Shop) -> Shop:
    """With the backup `one` of the state `first`; the database is in the state `second`."""
    shop.ran("backup", "one")
    shop.become("second")
    return shop


def test_there_and_back(backed: Shop) -> None:
    """Restored, undone, redone by undo, discarded: each time the database is whole, and the other one is kept."""
    done = backed.ran("restore", "one", *backed.confirmed, "--json").json
    assert done["proof"] == f"2 tables, {ROWS + 1} rows, fingerprints"
    assert backed.what() == "first"
    assert backed.displaced() == [done["displaced"]]
    assert backed.ran("restore", "undo", *backed.confirmed, "--json").json["changed"]
    assert backed.what() == "second"
    (displaced,) = backed.displaced()
    backed.ran("restore", "undo", displaced, *backed.confirmed)
    assert backed.what() == "first"
    backed.ran("restore", "discard", "--confirm", backed.displaced()[0])
    assert backed.displaced() == []
    assert backed.what() == "first"
    assert backed.run("restore", "undo", *backed.confirmed).code == 1


def test_without_consent(backed: Shop) -> None:
    """Refused with what would allow it; a mark of a development database is consent."""
    refused = backed.run("restore", "one")
    assert refused.code == 13
    assert f"--confirm {backed.site.engine.name}" in refused.stderr
    assert backed.what() == "second"
    backed.site.engine.mark()
    backed.ran("restore", "latest")
    assert backed.what() == "first"
    backed.ran("restore", "undo")
    assert backed.what() == "second"


def test_a_dry_run_changes_nothing(backed: Shop) -> None:
    """The plan has the steps, and nobody is asked."""
    plan = backed.ran("restore", "one", "--dry-run", "--json").json["plan"]
    assert plan["steps"][0] == "check"
    assert plan["steps"][-1] == "swap"
    assert backed.what() == "second"
    assert backed.displaced() == []


def test_elsewhere(backed: Shop) -> None:
    """--to makes another database, and the configured one is not touched; a second time that one needs consent."""
    backed.ran("restore", "one", "--to", backed.elsewhere)
    assert backed.query_elsewhere("SELECT what FROM state") == [("first",)]
    assert backed.what() == "second"
    assert backed.run("restore", "one", "--to", backed.elsewhere).code == 13


def test_pre_backup(backed: Shop) -> None:
    """The database is backed up as it is, before it is displaced."""
    name = backed.ran("restore", "one", "--pre-backup", *backed.confirmed, "--json").json["pre_backup"]
    assert backed.what() == "first"
    backed.ran("restore", name, *backed.confirmed)
    assert backed.what() == "second"


def test_the_event_log_knows(backed: Shop) -> None:
    """With tracking tables, restore and undo are in the log of what is live then."""
    backed.site.migration("001_a", "CREATE TABLE a (id integer);", "DROP TABLE a;")
    backed.ran("migrate", "up", *backed.confirmed)
    backed.ran("backup", "two")
    backed.ran("restore", "two", *backed.confirmed)
    assert backed.site.events()[-1] == ("restored", None)
    backed.ran("restore", "undo", *backed.confirmed)
    assert backed.site.events()[-1] == ("restored", None)
    assert (
        backed.ran("backup", "show", "two", "--json").json["manifest"]["inventory"]["migrations"]["version"]
        == "001"
    )


def test_migrated_before_the_swap(backed: Shop) -> None:
    """--migrate runs what the folder has and the backup has not, in the side database."""
    backed.site.migration("001_a", "CREATE TABLE a (id integer);", "DROP TABLE a;")
    backed.ran("restore", "one", "--migrate", *backed.confirmed)
    assert backed.what() == "first"
    assert backed.site.applied() == ["001"]


def test_a_migration_that_fails(backed: Shop) -> None:
    """Nothing is swapped, nothing is left, and the hint says what to mend."""
    backed.site.migration("001_a", "CREATE TABLE state (id integer);", "DROP TABLE state;")
    outcome = backed.run("restore", "one", "--migrate", *backed.confirmed)
    assert outcome.code == 1, outcome
    assert "untouched" in outcome.stderr
    assert backed.what() == "second"
    assert backed.displaced() == []


def test_what_is_not_there(backed: Shop) -> None:
    """No such backup, no such displaced database: wrong usage, and nothing is changed."""
    assert backed.run("restore", "nine", *backed.confirmed).code == 2
    assert backed.run("restore", "undo", "nine", *backed.confirmed).code == 2
    assert backed.run("restore", "discard", "nine", *backed.confirmed).code == 2
    assert backed.what() == "second"


def test_a_backup_of_the_other_engine(shop: Shop, tmp_path: Path) -> None:
    """It is refused in words of its own, whatever it is called by; so is a file of the other engine."""
    if isinstance(shop.site.engine, Sqlite):
        path = shop.site.project.write("dump.sql", "CREATE TABLE t (id int);\n")
        outcome = shop.run("restore", str(path), *shop.confirmed)
        assert "pg_dump" in outcome.stderr
    else:
        other = Sqlite(tmp_path / "other.db")
        other.query("CREATE TABLE t (id int)")
        shop.ran("backup", "theirs", "--database-url", other.url)
        outcome = shop.run("restore", "theirs", *shop.confirmed)
        assert outcome.code == 2, outcome
        assert "SQLite" in outcome.stderr
        outcome = shop.run("restore", str(other.path), *shop.confirmed)
        assert "SQLite" in outcome.stderr
    assert outcome.code == 2, outcome
    assert shop.what() == "first"


def test_hooks(backed: Shop) -> None:
    """Around a backup, a restore, its undo and a discard; what they are told names the backup and the database."""
    hooks = {f"{when}_{work}": TELL for when in ("before", "after") for work in ("backup", "restore")}
    project = backed.site.project
    hook(project, **hooks)
    backed.ran("backup", "two")
    backed.ran("restore", "one", *backed.confirmed)
    assert ran(project) == ["before-backup", "after-backup", "before-restore", "after-restore"]
    after = told(project, "after-restore")
    assert (after["BACKUP"], after["DATABASE"], after["OUTCOME"]) == ("one", backed.site.engine.name, "done")
    assert told(project, "after-backup")["BACKUP"] == "two"
    forget(project)
    backed.ran("restore", "undo", *backed.confirmed)
    backed.ran("restore", "discard", "--confirm", backed.displaced()[0])
    assert ran(project) == ["before-restore", "after-restore"] * 2


def test_a_hook_that_says_no(backed: Shop) -> None:
    """Nothing is restored, nothing is backed up, and nothing is left."""
    hook(backed.site.project, before_backup="exit 3", before_restore="exit 3")
    assert backed.run("backup", "two").code == 12
    assert backed.run("restore", "one", *backed.confirmed).code == 12
    assert backed.what() == "second"
    assert backed.displaced() == []
    assert [row["name"] for row in backed.listed()] == ["one"]
