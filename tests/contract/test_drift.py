"""`migrate drift` on either engine."""

from __future__ import annotations

from dbops import Migrator
from tests.contract.site import Site


def drifted(site: Site) -> dict[str, str]:
    """Object to what became of it; the exit code agrees."""
    outcome = site.project.run("migrate", "drift", "--json")
    result = next(event for event in outcome.events if event["type"] == "result")
    assert outcome.code == (3 if result["drifted"] else 0), outcome
    return {one["object"].replace("public.", ""): one["change"] for one in result["differences"]}


def test_what_was_changed_by_hand(abc: Site) -> None:
    """Told by name until it is undone or accepted; up tells it before it begins, and can be made to refuse."""
    abc.ran("up", "2")
    assert drifted(abc) == {}
    abc.engine.query("CREATE TABLE by_hand (id integer)")
    abc.engine.query("ALTER TABLE a ADD COLUMN n integer")
    abc.engine.query("DROP TABLE b")
    found = {"table a": "changed", "table b": "gone", "table by_hand": "added"}
    assert drifted(abc) == found
    assert abc.project.run("migrate", "up", "--fail-on-drift").code == 13
    assert "table by_hand (added)" in abc.ran("up").stderr.replace("public.", "")
    assert drifted(abc) == found
    assert "accepted 3 differences" in abc.ran("drift", "--accept").stdout
    assert drifted(abc) == {}


def test_from_python(abc: Site) -> None:
    """The library tells the same."""
    abc.ran("up")
    abc.engine.query("DROP TABLE b")
    with Migrator(abc.engine.url, migrations_dir=abc.project.folder / "migrations") as migrator:
        (found,) = migrator.drift().differences
    assert (found.object.replace("public.", ""), found.change.value, found.after) == ("table b", "gone", None)


def test_before_anything_was_stored(abc: Site) -> None:
    """A database that was never migrated: drift is not known, and that is no failure."""
    told = abc.ran("drift", "--json").json
    assert told["drifted"] is None
    assert "no schema was stored yet" in told["unknown"]
