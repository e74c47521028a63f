"""The side database, and what is found before it is made."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dbops.engines.postgres import making as making_of
from dbops.errors import LockNotAcquired, Refused
from dbops.events import ignore
from dbops.restore import names, preflight, side
from dbops.restore.preflight import Problem
from tests.postgres.restoring import Live
from tests.servers import Server


def _problems(live: Live, user: str | None = None, *, leave_replication: bool = False) -> list[Problem]:
    with live.held(user) as connection:
        role, database = preflight.look(connection, live.name)
        return preflight.problems(role, database, leave_replication=leave_replication)


def _making(live: Live, name: str) -> making_of.Making | None:
    with live.connect("postgres") as connection:
        return making_of.like(connection, name)


def test_nothing_stands_in_the_way_of_an_owner(live: Live) -> None:
    """An ordinary owner who may create databases, with its own sessions in the database."""
    with live.connect(user=live.owner):
        assert _problems(live) == []
    assert _problems(live, live.server.user) == []


def test_a_stranger(live: Live) -> None:
    """Neither owner nor allowed to create databases: both are said at once, each with the grant, which helps."""
    stranger = live.role("stranger")
    found = _problems(live, stranger)
    assert len(found) == 2
    with pytest.raises(Refused, match="2 things") as caught:
        preflight.refuse(found, live.name)
    assert caught.value.detail is not None
    assert f'ALTER ROLE "{stranger}" CREATEDB' in caught.value.detail
    assert "--in-place" in caught.value.detail
    live.sql(f'ALTER ROLE "{stranger}" CREATEDB; GRANT "{live.owner}" TO "{stranger}"')
    assert _problems(live, stranger) == []
    with live.held(stranger) as connection:
        making = making_of.like(connection, live.name)
        assert making is not None
        side.create(connection, live.name, making)
    assert _making(live, names.side(live.name)) == making


def test_sessions_that_the_role_may_not_end(live: Live) -> None:
    """Of a superuser and of another role: named, with a statement that ends them."""
    other = live.role("other")
    with live.connect() as superuser, live.connect(user=other) as ordinary:
        found = _problems(live)
        assert len(found) == 2
        for session in (superuser, ordinary):
            assert any(f"pg_terminate_backend({session.info.backend_pid})" in one.remedy for one in found)
        assert _problems(live, live.server.user) == []


def test_prepared_transactions(live: Live) -> None:
    """They block a rename: named with what ends them."""
    with live.connect(user=live.owner) as connection:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM content")
        connection.execute(f"PREPARE TRANSACTION 'p_{live.tag}'")
    (found,) = _problems(live)
    assert f"ROLLBACK PREPARED 'p_{live.tag}'" in found.remedy


def test_subscriptions(live: Live) -> None:
    """They would go on filling the displaced database, unless that is wanted; an ordinary role sees them, too."""
    live.sql(
        f"CREATE SUBSCRIPTION s_{live.tag} CONNECTION 'dbname=none' PUBLICATION p"
        " WITH (connect = false, slot_name = NONE)",
        live.name,
    )
    (found,) = _problems(live)
    assert f"s_{live.tag}" in found.text
    assert "--leave-replication" in found.remedy
    assert _problems(live, leave_replication=True) == []
    live.sql(f"DROP SUBSCRIPTION s_{live.tag}", live.name)


def test_a_template(live: Live) -> None:
    """A template is named as one."""
    live.sql(f'ALTER DATABASE "{live.name}" IS_TEMPLATE true')
    (found,) = _problems(live)
    assert "is a template" in found.text
    live.sql(f'ALTER DATABASE "{live.name}" IS_TEMPLATE false')


def test_a_closed_database(live: Live) -> None:
    """Nobody may connect: what took its place would be open."""
    live.sql(f'ALTER DATABASE "{live.name}" ALLOW_CONNECTIONS false')
    (found,) = _problems(live)
    assert "closed to connections" in found.text
    live.sql(found.remedy.removeprefix("first: "))
    assert _problems(live) == []


def test_encoding_locale_and_owner_are_those_of_the_live_database(live: Live) -> None:
    """Another encoding and locale than the server's own: the side database has them, its owner, and the mark."""
    live.sql(f'DROP DATABASE "{live.name}"')
    live.sql(
        f'CREATE DATABASE "{live.name}" OWNER "{live.owner}" TEMPLATE template0'
        " ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    name = live.side()
    assert _making(live, name) == _making(live, live.name)
    assert names.is_restoring(live.databases()[name], live.name)


def test_the_builtin_locale_provider(live: Live) -> None:
    """PostgreSQL 17 and later: the provider and its locale are kept."""
    if live.server.major < 17:
        making = _making(live, live.name)
        assert making is not None
        assert making.provider == making_of.LIBC
        return
    live.sql(f'DROP DATABASE "{live.name}"')
    live.sql(
        f'CREATE DATABASE "{live.name}" OWNER "{live.owner}" TEMPLATE template0 ENCODING \'UTF8\''
        " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    name = live.side()
    making = _making(live, name)
    assert making == _making(live, live.name)
    assert making is not None
    assert (making.provider, making.locale) == (making_of.BUILTIN, "C.UTF-8")


def test_a_tablespace(live: Live) -> None:
    """The side database is made where the live one is, if the role may; else that is said before."""
    folder = Path(live.server.data).parent / f"ts_{live.tag}"
    live.sql(f"COPY (SELECT 1) TO PROGRAM 'mkdir {folder}'")
    live.sql(f"CREATE TABLESPACE ts_{live.tag} LOCATION '{folder}'")
    live.sql(f'ALTER DATABASE "{live.name}" SET TABLESPACE ts_{live.tag}')
    try:
        (found,) = _problems(live)
        assert found.remedy.endswith(f'GRANT CREATE ON TABLESPACE "ts_{live.tag}" TO "{live.owner}"')
        live.sql(found.remedy.removeprefix("as a superuser: "))
        assert _problems(live) == []
        name = live.side()
        assert _making(live, name) == _making(live, live.name)
        live.sql(f'DROP DATABASE "{name}"')
    finally:
        live.sql(f'ALTER DATABASE "{live.name}" SET TABLESPACE pg_default')
        live.sql(f"DROP TABLESPACE ts_{live.tag}")


def test_what_a_killed_restore_left_is_dropped(live: Live) -> None:
    """With its mark, and before it had one, sessions in it included; the live database is not touched."""
    name = live.side()
    session = live.connect(name, live.owner)
    live.sql(f'CREATE DATABASE "{names.unnamed(live.name)}" OWNER "{live.owner}"')
    with live.held() as connection:
        side.sweep(connection, live.name, ignore)
    assert set(live.databases()) == {live.name}
    assert live.content() == "live"
    session.close()


def test_somebody_elses_database_of_that_name_is_never_dropped(live: Live) -> None:
    """No mark, or the mark of another database's restore: refused, and it stays."""
    name = names.side(live.name)
    for comment in (None, names.mark_restoring("another")):
        live.sql(f'CREATE DATABASE "{name}" OWNER "{live.owner}"')
        if comment is not None:
            live.sql(f"COMMENT ON DATABASE \"{name}\" IS '{comment}'")
        with live.held() as connection, pytest.raises(Refused, match="no restore"):
            side.sweep(connection, live.name, ignore)
        side.drop(live.target, live.name, ignore)
        assert name in live.databases()
        live.sql(f'DROP DATABASE "{name}"')


def test_two_restores_of_one_database(live: Live) -> None:
    """The second waits for the first, or says at its deadline who that is; another database's is not in its way."""
    with (
        live.held(),
        pytest.raises(LockNotAcquired, match="dbops restore") as caught,
        live.held(deadline=0.3),
    ):
        pass
    assert live.owner in caught.value.message
    first = live.held()
    first.__enter__()
    timer = threading.Timer(0.4, lambda: first.__exit__(None, None, None))
    timer.start()
    with live.held(deadline=20):
        timer.join()


def test_the_lock_is_seen_from_another_database(live: Live) -> None:
    """A role that is not let into `postgres` works from another database, and finds the holder all the same."""
    live.sql("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    try:
        with live.held(live.server.user) as outside:
            assert outside.info.dbname == "postgres"
            with pytest.raises(LockNotAcquired), live.held(deadline=0.3):
                pass
        with live.held() as elsewhere:
            assert elsewhere.info.dbname == "template1"
    finally:
        live.sql("GRANT CONNECT ON DATABASE postgres TO PUBLIC")


@pytest.mark.one_major
def test_pg_hba_that_does_not_know_the_side_database(live: Live) -> None:
    """The role is let into the live database by its name alone: said with what helps, before anything is loaded."""
    hba = Path(live.server.data) / "pg_hba.conf"
    before = hba.read_bytes()
    refusing = f'host "{names.side(live.name)}" all all reject\n'.encode()
    name = live.side()
    assert side.closed_to_us(live.target, live.name, ignore) == []
    try:
        hba.write_bytes(refusing + before)
        live.sql("SELECT pg_reload_conf()")
        found = _until_closed(live)
        assert name in found.text
        assert "pg_hba.conf" in found.remedy
    finally:
        hba.write_bytes(before)
        live.sql("SELECT pg_reload_conf()")


def _until_closed(live: Live) -> Problem:
    from tests.watching import until

    return until(lambda: side.closed_to_us(live.target, live.name, ignore), "the new pg_hba.conf")[0]


@pytest.mark.one_major
def test_a_database_that_is_not_there(server: Server, live: Live) -> None:
    """Nothing of the live database can be in the way; the making is None."""
    live.sql(f'DROP DATABASE "{live.name}"')
    assert _problems(live) == []
    assert _making(live, live.name) is None
