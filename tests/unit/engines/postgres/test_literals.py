"""Passwords in SQL do not reach a log; other literals do."""

from __future__ import annotations

import pytest

from dbops.engines.postgres.literals import literals, redacted, secrets

SECRETS = {
    "CREATE ROLE r LOGIN PASSWORD 's3''cret' VALID UNTIL '2030-01-01'": (
        "CREATE ROLE r LOGIN PASSWORD '***' VALID UNTIL '2030-01-01'"
    ),
    "alter user é with encrypted password E's3\\'cret'": "alter user é with encrypted password '***'",
    "CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'u', password 's3cret')": (
        "CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'u', password '***')"
    ),
    'ALTER SERVER s OPTIONS (SET "Password" $a$s3cret$a$)': (
        "ALTER SERVER s OPTIONS (SET \"Password\" '***')"
    ),
    "CREATE SUBSCRIPTION s CONNECTION 'password=s3cret' PUBLICATION p": (
        "CREATE SUBSCRIPTION s CONNECTION '***' PUBLICATION p"
    ),
    "DO $$BEGIN CREATE ROLE r PASSWORD 's3cret'; END$$": "DO $$BEGIN CREATE ROLE r PASSWORD '***'; END$$",
    "DO $$BEGIN EXECUTE 'CREATE ROLE r PASSWORD ''s3cret'''; END$$": "DO $$BEGIN EXECUTE '***'; END$$",
    "SELECT dblink_connect('password=s3cret')": "SELECT dblink_connect('***')",
    "REINVENT ROLE r PASSWORD 's3cret'": "REINVENT ROLE r PASSWORD '***'",
    "CREATE ROLE r PASSWORD 's3cret": "***",
}


@pytest.mark.parametrize(("sql", "expected"), SECRETS.items())
def test_secret_literals_are_hidden(sql: str, expected: str) -> None:
    """Wherever SQL takes a password, also in a body and in a statement that the parser does not know."""
    assert redacted(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER ROLE r PASSWORD NULL",
        "COMMENT ON COLUMN users.password IS 'never in clear'",
        "INSERT INTO hints VALUES ('choose a password')",
        "SELECT 'plain'",
    ],
)
def test_other_literals_stay(sql: str) -> None:
    """A statement that merely speaks of passwords is shown as it is."""
    assert redacted(sql) == sql


def test_literals_of_bodies_are_found() -> None:
    """Strings in a function's body, dollar-quoted or doubled, are found beside those of the statement."""
    found = list(literals("SELECT 'a', $x$ SELECT 'b' $x$, 'SELECT ''c''', \"d\""))
    assert {b"a", b"b", b"c"} <= set(found)
    assert b"d" not in found


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 'password'", ()),
        ("CREATE ROLE x PASSWORD 'hunter2'", ("hunter2",)),
        ("CREATE ROLE x PASSWORD ''", ()),
        ("ALTER ROLE x PASSWORD 'it''s'", ("it''s", "it's")),
        ("DO $$ BEGIN CREATE ROLE x PASSWORD 'hunter2'; END $$", ("hunter2",)),
    ],
)
def test_secrets_are_what_redaction_hides(sql: str, expected: tuple[str, ...]) -> None:
    """As written and as meant, the longest first; what is not hidden is no secret."""
    assert secrets(sql) == expected
    assert not any(secret in redacted(sql) for secret in expected)
