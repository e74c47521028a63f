"""What goes into a database and what is left out, by the server's facts alone."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import pytest

from dbops.backups import toc
from dbops.backups.filtering import Filtered, Options, decide
from dbops.engines.postgres.destination import ServerFacts
from dbops.errors import UsageError
from tests.unit.backups.archives import Item, archive

ORDINARY = ServerFacts(
    version=150018,
    role="app",
    is_superuser=False,
    roles=frozenset({"app", "reader", "postgres", "boss"}),
    own_roles=frozenset({"app"}),
    extensions={"pg_trgm": True, "file_fdw": False},
    installed={"plpgsql": False},
    has_public=True,
    owns_public=True,
    tablespaces=frozenset({"pg_default"}),
)
SUPERUSER = dataclasses.replace(ORDINARY, role="postgres", is_superuser=True)


def decided(
    items: Sequence[Item], server: ServerFacts = ORDINARY, options: Options | None = None
) -> Filtered:
    """Decide about an archive of these entries."""
    return decide(toc.read(io.BytesIO(archive(items))), server, options or Options())


def test_everything_in_order() -> None:
    """What nothing stands against goes in, in the archive's order, without the database's own entries."""
    items = [
        Item(9, "ENCODING", "ENCODING", "SET client_encoding = 'UTF8';"),
        Item(8, "DATABASE", "shop", "CREATE DATABASE shop;", owner="gone"),
        Item(7, "COMMENT", "DATABASE shop", "COMMENT ON DATABASE shop IS 'x';", owner="gone"),
        Item(3, "TABLE", "t", "CREATE TABLE t ();", "public", "app"),
        Item(5, "TABLE DATA", "t", "", "public", "app", "data"),
    ]
    found = decided(items)
    assert found == Filtered((9, 3, 5), (), (), (), (), no_tablespaces=False)
    assert found.list_file() == "9;\n3;\n5;\n"


@pytest.mark.parametrize(
    ("item", "facts", "reason"),
    [
        (
            Item(1, "SCHEMA", "public", "CREATE SCHEMA public;", owner="app"),
            SUPERUSER,
            "every new database has",
        ),
        (Item(1, "SCHEMA", "public", "-- *not* creating schema", owner="postgres"), SUPERUSER, None),
        (
            Item(1, "COMMENT", "SCHEMA public", "COMMENT ON SCHEMA public IS 'x';"),
            dataclasses.replace(ORDINARY, owns_public=False),
            "not app's to change",
        ),
        (Item(1, "COMMENT", "SCHEMA public", "COMMENT ON SCHEMA public IS 'x';"), ORDINARY, None),
        (Item(1, "SCHEMA", "publicity", "CREATE SCHEMA publicity;", owner="app"), ORDINARY, None),
        (
            Item(1, "COMMENT", "EXTENSION plpgsql", "COMMENT ON EXTENSION plpgsql IS 'x';"),
            ORDINARY,
            "only its owner",
        ),
        (Item(1, "COMMENT", "EXTENSION plpgsql", "COMMENT ON EXTENSION plpgsql IS 'x';"), SUPERUSER, None),
        (Item(1, "COMMENT", "EXTENSION pg_trgm", "COMMENT ON EXTENSION pg_trgm IS 'x';"), ORDINARY, None),
        (Item(1, "EVENT TRIGGER", "e", "CREATE EVENT TRIGGER e", owner="app"), ORDINARY, "event triggers"),
        (Item(1, "SUBSCRIPTION", "s", "CREATE SUBSCRIPTION s", owner="app"), ORDINARY, "subscriptions"),
        (
            Item(1, "PUBLICATION", "p", "CREATE PUBLICATION p FOR ALL TABLES;", owner="app"),
            ORDINARY,
            "publish",
        ),
        (Item(1, "PUBLICATION", "p", "CREATE PUBLICATION p;", owner="app"), ORDINARY, None),
        (Item(1, "PUBLICATION", "FOR ALL TABLES", 'CREATE PUBLICATION "FOR ALL TABLES";'), ORDINARY, None),
        (Item(1, "STATISTICS DATA", "t", ""), SUPERUSER, "ANALYZE"),
        (Item(1, "STATISTICS DATA", "t", ""), dataclasses.replace(SUPERUSER, version=180004), None),
    ],
)
def test_left_out(item: Item, facts: ServerFacts, reason: str | None) -> None:
    """What this server or role would refuse without need is left out, with the reason."""
    found = decided([item], facts)
    assert found.obstacles == ()
    if reason is None:
        assert (found.use_list, found.left_out) == ((1,), ())
    else:
        assert found.use_list == ()
        assert reason in found.left_out[0].sentence()


def test_the_owner_of_public_before_15() -> None:
    """A dump of PostgreSQL 14 has the schema as the superuser's, whose name may be any: it stays its new owner's."""
    items = [Item(1, "SCHEMA", "public", "-- *not* creating schema", owner="rdsadmin")]
    read = toc.read(io.BytesIO(archive(items, server="14.23")))
    for server in (ORDINARY, SUPERUSER):
        found = decide(read, server, Options())
        assert (found.use_list, found.missing_roles, found.obstacles) == ((), (), ())
        assert "is whose the database is" in found.left_out[0].sentence()
    older = dataclasses.replace(SUPERUSER, version=140023, roles=SUPERUSER.roles | {"rdsadmin"})
    assert decide(read, older, Options()).use_list == (1,)


def test_what_belongs_to_it_goes_with_it() -> None:
    """The comment on an event trigger that is left out, and the tables of such a publication, stay out, too."""
    items = [
        Item(1, "EVENT TRIGGER", "e", "CREATE EVENT TRIGGER e", owner="app"),
        Item(2, "COMMENT", "EVENT TRIGGER e", "COMMENT ON EVENT TRIGGER e IS 'x';", dependencies=(1,)),
        Item(3, "TABLE", "t", "CREATE TABLE t ();", "public", "app"),
    ]
    found = decided(items)
    assert found.use_list == (3,)
    assert [one.reason for one in found.left_out][1] == "what it belongs to is left out"


def test_privileges_statement_by_statement() -> None:
    """Of an entry that names a missing role the rest is run afterwards, the REVOKE from PUBLIC above all."""
    acl = (
        "REVOKE ALL ON FUNCTION public.f() FROM PUBLIC;\nGRANT ALL ON FUNCTION public.f() TO gone;\n"
        "GRANT ALL ON FUNCTION public.f() TO reader;\n"
    )
    found = decided([Item(4, "ACL", "FUNCTION f()", acl, "public", "app")])
    assert found.use_list == ()
    assert found.left_out[0].reason == "the server has no role gone"
    assert found.afterwards == (
        "REVOKE ALL ON FUNCTION public.f() FROM PUBLIC;",
        "GRANT ALL ON FUNCTION public.f() TO reader;",
    )
    assert [(role.name, role.needed_by) for role in found.missing_roles] == [("gone", ())]
    created = decided(
        [Item(4, "ACL", "FUNCTION f()", acl, "public", "app")], options=Options(create_missing_roles=True)
    )
    assert (created.use_list, created.left_out, created.afterwards) == ((4,), (), ())


def test_grants_in_the_name_of_another() -> None:
    """A grant by a missing role goes with its frame; only a superuser may grant in another's name."""
    acl = (
        "GRANT SELECT ON TABLE t TO reader;\n"
        "SET SESSION AUTHORIZATION 'gone';\nGRANT SELECT ON TABLE t TO app;\nRESET SESSION AUTHORIZATION;\n"
        "SET SESSION AUTHORIZATION boss;\nGRANT SELECT ON TABLE t TO app;\nRESET SESSION AUTHORIZATION;\n"
    )
    item = Item(4, "ACL", "TABLE t", acl, "public", "app")
    by_superuser = decided([item], SUPERUSER)
    assert by_superuser.afterwards == (
        "GRANT SELECT ON TABLE t TO reader;",
        "RESET SESSION AUTHORIZATION;",
        "SET SESSION AUTHORIZATION boss;",
        "GRANT SELECT ON TABLE t TO app;",
        "RESET SESSION AUTHORIZATION;",
    )
    ordinary = decided([item])
    assert ordinary.afterwards[0] == "GRANT SELECT ON TABLE t TO reader;"
    assert not [one for one in ordinary.afterwards if "boss" in one or "gone" in one]


def test_names_are_read_by_the_grammar() -> None:
    """Quoted role names are what they are, and PUBLIC is no role."""
    acl = 'GRANT SELECT ON TABLE "TO gone" TO "Odd ""Role"" é";\nGRANT SELECT ON TABLE t TO PUBLIC;\n'
    found = decided([Item(4, "ACL", "TABLE t", acl)])
    assert [role.name for role in found.missing_roles] == ['Odd "Role" é']


def test_privilege_that_is_too_new() -> None:
    """MAINTAIN is known from version 17 on."""
    item = Item(4, "ACL", "TABLE t", "GRANT SELECT,MAINTAIN ON TABLE t TO reader;", owner="app")
    assert "version 17" in decided([item]).left_out[0].reason
    assert decided([item], dataclasses.replace(ORDINARY, version=170006)).left_out == ()


def test_owners_and_policies_need_their_roles() -> None:
    """Missing owners and roles of policies are named with what needs them; --no-owner helps the owners only."""
    items = [
        Item(1, "TABLE", "t", "CREATE TABLE t ();", "public", "gone"),
        Item(2, "POLICY", "t p", "CREATE POLICY p ON t TO other USING (true);", "public", "app"),
    ]
    found = decided(items)
    assert found.use_list == (1, 2)
    assert found.needed_roles == ("gone", "other")
    assert [role.needed_by for role in found.missing_roles] == [
        ("owner of TABLE public.t",),
        ("POLICY public.t p",),
    ]
    assert decided(items, options=Options(no_owner=True)).needed_roles == ("other",)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Item(1, "TABLE", "t", "", "public", "boss"), 'GRANT "boss" TO "app"'),
        (Item(1, "EXTENSION", "postgis", "CREATE EXTENSION postgis"), "does not have the extension postgis"),
        (Item(1, "EXTENSION", "file_fdw", "CREATE EXTENSION file_fdw"), "only a superuser may create"),
    ],
)
def test_obstacles(item: Item, words: str) -> None:
    """What will fail is known beforehand, with what helps."""
    found = decided([item])
    assert words in found.obstacles[0]


def test_default_privileges_of_others() -> None:
    """Default privileges are set by their owner or its members alone."""
    acl = "ALTER DEFAULT PRIVILEGES FOR ROLE boss GRANT SELECT ON TABLES TO reader;"
    item = Item(1, "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", acl, "", "boss")
    assert "not a member of boss" in decided([item]).left_out[0].reason
    assert decided([item], dataclasses.replace(ORDINARY, own_roles=frozenset({"app", "boss"}))).left_out == ()


def test_no_privileges() -> None:
    """Not asked for is not told."""
    item = Item(1, "ACL", "TABLE t", "GRANT SELECT ON TABLE t TO gone;")
    found = decided([item], options=Options(no_privileges=True))
    assert (found.use_list, found.left_out, found.missing_roles) == ((), (), ())


def test_policies_without_privileges() -> None:
    """Where privileges are not asked for, a policy for a missing role stays out with its comment, and does not stop it."""
    items = [
        Item(1, "POLICY", "t p", "CREATE POLICY p ON t TO gone USING (true);", "public", "app"),
        Item(2, "COMMENT", "POLICY p ON t", "COMMENT ON POLICY p ON t IS 'x';", "public", dependencies=(1,)),
        Item(3, "POLICY", "t q", "CREATE POLICY q ON t TO reader USING (true);", "public", "app"),
    ]
    found = decided(items, options=Options(no_privileges=True))
    assert (found.use_list, found.needed_roles) == ((3,), ())
    assert "no role gone" in found.left_out[0].reason


SHOP = [
    Item(1, "SCHEMA", "s", "CREATE SCHEMA s;", owner="app"),
    Item(2, "TYPE", "mood", "CREATE TYPE", "s", "app", dependencies=(1,)),
    Item(3, "TABLE", "a", "CREATE TABLE", "s", "app", dependencies=(1, 2)),
    Item(4, "TABLE", "b", "CREATE TABLE", "s", "app", dependencies=(1,)),
    Item(5, "SEQUENCE", "a_id_seq", "CREATE SEQUENCE", "s", "app", dependencies=(1,)),
    Item(6, "SEQUENCE OWNED BY", "a_id_seq", "ALTER SEQUENCE", "s", "app", dependencies=(3, 5)),
    Item(7, "DEFAULT", "a id", "ALTER TABLE", "s", "app", dependencies=(3, 5)),
    Item(8, "TABLE DATA", "a", "", "s", "app", "data", dependencies=(3,)),
    Item(9, "TABLE DATA", "b", "", "s", "app", "data", dependencies=(4,)),
    Item(10, "SEQUENCE SET", "a_id_seq", "SELECT setval", "s", "app", "data", dependencies=(5,)),
    Item(11, "CONSTRAINT", "b b_pkey", "ALTER TABLE", "s", "app", "post", dependencies=(4,)),
    Item(12, "INDEX", "a_i", "CREATE INDEX", "s", "app", "post", dependencies=(3,)),
    Item(13, "FK CONSTRAINT", "a a_b_fkey", "ALTER TABLE", "s", "app", "post", dependencies=(3, 4, 11)),
    Item(14, "COMMENT", "INDEX a_i", "COMMENT", "s", "app", dependencies=(12,)),
    Item(15, "VIEW", "v", "CREATE VIEW", "s", "app", dependencies=(1, 4)),
]


@pytest.mark.parametrize(
    ("tables", "numbers"),
    [
        (("a",), {1, 2, 3, 5, 6, 7, 8, 10, 12, 14}),
        (("s.a", "b"), set(range(1, 15))),
        (("?",), set(range(1, 16))),
        (("s.v",), {1, 4, 15}),
    ],
)
def test_some_tables(tables: tuple[str, ...], numbers: set[int]) -> None:
    """A table comes with its parts and what it needs; a foreign key only with the table that it refers to."""
    assert set(decided(SHOP, options=Options(tables=tables)).use_list) == numbers


def test_table_that_is_not_there() -> None:
    """A name that nothing has is an error, not an empty restore."""
    with pytest.raises(UsageError, match="no table x"):
        decided(SHOP, options=Options(tables=("a", "x")))


def test_schema_only() -> None:
    """No rows, no sequence values, no large objects, and nothing about these."""
    large = [Item(20, "BLOB", "77", "SELECT lo_create('77');"), Item(21, "ACL", "LARGE OBJECT 77", "GRANT"),
             Item(22, "BLOBS", "BLOBS", "", section="data")]  # fmt: skip
    found = decided([*SHOP, *large], options=Options(schema_only=True))
    assert found.use_list == (1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
