"""The test suite's own servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

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
