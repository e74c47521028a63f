"""Several migrators at once, and one that is killed."""

from __future__ import annotations

import os
import signal

from tests.contract.site import Site


def _slow(site: Site) -> None:
    site.migration("002_b", f"CREATE TABLE b (id integer);\n{site.engine.slow}")


def test_six_at_once(abc: Site) -> None:
    """Each migration is applied once, and all six end well."""
    children = [abc.begin("up") for _ in range(6)]
    assert [child.wait(60) for child in children] == [0] * 6
    assert abc.applied() == ["001", "002", "003"]
    assert [event for event in abc.events() if event[0] == "applied"] == [
        ("applied", version) for version in ("001", "002", "003")
    ]


def test_the_holder_is_named(abc: Site) -> None:
    """A second migrator past its deadline: exit 11 with process, verb and account of the first, which goes on."""
    _slow(abc)
    first = abc.begin("up")
    abc.wait_for(lambda: abc.has("a"))
    second = abc.run("up", "--deadline", "300ms")
    assert second.code == 11
    assert "another migrator holds the lock" in second.stderr
    assert "dbops migrate up" in second.stderr
    assert first.poll() is None


def test_killed_in_the_middle(abc: Site) -> None:
    """kill -9 within the second migration: it has left nothing, the lock is free, and `up` goes on."""
    _slow(abc)
    first = abc.begin("up")
    abc.wait_for(lambda: abc.has("a"))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert abc.states() == {"001": "applied", "002": "pending", "003": "pending"}
    abc.migration("002_b", "CREATE TABLE b (id integer);")
    abc.ran("up")
    assert abc.applied() == ["001", "002", "003"]


def test_killed_between_statements_outside_a_transaction(abc: Site) -> None:
    """kill -9 behind a VACUUM: partial; mended, `up` goes on at the statement that ran."""
    text = "CREATE TABLE b (id integer);\nVACUUM;\n"
    abc.migration("002_b", text + abc.engine.slow)
    first = abc.begin("up")
    abc.wait_for(lambda: abc.has("b"))
    abc.wait_for(lambda: ("statement done", 2) in _journal(abc))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert abc.states()["002"] == "partial"
    abc.migration("002_b", text + "SELECT 1;")
    abc.ran("up")
    assert set(abc.states().values()) == {"applied"}


def _journal(site: Site) -> list[tuple[object, ...]]:
    return site.engine.query(
        "SELECT action, statement_number FROM schema_migrations_events WHERE action LIKE 'statement %'"
    )


def test_interrupted_in_a_statement(abc: Site) -> None:
    """Ctrl-C within a statement: exit 130 at once, nothing of the migration is left."""
    _slow(abc)
    first = abc.begin("up")
    abc.wait_for(lambda: abc.has("a"))
    os.killpg(first.pid, signal.SIGINT)
    assert first.wait(25) == 130
    assert not abc.has("b")
    assert abc.applied() == ["001"]
