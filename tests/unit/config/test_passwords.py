"""Passwords with every special character arrive unchanged, whichever way they come, and are in no error."""

from __future__ import annotations

import string
from collections.abc import Callable
from urllib.parse import quote

import pytest

from dbops.config import Settings
from dbops.errors import DbopsError

Load = Callable[..., Settings]

PASSWORDS = [
    *(f"a{character}b" for character in string.punctuation + " "),
    *(f"{character}" for character in string.punctuation),
    *(f"b{character}" for character in string.punctuation),
    string.punctuation,
    "${HOME}",
    "$HOME",
    "${X:-y}",
    "a\\nb",
    "a\\\\",
    "it's",
    '"quoted"',
    "'quoted'",
    "100%",
    "%40",
    "%2540",
    "a #b",
    "#",
    "p@ss:w/rd?x=1&y=2#z",
    "ends with space ",
    " begins with one",
    "päßwörd",
    "пароль",
    "密码🔑",
    "tab\tin it",
    "line\nbreak",
    "export X=1",
    "=",
]


def _quoted(password: str) -> str:
    """In single quotes, as `.env` and key=value strings alike have it."""
    return "'" + password.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.mark.parametrize("password", PASSWORDS)
def test_arrives_through_every_way(load_in: Load, password: str) -> None:
    """One password through a URL, key=value, variables and `.env`: it is the same at the end."""
    encoded = f"postgresql://u:{quote(password, safe='')}@h/db"
    pairs = f"host=h user=u dbname=db password={_quoted(password)}"
    by_line = _quoted(password)
    arrived = [
        load_in({"DATABASE_URL": encoded}),
        load_in({"POSTGRES_DSN": pairs}),
        load_in(database_url=encoded),
        load_in({"DB_PASSWORD": password}),
        load_in({"PGPASSWORD": password}),
        load_in({"QA_DATABASE_URL": encoded}, environment="qa"),
        load_in(env=f"DB_PASSWORD={by_line}\n"),
        load_in(env=f"export PGPASSWORD = {by_line} # a comment\r\nDB_USER=u\r\n"),
        load_in(env=f"DATABASE_URL={_quoted(encoded)}\n"),
        load_in(env=f"DATABASE_URL={encoded}\n"),
        load_in(env=f"POSTGRES_DSN={_quoted(pairs)}\n"),
    ]
    assert [settings.target.get("password") for settings in arrived] == [password] * len(arrived)


SECRET = "Xyzzy"
WRONG = [
    "postgresql://u:{0}@{0}@h/db",
    "postgresql://u:{0}/{0}@h/db",
    "postgresql://u:{0}%{0}@h/db",
    "postgresql://u:{0} {0}@h/db",
    "postgresql://u:{0}\n@h/db",
    "postgresql://u:{0}%00{0}@h/db",
    "postgresql://u:{0}%ff{0}@h/db",
    "postgresql://u:{0}",
    "postgresql://u:{0}/h/db",
    "postgresql://u:{0}@h:x/db",
    "postgresql://u:{0}@h/db?nope=1",
    "postgresql://u:{0}@h/db?sslmode={0}",
    "postgresql://u:{0}@h/db?sslpassword={0}={0}",
    "postgresql://u:{0}@h/db?{0}",
    "postgresql://u:{0}@[::1/db",
    "postgresql:u:{0}@h/db",
    "POSTGRESQL://u:{0}@h/db",
    "postgresql+psycopg://u:{0}@h/db",
    "jdbc:postgresql://u:{0}@h/db?password={0}",
    "mysql://u:{0}@h/db",
    "sqlite://{0}",
    "sqlite:///{0}?key={0}",
    "{0}://u:{0}@h/db",
    "<postgresql://u:a{0}={0}@h/db>",
    '"postgresql://u:{0}@h/db"',
    " postgresql://u:{0}@h/db?a=b",
    "u:{0}@h/db",
    "{0}",
    "host=h password={0} {0}",
    "host=h password={0} {0}={0}",
    "host=h password={0} a{0}=1",
    "host=h password='{0}",
    "host=h password='{0}'{0}",
    "host=h password={0} port={0}",
    "host=h password={0} sslmode={0}",
]


@pytest.mark.parametrize("pattern", WRONG)
def test_no_error_holds_a_piece_of_the_secret(load_in: Load, pattern: str) -> None:
    """A wrong URL with a password, from each place: refused, with the place, without the password."""
    text = pattern.format(SECRET)
    ways: list[tuple[str, Callable[[], Settings]]] = [
        ("DATABASE_URL", lambda: load_in({"DATABASE_URL": text})),
        ("--database-url", lambda: load_in(database_url=text)),
        ("QA_DATABASE_URL", lambda: load_in({"QA_DATABASE_URL": text}, environment="qa")),
        ("line 2", lambda: load_in(env=f"\nPOSTGRES_DSN={_quoted(text)}\n")),
    ]
    for place, way in ways:
        with pytest.raises(DbopsError) as caught:
            way()
        said = f"{caught.value!r} {caught.value.message} {caught.value.hint} {caught.value.detail}"
        assert place in said
        assert SECRET.lower() not in said.lower()
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_contradicting_passwords_are_not_shown(load_in: Load) -> None:
    """Two different passwords in one source: the error names both variables and neither value."""
    with pytest.raises(DbopsError) as caught:
        load_in({"DATABASE_URL": f"postgresql://u:{SECRET}1@h/db", "PGPASSWORD": f"{SECRET}2"})
    assert "DATABASE_URL" in caught.value.message
    assert "PGPASSWORD" in caught.value.message
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"


def test_broken_env_line_is_not_shown(load_in: Load) -> None:
    """A `.env` line with an open quotation mark: the error has its number and not its text."""
    with pytest.raises(DbopsError, match="line 3") as caught:
        load_in(env=f"A=1\n\nDB_PASSWORD='{SECRET}\n")
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"


def test_representations_hide_the_password(load_in: Load) -> None:
    """A traceback shows the representation of settings and options: no password in it."""
    from dbops.config import Options

    text = f"postgresql://u:{SECRET}@h/db"
    assert SECRET not in repr(load_in({"DATABASE_URL": text}))
    assert SECRET not in repr(Options(database_url=text))
    assert "u@h" in repr(load_in({"DATABASE_URL": text}).target)
