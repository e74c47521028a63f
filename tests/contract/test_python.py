"""Migrations in Python: the `db` object, what fails, batches that go on."""

from __future__ import annotations

import textwrap

import pytest

from tests.contract.site import Site


def _module(site: Site, text: str, name: str = "002_b.py") -> None:
    site.project.write(f"migrations/{name}", textwrap.dedent(text).lstrip())


@pytest.fixture
def table(site: Site) -> Site:
    """A first migration makes a table with a key, and fills it."""
    site.migration(
        "001_t",
        "CREATE TABLE t (id integer PRIMARY KEY NOT NULL, word text, at date);\n"
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i * 3, 'w', NULL FROM n;",
    )
    return site


def test_the_db_object(table: Site) -> None:
    """Rows with and without parameters, many rows, loading, several statements; what is returned."""
    _module(
        table,
        f"""
        import datetime

        def up(db):
            assert db.engine == {"sqlite" if table.engine.url.startswith("sqlite") else "postgresql"!r}
            assert db.execute("DELETE FROM t") == []
            assert db.execute("INSERT INTO t VALUES (%s, %s, %s)", [1, "100%", datetime.date(2025, 1, 31)]).rowcount == 1
            assert db.execute("SELECT id FROM t WHERE word LIKE %(like)s AND word <> '%%'", {{"like": "100%"}}) == [(1,)]
            assert db.executemany("INSERT INTO t (id, word) VALUES (%s, %s)", ((n, None) for n in (2, 3))) == 2
            assert db.copy("t", ["id", "word"], ((n, "tab\\t" if n % 2 else None) for n in range(4, 104))) == 100
            last = db.execute("SELECT 1; SELECT count(*), count(word) FROM t")
            assert last == [(103, 51)] and last.rowcount == 1

        def down(db):
            db.execute("DELETE FROM t")
        """,
    )
    table.ran("up")
    assert table.applied() == ["001", "002"]
    assert [str(at) for (at,) in table.engine.query("SELECT at FROM t WHERE id = 1")] == ["2025-01-31"]
    table.engine.mark()
    table.ran("down")
    assert table.engine.query("SELECT count(*) FROM t") == [(0,)]


def test_a_failure_leaves_nothing(table: Site) -> None:
    """An error of SQL or of Python takes the whole module back; the place in the file is told."""
    for wrong in ("db.execute('INSERT INTO nowhere VALUES (1)')", "raise RuntimeError('stop')"):
        _module(table, f"def up(db):\n    db.execute('DELETE FROM t')\n    {wrong}\n")
        failed = table.run("up")
        assert failed.code == 1
        assert "002_b.py:3:" in failed.stderr
        assert table.engine.query("SELECT count(*) FROM t") == [(1000,)]
        assert table.states()["002"] == "pending"


def test_a_failed_call_of_many_rows_leaves_none_of_them(table: Site) -> None:
    """Where each call commits: executemany and copy are all or none, several statements in one text, too."""
    _module(
        table,
        """
        transactional = False

        def up(db):
            for call in (
                lambda: db.executemany("INSERT INTO t (id) VALUES (%s)", [[1], [3]]),
                lambda: db.copy("t", ["id"], [[1], [3]]),
                lambda: db.execute("INSERT INTO t (id) VALUES (1); INSERT INTO t (id) VALUES (3)"),
            ):
                try:
                    call()
                except db.Error:
                    assert db.execute("SELECT count(*) FROM t") == [(1000,)]
                else:
                    raise AssertionError
        """,
    )
    assert "AssertionError" not in table.run("up").stderr
    assert table.engine.query("SELECT count(*) FROM t") == [(1000,)]


BATCHED = """
transactional = False

def up(db):
    changed = db.batched(
        "UPDATE t SET word = %(word)s || '!' WHERE id BETWEEN %(first)s AND %(last)s",
        table="t", key="id", size=100, params={"word": "x"},
    )
    assert changed == 1000
"""


def test_batches_go_on_where_they_stopped(table: Site) -> None:
    """The process dies after some batches: partial; the next run goes on behind the last one, each row changed once."""
    dying = BATCHED.replace("\ndef up(db):", "import os, time\n\ndef up(db):\n    die(db)").replace(
        "transactional", "def die(db):\n    inner, n = db._batches._batch, iter(range(3))\n"
        "    db._batches._batch = lambda *a: inner(*a) if next(n, None) is not None else os._exit(9)\n\ntransactional"
    )  # fmt: skip
    _module(table, dying)
    assert table.run("up").code == 9
    assert table.engine.query("SELECT count(*) FROM t WHERE word = 'x!'") == [(300,)]
    assert table.states()["002"] == "partial"
    _module(table, BATCHED)
    resumed = table.run("up")
    assert resumed.code == 0, resumed
    assert "going on behind id 900" in resumed.stderr
    assert table.engine.query("SELECT count(*) FROM t WHERE word = 'x!'") == [(1000,)]


@pytest.mark.parametrize(("key", "said"), [("word", "is not a key"), ("nothing", "there is no column")])
def test_a_batch_needs_a_key(table: Site, key: str, said: str) -> None:
    """A column that is not unique, or not there: told before anything is changed."""
    _module(table, BATCHED.replace('key="id"', f'key="{key}"'))
    failed = table.run("up")
    assert failed.code != 0
    assert said in failed.stderr
    assert table.engine.query("SELECT count(*) FROM t WHERE word = 'w'") == [(1000,)]
