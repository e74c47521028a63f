"""The test suite's own servers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT
from tests.servers import Database, Server


def test_every_database_is_empty_utf8_and_owned_by_an_ordinary_role(
    database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """A fresh database of a test: UTF-8, and its owner is no superuser but may make tables."""
    connection = connect(database)
    row = connection.execute(
        "SELECT getdatabaseencoding(), rolsuper, current_setting('server_version_num')::int / 10000"
        " FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row == ("UTF8", False, database.server.major)
    connection.execute("CREATE TABLE public.t ()")


@pytest.mark.one_major
def test_a_wrong_password_is_refused(server: Server) -> None:
    """Over loopback with a wrong password: no entry, as scram demands."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**{**server.keywords(), "password": "wrong"})


def _pytest(*words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [
        sys.executable,
        "-I",
        ROOT / "tests" / "run.py",
        "-n0",
        "-q",
        "--collect-only",
        Path(__file__),
        *words,
    ]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.one_major
def test_a_developer_names_the_servers_to_test_on(server: Server, tmp_path: Path) -> None:
    """`--server-bindir` takes that PostgreSQL and no other; a folder that has none is an error that says so."""
    chosen = _pytest("--server-bindir", server.bindir)
    assert chosen.returncode == 0
    assert set(re.findall(r"\[pg(\d+)\]", chosen.stdout)) == {str(server.major)}
    refused = _pytest("--server-bindir", tmp_path)
    assert refused.returncode == 4
    assert f"--server-bindir {tmp_path}: no initdb and no postgres" in refused.stderr
