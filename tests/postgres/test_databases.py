"""Dropping databases."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from dbops.engines.postgres import databases
from tests.servers import Server

pytestmark = pytest.mark.one_major


class _Late(psycopg.Connection[Any]):
    """The server's timeout runs out as the drop is ending, too late for it: what comes next is cancelled."""

    late = False

    def execute(self, query: Any, *rest: Any, **named: Any) -> psycopg.Cursor[Any]:
        if self.late:
            self.late = False
            raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")
        self.late = "DROP DATABASE" in str(query)
        return super().execute(query, *rest, **named)


def test_a_timeout_that_comes_too_late(server: Server) -> None:
    """The drop is done and nothing is raised; the session has no timeout after it."""
    with _Late.connect(**server.keywords(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE late")
        databases.drop(connection, "late")
        assert databases.existing(connection, ["late"]) == {}
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_a_drop_that_takes_longer_than_its_timeouts(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled within milliseconds again and again, at whatever place: each database is dropped all the same."""
    monkeypatch.setattr(databases, "_DROP_PATIENCE", (0.001, 0.002, 0.003))
    with psycopg.connect(**server.keywords(), autocommit=True) as connection:
        for _ in range(10):
            connection.execute("CREATE DATABASE slow")
            databases.drop(connection, "slow")
        assert databases.existing(connection, ["slow"]) == {}
