"""Which server: configured, found on localhost, or private."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbops.config.model import Options, Setting, Settings, Target
from dbops.config.settings import load
from dbops.devdb import record
from dbops.devdb.choose import Kind, decide
from dbops.devdb.record import Record
from dbops.errors import ConfigError

RECORD = Record(
    Path("/p/.dbops/cluster"), Path("/bin"), 15, 15432, Path("/p/.dbops/cluster/run"), "postgres", "s3cret"
)
LOCAL = Target({"host": Setting("localhost"), "user": Setting("me")})


def settings(folder: Path, server: str | None = None, **environ: str) -> Settings:
    return load(Options(server=server), {"DBOPS_PROJECT": str(folder), **environ}, folder)


def never() -> Target | None:
    raise AssertionError("localhost was probed")


def test_what_is_configured_wins_and_localhost_is_not_probed(tmp_path: Path) -> None:
    """DB_HOST names a server: that one, although there is a private one."""
    choice = decide(settings(tmp_path, DB_HOST="db.test"), RECORD, never)
    assert (choice.kind, choice.target.get("host")) == (Kind.CONFIGURED, "db.test")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "/p/.dbops/cluster/run"])
def test_a_target_that_matches_the_record_is_the_private_server(tmp_path: Path, host: str) -> None:
    """Loopback or the socket's folder with the record's port: private, with the record's login."""
    choice = decide(settings(tmp_path, DB_HOST=host, DB_PORT="15432"), RECORD, never)
    assert choice.private
    assert (choice.target.get("user"), choice.target.get("password")) == ("postgres", "s3cret")


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", "5432"), ("db.test", "15432"), ("127.0.0.1,db.test", "15432")]
)
def test_another_address_is_not_the_private_server(tmp_path: Path, host: str, port: str) -> None:
    """Another port, another host, or a list that names another host as well: configured."""
    assert decide(settings(tmp_path, DB_HOST=host, DB_PORT=port), RECORD, never).kind is Kind.CONFIGURED


def test_another_users_login_on_the_private_server_keeps_its_password(tmp_path: Path) -> None:
    """The target names a role of its own: the record's password is not sent for it."""
    made = settings(tmp_path, DATABASE_URL="postgresql://app:own@127.0.0.1:15432/x")
    assert decide(made, RECORD, never).target.get("password") == "own"
    bare = settings(tmp_path, DATABASE_URL="postgresql://app@127.0.0.1:15432/x")
    assert decide(bare, RECORD, never).target.get("password") is None


def test_without_configuration_a_record_is_enough(tmp_path: Path) -> None:
    """Nothing configured and a private server there: that one, without asking localhost."""
    choice = decide(settings(tmp_path), RECORD, never)
    assert choice.private
    assert choice.target.get("port") == "15432"


def test_without_record_a_server_on_localhost_is_taken(tmp_path: Path) -> None:
    """Nothing configured, no record, and localhost lets us in: that one, for the project's database."""
    choice = decide(settings(tmp_path), None, lambda: LOCAL)
    assert (choice.kind, choice.target.get("user")) == (Kind.LOCAL, "me")
    assert choice.target.get("dbname") == "trading_engine"


def test_with_nothing_at_all_a_private_server_is_made(tmp_path: Path) -> None:
    """Nothing configured and nothing answers: private."""
    assert decide(settings(tmp_path), None, lambda: None).private


def test_server_private_takes_only_the_databases_name_from_what_is_configured(tmp_path: Path) -> None:
    """--server private beside DATABASE_URL: no login travels, and the other is remembered for a warning."""
    made = settings(tmp_path, server="private", DATABASE_URL="postgresql://app:own@db.test/other")
    choice = decide(made, RECORD, never)
    assert choice.private
    assert choice.target.get("dbname") == "other"
    assert choice.target.get("password") == "s3cret"
    assert choice.ignored is not None
    assert choice.ignored.get("host") == "db.test"


def test_server_configured_needs_a_server(tmp_path: Path) -> None:
    """--server configured where nothing is: a configuration error that names DATABASE_URL."""
    with pytest.raises(ConfigError) as caught:
        decide(settings(tmp_path, server="configured"), RECORD, never)
    assert "DATABASE_URL" in str(caught.value.hint)


def test_the_record_survives_the_disk_and_a_move_of_the_project(tmp_path: Path) -> None:
    """Saved in one folder, moved, loaded: paths inside follow, the file is its owner's alone."""
    first = tmp_path / "one"
    first.mkdir()
    saved = Record(
        first / "cluster", Path("/usr/bin"), 15, 15432, first / "cluster/run", "postgres", "pä'\"\\ss"
    )
    record.save(first, saved)
    assert record.load(first) == saved
    assert record.path_in(first).stat().st_mode & 0o777 == 0o600
    first.rename(tmp_path / "two")
    moved = record.load(tmp_path / "two")
    assert moved is not None
    assert (moved.home, moved.bindir) == (tmp_path / "two" / "cluster", Path("/usr/bin"))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "port": "x"}'])
def test_a_damaged_record_is_an_error_with_a_remedy(tmp_path: Path, text: str) -> None:
    """A record that cannot be read: configuration error, and the command that removes it."""
    record.path_in(tmp_path).write_text(text)
    with pytest.raises(ConfigError, match="damaged") as caught:
        record.load(tmp_path)
    assert "bin/setup-dev-db destroy" in str(caught.value.hint)


def test_the_password_is_not_in_the_records_representation() -> None:
    """A record that is printed by accident shows no password."""
    assert "s3cret" not in repr(RECORD)
