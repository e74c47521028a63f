"""Beside an application that reads and writes."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.site import Site


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[sqlite3.Connection]:
    """A transaction of the application that has written."""
    with contextlib.closing(
        sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    ) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO a VALUES (1)")
        yield connection


@pytest.fixture
def two(site: Site) -> Site:
    """The first migration is applied, the second pending."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.ran("up")
    site.migration("002_b", "CREATE TABLE b (id integer);")
    return site


def test_a_writer_that_does_not_end(two: Site, file: Path) -> None:
    """Tried again until the deadline: exit 11, the process that writes is named, nothing is left."""
    with _writing(file):
        outcome = two.run("up", "--lock-timeout", "100ms", "--deadline", "500ms")
        assert two.states()["002"] == "pending"
    assert outcome.code == 11
    assert "a lock was not to be had within" in outcome.stderr
    assert "held by pid " in outcome.stderr
    assert "pg_terminate_backend" not in outcome.stderr
    two.ran("up")


def test_a_writer_that_ends_in_time(two: Site, file: Path) -> None:
    """The migration waits for it and is applied; what the application wrote is there."""
    with _writing(file) as connection:
        ending = threading.Timer(0.7, lambda: connection.execute("COMMIT"))
        ending.start()
        two.ran("up", "--lock-timeout", "100ms")
        ending.join()
    assert two.applied() == ["001", "002"]
    assert two.engine.query("SELECT count(*) FROM a") == [(1,)]


def test_interrupted_while_it_waits(two: Site, file: Path) -> None:
    """Ctrl-C ends the waiting at once: exit 130, and nothing is left."""
    with _writing(file):
        waiting = two.begin("up", "--lock-timeout", "30s")
        two.wait_for(Path(f"{file}.dbops-lock").exists)
        time.sleep(0.5)
        os.killpg(waiting.pid, signal.SIGINT)
        assert waiting.wait(25) == 130
    assert two.states()["002"] == "pending"


def test_records_wait_as_long_as_migrations(two: Site, file: Path) -> None:
    """`mark` writes a row alone, which nothing tries again: it waits until the deadline."""
    with _writing(file) as connection:
        ending = threading.Timer(1.0, lambda: connection.execute("COMMIT"))
        ending.start()
        two.ran("mark", "002", "--lock-timeout", "100ms")
        ending.join()
    assert two.applied() == ["001", "002"]


def test_a_reader_stops_nothing(two: Site, file: Path) -> None:
    """It goes on seeing what was there when it began."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM a").fetchall()
        two.ran("up", "--deadline", "1s")
        assert connection.execute("SELECT count(*) FROM schema_migrations").fetchall() == [(1,)]
