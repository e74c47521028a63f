"""Carrying over from the live database what no dump has; what the role may not do is found by trying."""

from __future__ import annotations

import dataclasses

import psycopg
import pytest

from dbops.engines.postgres import properties
from dbops.engines.postgres.properties import Configured, Grant
from dbops.events import ignore
from dbops.restore import carry, names
from dbops.restore.swap import swap
from tests.postgres.restoring import Live


def _properties(live: Live, name: str) -> properties.Properties:
    with live.connect("postgres") as connection:
        found = properties.read(connection, name)
    assert found is not None
    return found


def _furnish(live: Live) -> tuple[str, str]:
    """Give the live database one of everything; returns two roles that appear in it."""
    app, chief = live.role("app"), live.role('ch"ief')
    quoted = chief.replace('"', '""')
    database = f'"{live.name}"'
    for statement in (
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        f'GRANT CONNECT, TEMPORARY ON DATABASE {database} TO "{quoted}" WITH GRANT OPTION',
        f'SET ROLE "{quoted}"; GRANT CONNECT ON DATABASE {database} TO "{app}"',
        f'GRANT CREATE ON DATABASE {database} TO "{app}"',
        f"ALTER DATABASE {database} CONNECTION LIMIT 77",
        f"ALTER DATABASE {database} SET work_mem = '12345kB'",
        f'ALTER DATABASE {database} SET search_path = "$user", public, "Odd, ""name"""',
        f"ALTER DATABASE {database} SET app.greeting = 'a, \"b\" = ''c'''",
        f"ALTER DATABASE {database} SET DateStyle = 'German, DMY'",
        f"ALTER DATABASE {database} SET default_transaction_read_only = on",
        f"ALTER DATABASE {database} SET log_min_duration_statement = 250",
        f"ALTER ROLE \"{app}\" IN DATABASE {database} SET search_path = ''",
        f"ALTER ROLE \"{quoted}\" IN DATABASE {database} SET statement_timeout = '3s'",
        f"COMMENT ON DATABASE {database} IS 'orders\nenvironment=development'",
    ):
        live.sql(statement)
    return app, chief


def test_everything_is_carried_by_a_superuser(live: Live) -> None:
    """Owner, grants with their grantors, limit, settings of the database and of roles: exactly, but for the comment."""
    side = live.side()
    app, chief = _furnish(live)
    wanted = _properties(live, live.name)
    assert Grant(chief, app, "CONNECT", grantable=False) in wanted.grants
    assert Configured(app, "search_path", '""') in wanted.settings
    with live.held(live.server.user) as connection:
        assert carry.rehearse(connection, live.name, side) == []
        assert _properties(live, side).settings == frozenset()
        assert carry.carry(connection, live.name, side) > 10
        assert carry.carry(connection, live.name, side) == 0
    found = _properties(live, side)
    assert dataclasses.replace(found, comment=wanted.comment) == wanted
    assert names.is_restoring(found.comment, live.name)


def test_the_swap_carries_what_changed_meanwhile(live: Live) -> None:
    """A grant, a setting and the comment, made while the side database was loaded: all are there after the swap."""
    side = live.side()
    _furnish(live)
    wanted = _properties(live, live.name)
    with live.held(live.server.user) as connection:
        target = live.target_as(live.server.user)
        done = swap(connection, target, live.exchange(side), ignore, 10.0)
    assert _properties(live, live.name) == wanted
    left = _properties(live, done.displaced)
    assert dataclasses.replace(left, comment=wanted.comment) == wanted


def test_what_is_too_much_goes(live: Live) -> None:
    """Grants and settings that the incoming database has and the live one has not are taken away."""
    side = live.side()
    other = live.role("other")
    for statement in (
        f'GRANT ALL ON DATABASE "{side}" TO "{other}"',
        f"ALTER DATABASE \"{side}\" SET work_mem = '1MB'",
        f'ALTER ROLE "{other}" IN DATABASE "{side}" SET work_mem = \'2MB\'',
        f'ALTER DATABASE "{side}" OWNER TO postgres',
    ):
        live.sql(statement)
    with live.held(live.server.user) as connection:
        carry.carry(connection, live.name, side)
    wanted, found = _properties(live, live.name), _properties(live, side)
    assert dataclasses.replace(found, comment=wanted.comment) == wanted
    assert not found.settings


def test_what_an_owner_may_not_carry_is_found_by_trying(live: Live) -> None:
    """Settings of superuser context, of other roles, grants of others: all named with what helps, nothing is changed."""
    side = live.side()
    app, chief = _furnish(live)
    before = _properties(live, side)
    with live.held() as connection:
        found = carry.rehearse(connection, live.name, side)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            carry.carry(connection, live.name, side)
    assert _properties(live, side) == before
    texts = "\n".join(f"{problem.text}: {problem.remedy}" for problem in found)
    grant = f'GRANT SET ON PARAMETER log_min_duration_statement TO "{live.owner}"'
    assert (grant in texts) == (live.server.major >= 15)
    assert "app.greeting" in texts
    assert f'search_path for role "{app}"' in texts
    assert f'ALTER ROLE "{live.owner}" CREATEROLE' in texts
    assert "work_mem" not in texts
    assert ("WITH ADMIN OPTION" in texts) == (live.server.major >= 16)
    quoted = chief.replace('"', '""')
    assert f'GRANT "{quoted}" TO "{live.owner}"' in texts


def test_the_remedies_help(live: Live) -> None:
    """After the grants that the problems name, an ordinary owner carries everything; before 15 but some settings."""
    side = live.side()
    _furnish(live)
    if live.server.major < 15:
        for name in ("log_min_duration_statement", "app.greeting"):
            live.sql(f'ALTER DATABASE "{live.name}" RESET {name}')
    with live.held() as connection:
        found = carry.rehearse(connection, live.name, side)
        for problem in found:
            live.sql(problem.remedy.removeprefix("as a superuser: ").partition("; or run")[0])
        assert carry.rehearse(connection, live.name, side) == []
        carry.carry(connection, live.name, side)
    wanted = _properties(live, live.name)
    assert dataclasses.replace(_properties(live, side), comment=wanted.comment) == wanted
