"""Which sections can all run in one transaction, and the reason where they cannot."""

from __future__ import annotations

import pytest

from dbops.engines.postgres.one_transaction import unsafe_in_one_transaction
from dbops.engines.postgres.statements import split
from dbops.engines.statements import Obstacle

ADD = "ALTER TYPE s.mood ADD VALUE 'b'"
BODY = "CREATE FUNCTION f() RETURNS s.mood AS $$SELECT 'b'::s.mood$$ LANGUAGE sql"


def obstacle(*sections: str, server_version: int = 0) -> Obstacle | None:
    """What forbids one transaction for these sections."""
    return unsafe_in_one_transaction([split(sql).statements for sql in sections], server_version)


@pytest.mark.parametrize(
    ("sections", "where", "reason"),
    [
        (("SELECT 1", "SELECT 2; VACUUM t"), 1, "VACUUM cannot run in a transaction"),
        (("BEGIN; SELECT 1; COMMIT",), 0, "it begins a transaction of its own"),
        (("COMMIT AND CHAIN",), 0, "it commits by itself"),
        (("ROLLBACK",), 0, "it rolls back by itself"),
        ((ADD, "INSERT INTO t VALUES ('b')"), 1, "it uses 'b', a new value of the enum s.mood"),
        (
            (f"{ADD}; {BODY}",),
            0,
            "it uses 'b'",
        ),
        (("CREATE TYPE s.mood AS ENUM ('a')", ADD, "SELECT 'b'::s.mood"), 2, "it uses 'b'"),
    ],
)
def test_obstacles(sections: tuple[str, ...], where: int, reason: str) -> None:
    """A statement that needs or ends a transaction of its own, or uses a value that was just added."""
    found = obstacle(*sections)
    assert found is not None
    assert found.section == where
    assert str(found).startswith(reason)


@pytest.mark.parametrize(
    "sections",
    [
        ("SELECT 'b'", ADD, "SELECT 'c'"),
        (ADD, "ALTER TYPE s.mood ADD VALUE 'c' AFTER 'b'"),
        ("SET search_path = s; CREATE TABLE t (a int)", "REINVENT TABLE t"),
        (),
    ],
)
def test_no_obstacle(sections: tuple[str, ...]) -> None:
    """A value used before it was added or not at all, settings, and what only the server can judge."""
    assert obstacle(*sections) is None


def test_type_of_the_same_transaction() -> None:
    """A value added to an enum that was created just before: usable from PostgreSQL 17 on, not before."""
    sections = ("CREATE TYPE mood AS ENUM ('a')", "ALTER TYPE mood ADD VALUE 'b'", "SELECT 'b'::mood")
    assert obstacle(*sections, server_version=160014) is not None
    assert obstacle(*sections, server_version=180004) is None
