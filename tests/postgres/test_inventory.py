"""What a backup records of a database and its server, read as its ordinary owner on every PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbops.backups.decoding import decode, encode
from dbops.engines.inventory import DatabaseSetting, Extension, Inventory, Membership
from dbops.engines.postgres import inventory, tracking
from dbops.engines.postgres.tracking import Tables
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]


@pytest.fixture
def admin(database: Database, connect: Connect) -> psycopg.Connection[Any]:
    """The superuser in the test's database."""
    return connect(database, **{**database.server.keywords(), "dbname": database.name})


@pytest.fixture
def role(database: Database, admin: psycopg.Connection[Any]) -> Iterator[str]:
    """Another role, with a password that must not be seen anywhere."""
    name = f"other_{secrets.token_hex(4)}"
    admin.execute(
        sql.SQL("create role {} login password 'very-secret' createdb connection limit 3"
                " valid until '2030-01-01 00:00:00+00'").format(sql.Identifier(name))
    )  # fmt: skip
    yield name
    with psycopg.connect(**database.server.keywords(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name))
        )
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def make_tracking_tables(connection: psycopg.Connection[Any]) -> None:
    """As `migrate init` makes them."""
    for statement in tracking.create(Tables(), connection):
        connection.execute(statement.as_bytes(connection))


def test_an_empty_database(database: Database, connect: Connect) -> None:
    """Version, properties and the owner's role; no migrations; it goes through JSON and back unchanged."""
    found = inventory.read(connect(database))
    assert found.server_major == database.server.major
    assert found.server_version.startswith(str(database.server.major))
    assert found.database.name == database.name
    assert found.database.owner == database.user
    assert found.database.encoding == "UTF8"
    assert found.database.locale_provider == "libc"
    assert (found.database.acl, found.database.comment, found.database.settings) == (None, None, ())
    assert (found.database.connection_limit, found.database.tablespace) == (-1, "pg_default")
    assert found.database.bytes > 1_000_000
    assert [one.name for one in found.roles] == [database.user]
    assert [one.name for one in found.extensions] == ["plpgsql"]
    assert (found.migrations, found.tablespaces) == (None, ())
    assert found.system_identifier is not None
    assert found.system_identifier.isdecimal()
    assert decode(Inventory, encode(found)) == found


def test_properties_that_dumps_lose(
    database: Database, connect: Connect, admin: psycopg.Connection[Any], role: str
) -> None:
    """Privileges, limit, comment and settings of the database, for all and for one role, values with = and commas."""
    name, other = sql.Identifier(database.name), sql.Identifier(role)
    for statement in (
        sql.SQL("grant connect on database {} to {}").format(name, other),
        sql.SQL("alter database {} connection limit 9").format(name),
        sql.SQL("comment on database {} is E'two\\nlines'").format(name),
        sql.SQL('alter database {} set search_path = a, "B c"').format(name),
        sql.SQL("alter database {} set app.option = 'x=y'").format(name),
        sql.SQL("alter role {} in database {} set work_mem = '8MB'").format(other, name),
        sql.SQL("alter role {} set work_mem = '9MB'").format(other),
    ):
        admin.execute(statement)
    found = inventory.read(connect(database)).database
    assert found.connection_limit == 9
    assert found.comment == "two\nlines"
    assert found.settings == (
        DatabaseSetting("app.option", "x=y"),
        DatabaseSetting("search_path", 'a, "B c"'),
        DatabaseSetting("work_mem", "8MB", role),
    )
    assert f"{role}=c/{database.user}" in (found.acl or ())
    assert inventory.read_properties(admin, database.name) == found
    with pytest.raises(LookupError):
        inventory.read_properties(admin, "no such database")


def test_roles_that_something_refers_to(
    database: Database, connect: Connect, admin: psycopg.Connection[Any], role: str
) -> None:
    """A role in a privilege is there with its attributes and memberships; no password is, in any form."""
    owner = connect(database)
    owner.execute("create table t (a int)")
    assert role not in [one.name for one in inventory.read(owner).roles]
    owner.execute(sql.SQL("grant select on t to {}").format(sql.Identifier(role)))
    admin.execute(sql.SQL("grant pg_read_all_stats to {} with admin option").format(sql.Identifier(role)))
    owner.execute("set timezone to 'UTC'")
    found = {one.name: one for one in inventory.read(owner).roles}
    assert set(found) == {database.user, role}
    assert (found[role].login, found[role].create_database, found[role].superuser) == (True, True, False)
    assert found[role].connection_limit == 3
    assert str(found[role].valid_until).startswith("2030-01-01")
    from_16 = True if database.server.major >= 16 else None
    assert found[role].member_of == (
        Membership("pg_read_all_stats", admin=True, inherit=from_16, set_role=from_16),
    )
    said = str(encode(inventory.read(owner))) + str(encode(inventory.read(admin)))
    assert "very-secret" not in said
    assert "SCRAM" not in said
    assert "***" not in said


@pytest.mark.parametrize(
    "statement",
    [
        "create policy p on t to {}",
        "alter default privileges grant select on tables to {}",
        "grant usage on schema s to {}",
        "grant execute on function f() to {}",
        "grant select (a) on t to {}",
        "grant select on large object 4711 to {}",
    ],
)
def test_each_kind_of_reference_counts(
    database: Database, connect: Connect, role: str, statement: str
) -> None:
    """Policies, default privileges, schemas, functions, columns, large objects."""
    owner = connect(database)
    owner.execute("create table t (a int); create schema s; select lo_create(4711)")
    owner.execute("create function f() returns int language sql as 'select 1'")
    owner.execute(sql.SQL(statement).format(sql.Identifier(role)))
    assert role in [one.name for one in inventory.read(owner).roles]


def test_the_first_superuser_counts_where_it_owns_something(
    database: Database, connect: Connect, admin: psycopg.Connection[Any]
) -> None:
    """The server keeps no dependencies on it; an extension of its, which is dumped without owners, does not count."""
    owner = connect(database)
    first = admin.execute("select rolname from pg_roles where oid = 10").fetchone()
    assert first is not None

    def named() -> bool:
        return first[0] in [one.name for one in inventory.read(owner).roles]

    admin.execute("create schema of_the_superuser")
    assert named()
    admin.execute("drop schema of_the_superuser")
    assert not named()
    owner.execute("create table t (a int)")
    owner.execute(sql.SQL("grant select on t to {}").format(sql.Identifier(first[0])))
    assert named()


def test_extensions_are_named_with_version_and_schema(
    database: Database, connect: Connect, admin: psycopg.Connection[Any]
) -> None:
    """The one that every server has, moved to another schema is said so."""
    found = inventory.read(connect(database)).extensions
    (version,) = admin.execute(
        "select extversion from pg_extension where extname = 'plpgsql'"
    ).fetchone() or ("",)
    assert found == (Extension("plpgsql", version, "pg_catalog"),)


def test_where_the_migrations_stand(database: Database, connect: Connect) -> None:
    """The newest applied version by its number, how many, and what stopped in the middle."""
    owner = connect(database)
    make_tracking_tables(owner)
    empty = inventory.read(owner).migrations
    assert empty is not None
    assert (empty.version, empty.applied, empty.partial) == (None, 0, ())
    owner.execute(
        "insert into schema_migrations (version, sort_key, name) values ('10', '2', 'ten'), ('9', '1', 'nine')"
    )
    owner.execute(
        "insert into schema_migrations_events (action, version, direction, statement_number, who)"
        " values ('statement done', '11', 'up', 1, 'me')"
    )
    found = inventory.read(owner).migrations
    assert found is not None
    assert (found.table, found.tool) == ("public.schema_migrations", "dbops")
    assert (found.version, found.name, found.applied, found.partial) == ("10", "ten", 2, ("11",))


def test_another_tools_table_is_named(database: Database, connect: Connect) -> None:
    """It is not read for versions, since their form is that tool's."""
    owner = connect(database)
    owner.execute("create table schema_migrations (version bigint not null, dirty boolean not null)")
    found = inventory.read(owner).migrations
    assert found is not None
    assert (found.tool, found.version, found.applied) == ("golang-migrate", None, None)


def test_what_may_not_be_read_ends_no_transaction(
    database: Database, connect: Connect, admin: psycopg.Connection[Any], role: str
) -> None:
    """A role that may only connect reads all the rest inside its snapshot, which stays usable."""
    owner = connect(database)
    make_tracking_tables(owner)
    admin.execute("revoke execute on function pg_control_system() from public")
    other = connect(database, user=role, password="very-secret", autocommit=False)
    other.execute("set transaction isolation level repeatable read, read only")
    found = inventory.read(other)
    assert found.migrations is not None
    assert (found.migrations.readable, found.migrations.version) == (False, None)
    assert found.system_identifier is None
    assert found.database.bytes > 0
    assert other.execute("select 1").fetchone() == (1,)


def test_inside_a_snapshot_it_reads_that_moment(database: Database, connect: Connect) -> None:
    """What is committed after the snapshot was taken is not seen."""
    owner, snapshot = connect(database), connect(database, autocommit=False)
    make_tracking_tables(owner)
    snapshot.execute("set transaction isolation level repeatable read, read only")
    snapshot.execute("select 1")
    owner.execute("insert into schema_migrations (version, sort_key, name) values ('1', '1', 'one')")
    found = inventory.read(snapshot).migrations
    assert found is not None
    assert found.version is None
