"""What SQLite's failures become for users."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from dbops.engines.sqlite.errors import told
from dbops.errors import ExitCode


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SQLITE_BUSY", ExitCode.LOCK_NOT_ACQUIRED),
        ("SQLITE_BUSY_SNAPSHOT", ExitCode.LOCK_NOT_ACQUIRED),
        ("SQLITE_NOTADB", ExitCode.CANNOT_CONNECT),
        ("SQLITE_CANTOPEN", ExitCode.CANNOT_CONNECT),
        ("SQLITE_READONLY_DIRECTORY", ExitCode.FAILED),
        ("SQLITE_FULL", ExitCode.FAILED),
        ("SQLITE_CORRUPT", ExitCode.FAILED),
        ("SQLITE_IOERR_WRITE", ExitCode.FAILED),
    ],
)
def test_each_has_its_exit_code_and_a_next_step(name: str, code: ExitCode) -> None:
    """By SQLite's own name of the error; the file is named."""
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname = name
    problem = told(error, Path("/srv/app.db"))
    assert problem.exit_code is code
    assert "/srv/app.db" in problem.message
    assert problem.hint
