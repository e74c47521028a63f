"""The spellings of other tools as ours: every row of the table in the design."""

from __future__ import annotations

import pytest

from dbops.cli import spellings
from dbops.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        # the trading engine's tool
        ("-cmd init", "init"),
        ("-cmd up", "up"),
        ("-cmd down", "down"),
        ("-cmd status", "status"),
        ("-cmd=up", "up"),
        ("-cmd up -dry-run", "up --dry-run"),
        ("-dry-run -cmd up", "--dry-run up"),
        ("-cmd up -verbose", "up --verbose"),
        ("-cmd up -conn URL", "up --database-url URL"),
        ("-conn=URL -cmd=up", "--database-url=URL up"),
        # golang-migrate
        ("-path DIR -database URL up", "--migrations-dir DIR --database-url URL up"),
        ("-path DIR -database URL down 2", "--migrations-dir DIR --database-url URL down 2"),
        ("-path=DIR -database=URL goto 3", "--migrations-dir=DIR --database-url=URL goto 3"),
        ("-source file://DIR -database URL force 2", "--migrations-dir DIR --database-url URL force 2"),
        ("-database URL version", "--database-url URL current"),
        ("create NAME", "new NAME"),
        ("create -ext sql -dir DIR -seq NAME", "new --format pairs --migrations-dir DIR NAME"),
        ("create -ext sql -dir DIR -digits 6 -seq NAME", "new --format pairs --migrations-dir DIR NAME"),
        ("-version", "--version"),
        ("-help", "--help"),
        # Alembic
        ("upgrade head", "up"),
        ("upgrade heads", "up"),
        ("upgrade", "up"),
        ("upgrade 001", "up --to 001"),
        ("upgrade +1", "up --steps 1"),
        ("downgrade -1", "down --steps 1"),
        ("downgrade 001", "down --to 001"),
        ("downgrade base", "down --to 0"),
        ("current", "current"),
        ("history", "history"),
        ("heads", "heads"),
        ("stamp 002", "force 002"),
        ("stamp head", "force head"),
        ("stamp base", "force 0"),
        ("revision -m TEXT", "new TEXT"),
        ("revision --message=TEXT", "new TEXT"),
        ("revision --message TEXT", "new TEXT"),
        # the trading bot
        ("run", "up"),
        ("rollback 1.0.2", "down --through 1.0.2"),
        ("create 1.0.3 NAME", "new 1.0.3 NAME"),
        # the market maker
        ("up --only 001", "up --only 001"),
        # options of ours around them, whose values are no targets
        ("downgrade --confirm mydb -1", "down --steps 1 --confirm mydb"),
        ("rollback --confirm 7 1.0.2 --yes", "down --through 1.0.2 --confirm 7 --yes"),
        ("--confirm mydb downgrade base", "--confirm mydb down --to 0"),
        ("--env qa stamp 3 --json", "--env qa force 3 --json"),
        ("upgrade --deadline 5 head", "up --deadline 5"),
        ("--migrations-dir run up", "--migrations-dir run up"),
        # what is ours stays as it is
        ("down 2", "down 2"),
        ("up --to 3", "up --to 3"),
        ("", ""),
        ("--json", "--json"),
    ],
)
def test_every_spelling(typed: str, ours: str) -> None:
    """Pure rewriting: what is typed, and what our parser is given."""
    assert spellings.migrate(typed.split()) == ours.split()


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        (["downgrade"], "downgrade to what?", "downgrade -1"),
        (["stamp"], "stamp which version?", "stamp VERSION"),
        (["rollback"], "rollback which version?", "bin/migrate down"),
        (["revision"], "revision needs a message", "-m"),
        (["revision", "-m"], "revision needs a message", "-m"),
        (["revision", "--autogenerate", "-m", "x"], "where the models are", "bin/migrate diff --to models:"),
    ],
)
def test_spellings_that_lack_something(typed: list[str], message: str, hint: str) -> None:
    """Wrong usage, with what to type."""
    with pytest.raises(UsageError, match=message) as caught:
        spellings.migrate(typed)
    assert hint in (caught.value.hint or "")


def test_a_message_keeps_its_words() -> None:
    """`revision -m "Add custom index"`: one argument stays one."""
    assert spellings.migrate(["revision", "-m", "Add custom index"]) == ["new", "Add custom index"]
