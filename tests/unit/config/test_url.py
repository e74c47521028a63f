"""Connection URLs and key=value strings: what is read, and what is refused with which words."""

from __future__ import annotations

import pytest

from dbops.config import url
from dbops.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("postgres://h", {"host": "h"}),
        ("postgresql:///db", {"dbname": "db"}),
        ("postgresql://", {}),
        ("postgresql://u@h:5433/db", {"user": "u", "host": "h", "port": "5433", "dbname": "db"}),
        ("postgresql://u:@h/", {"user": "u", "host": "h"}),
        ("postgresql://u:a:b@h/", {"user": "u", "password": "a:b", "host": "h"}),
        ("postgresql://u:a?b#c@h/d", {"user": "u", "password": "a?b#c", "host": "h", "dbname": "d"}),
        ("postgresql://[::1]:99/d", {"host": "::1", "port": "99", "dbname": "d"}),
        ("postgresql://a:1,b:2/d", {"host": "a,b", "port": "1,2", "dbname": "d"}),
        ("postgresql://%2Frun%2Fpg/d", {"host": "/run/pg", "dbname": "d"}),
        ("postgresql:///d?host=/run/pg&port=7", {"host": "/run/pg", "port": "7", "dbname": "d"}),
        ("postgresql://h/d?sslmode=require", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("postgresql://h/d?ssl=true", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("postgresql:///?service=s", {"service": "s"}),
        (
            "postgresql://h/d?options=-csearch_path%3Dx",
            {"host": "h", "dbname": "d", "options": "-csearch_path=x"},
        ),
        ("postgresql://h/%C3%A4%20b", {"host": "h", "dbname": "ä b"}),
        ("postgresql://hä/d", {"host": "hä", "dbname": "d"}),
        ("host=h dbname = 'a b' user=''", {"host": "h", "dbname": "a b"}),
        ("\n host=h\n port=1\n", {"host": "h", "port": "1"}),
        (r"password=a\ b\\ host=h", {"password": "a b\\", "host": "h"}),
    ],
)
def test_reads(text: str, parts: dict[str, str]) -> None:
    """A URL or string as libpq's manual has it: its keywords, without the empty ones."""
    assert url.parse(text, "a test") == (parts, ())


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("postgresql://u:p@ss@h/d", "'@' 2 times, at characters 17 and 20", "%40"),
        ("postgresql://u:p@s@s@h/d", "'@' 3 times, at characters 17, 19 and 21", "%40"),
        ("postgresql://u:p@h/d?user=a@b", "'@' 2 times, at characters 17 and 28", "%40"),
        ("postgresql://u:p/s@h/d", "'/' at character 17 before the '@' at character 19", "%2F"),
        ("postgresql://h/d@x", "'/' at character 15 before the '@'", "%40"),
        ("postgresql://u:100%@h/d", "'%' at character 19 without two", "%25"),
        ("postgresql://u:%zz@h/d", "'%' at character 16 ", "%25"),
        ("postgresql://u:a b@h/d", "a space at character 17", "%20"),
        ("postgresql://h/d ", "a space at character 17, the last", "leave it out"),
        (" postgresql://h/d", "a space at character 1", "leave it out"),
        ("postgresql://h/d\n", "character at character 17, the last", "%0A"),
        ("postgresql://h/d\x7f", "control or white space character at character 17", "%7F"),
        ("postgresql://u:a%00@h/d", "%00 at character 17", "leave it out"),
        ("postgresql://u:a%FF@h/d", "bytes at character 17 that are not UTF-8", "UTF-8"),
        ("postgresql://h:abc/d", "at character 16 a port", "postgresql://USER"),
        ("postgresql://h:0/d", "at character 16 a port", "postgresql://USER"),
        ("postgresql://h:65536/d", "at character 16 a port", "postgresql://USER"),
        ("postgresql://a:1,b:x/d", "at character 20 a port", "postgresql://USER"),
        ("postgresql://::1/d", "at character 15 a port", "IPv6"),
        ("postgresql://[::1/d", "'[' at character 14", "[::1]"),
        ("postgresql://h/d?port=70000", "the port in the value from X is not a port", "1 to 65535"),
        ("postgresql://h/d?sslmode=on", "is not an SSL mode", "verify-full"),
        ("postgresql://h/d?sslmod=require", "query parameter 'sslmod'", "did you mean sslmode?"),
        ("postgresql://h/d?schema=public", "query parameter 'schema'", "search_path"),
        ("postgresql://h/d?ssl=false", "'ssl' that is not true", "sslmode=disable"),
        ("postgresql://h/d?options=-cx=y", "second '=' at character 29", "%3D"),
        ("postgresql://h/d?sslmode", "at character 18 no name=value", "?name=value"),
        ("postgresql://h/d?port=1&&port=2", "at character 25 no name=value", "?name=value"),
        ("postgresql:h/d", "lacks // after postgresql:", "postgresql://USER"),
        ("postgres:/h/d", "lacks // after postgres:", "postgresql://USER"),
        ("Postgres://h/d", "capitals", "postgresql://"),
        ("jdbc:postgresql://h/d", "one of JDBC", "leave out jdbc:"),
        ("postgresql+psycopg://h/d", "SQLAlchemy", "begin it with postgresql://"),
        ("postgres+asyncpg://h/d", "SQLAlchemy", "begin it with postgresql://"),
        ("pgx5://h/d", "golang-migrate", "begin it with postgresql://"),
        ("mysql://h/d", "of mysql", "postgresql://"),
        ("mysql+pymysql://h/d", "of mysql", "postgresql://"),
        ("mongodb+srv://h/d", "of mongodb", "postgresql://"),
        ("localhost:5432/d", "does not begin with postgresql://", "postgresql://"),
        ("trading", "neither a URL nor key=value", "postgresql://"),
        ("'postgresql://h/d'", "begins with a quotation mark", "--env-file"),
        ("host=h hots=x", "at character 8 an unknown keyword 'hots'", "did you mean host?"),
        ("host=h password=a b", "at character 19 no key=value", "single quotes"),
        ("host=h password=a b=c", "at character 19 an unknown keyword", "single quotes"),
        ("password='a", "at character 1 no key=value", "single quotes"),
        ("host=h port=x", "the port in the value from X is not a port", "1 to 65535"),
        ("postgresql://h/" + "n" * 64, "64 bytes", "at most 63 bytes"),
        ("postgresql://h/" + "%C3%A4" * 32, "64 bytes", "at most 63 bytes"),
    ],
)
def test_refuses(text: str, message: str, hint: str) -> None:
    """What libpq would misread or complain of: an error that says where, what, and how to write it."""
    with pytest.raises(ConfigError) as caught:
        url.parse(text, "X")
    assert message in caught.value.message
    assert "X" in caught.value.message
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_golang_migrate_parameters_are_left_out_with_a_warning() -> None:
    """`x-...` parameters among others: the others count, each left-out one is named in a warning."""
    parts, warnings = url.parse(
        "postgres://h/d?x-multi-statement=true&sslmode=require&x-migrations-table=t", "X"
    )
    assert parts == {"host": "h", "dbname": "d", "sslmode": "require"}
    assert ["x-multi-statement" in warnings[0], "x-migrations-table" in warnings[1]] == [True, True]


def test_query_begins_after_the_password() -> None:
    """A `?` in the password and one before the query: the query is the second."""
    parts, warnings = url.parse("postgres://u:a?x-b=c@h/d?x-lock=1&sslmode=require", "X")
    assert parts == {"user": "u", "password": "a?x-b=c", "host": "h", "dbname": "d", "sslmode": "require"}
    assert len(warnings) == 1
    with pytest.raises(ConfigError, match="query parameter 'nope'"):
        url.parse("postgres://u:a?x-b=c@h/d?nope=1", "X")


def test_63_bytes_are_a_database_name() -> None:
    """The longest name that PostgreSQL keeps: accepted."""
    assert url.parse("postgresql://h/" + "n" * 63, "X")[0]["dbname"] == "n" * 63
