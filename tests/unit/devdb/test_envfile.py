"""`.env` and the service file."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict

from dbops.config.model import Setting, Target
from dbops.devdb import envfile

EVERYTHING = "".join(map(chr, range(32, 127))) + "päß€\u202e"


def target(**parts: str) -> Target:
    return Target({key: Setting(value) for key, value in parts.items()})


@pytest.mark.parametrize("special", [EVERYTHING, "'; rm -rf $HOME #", "${HOME}`id`", "\\'", "%41", " "])
def test_shell_and_dotenv_read_the_same_url_and_libpq_the_same_parts(tmp_path: Path, special: str) -> None:
    """Any character in user, password and database: read alike by sh, python-dotenv and libpq."""
    parts = {"host": "127.0.0.1", "port": "15432", "user": special, "password": special, "dbname": special}
    text = envfile.content(target(**parts), target(**parts))
    file = tmp_path / ".env"
    assert envfile.write(file, text)
    by_dotenv = dotenv_values(stream=io.StringIO(text), interpolate=False)["DATABASE_URL"]
    by_shell = subprocess.run(
        ["sh", "-c", 'set -a; . "$1"; printf %s "$DATABASE_URL"', "sh", file],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert by_dotenv == by_shell
    assert conninfo_to_dict(by_shell) == parts


@pytest.mark.parametrize(
    "parts",
    [
        {"host": "/var/run/postgresql", "port": "5433", "dbname": "x"},
        {"host": "::1", "port": "5433", "user": "me", "dbname": "x"},
        {"host": "a,b", "port": "1,2", "user": "me", "password": "p", "dbname": "x"},
        {"port": "5433", "dbname": "x"},
        {"host": "db.test", "dbname": "x", "sslmode": "require", "options": "-c search_path=a b"},
    ],
)
def test_every_kind_of_address_survives_the_url(parts: dict[str, str]) -> None:
    """Sockets, IPv6, several hosts, options: libpq reads back what was written."""
    assert conninfo_to_dict(envfile.url(target(**parts))) == parts


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    """umask 0: the mode is 0600 nevertheless, and no partial file stays."""
    before = os.umask(0)
    try:
        envfile.write(tmp_path / ".env", "X=1\n")
    finally:
        os.umask(before)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_file_that_exists_is_never_touched(tmp_path: Path) -> None:
    """A file, an empty file or a dangling link of that name: left as it is."""
    (tmp_path / ".env").write_text("mine")
    assert not envfile.write(tmp_path / ".env", "other")
    assert (tmp_path / ".env").read_text() == "mine"
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert not envfile.write(tmp_path / "link", "other")
    assert not (tmp_path / "nowhere").exists()


def test_taking_back_removes_only_what_was_written(tmp_path: Path) -> None:
    """A file that the user has edited since stays."""
    file = tmp_path / ".env"
    envfile.write(file, "X=1\n")
    envfile.remove(file, "X=2\n")
    assert file.exists()
    envfile.remove(file, "X=1\n")
    assert not file.exists()


def test_the_shown_url_hides_the_password() -> None:
    """For people: the password is starred out, the rest is there."""
    shown = envfile.shown_url(target(host="h", user="u", password="geheim", dbname="d"))
    assert shown == "postgresql://u:***@h/d"
