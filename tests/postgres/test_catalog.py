"""What the catalog's reader tells of a schema, on every version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest

from dbops.engines.catalog import Catalog, Identity, Key, NotRead, TypeKind
from dbops.engines.postgres import catalog
from tests.older import known_to
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

SCHEMA = """
create type mood as enum ('sad', 'ok', 'happy');
create domain code as varchar(8) not null constraint code_form check (value ~ '^[A-Z]+$');
create domain codes as code[] check (cardinality(value) < 4);
create type pair as (a numeric(6,2), b mood);
create schema other;
create table other."Odd ""name" (id int primary key);
create table parent (
    tenant int, id bigint generated always as identity (start 7), name char(5) default 'x', feeling mood,
    codes codes, pairs pair[], amount numeric(12,-2), part bit(3), at timestamptz(3), span int4range,
    doubled int generated always as (tenant * 2) stored,
    primary key (tenant, id),
    unique (id, tenant),
    constraint name_unique unique nulls not distinct (name) deferrable,
    constraint positive check (tenant > 0)
);
comment on table parent is 'a parent';
comment on column parent.name is 'a name';
create unique index parent_lower on parent (lower(name), tenant) where feeling = 'ok';
create table child (
    id serial primary key, tenant int not null, parent bigint, self int references child,
    odd int references other."Odd ""name" deferrable initially deferred,
    foreign key (parent, tenant) references parent (id, tenant) match full
);
create table booking (room int, span int4range, exclude using gist (span with &&) where (room = 1));
create table log (at date not null, kind text) partition by range (at);
create table log_1 partition of log for values from ('2026-01-01') to ('2026-02-01') partition by list (kind);
create table log_1_a partition of log_1 for values in ('a', 'b');
create table log_rest partition of log default;
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger first before insert on child for each row execute function f();
create trigger never before insert on child for each row execute function f();
alter table child disable trigger never;
create table schema_migrations (version text primary key);
"""


@pytest.fixture
def read(database: Database, connect: Connect) -> Catalog:
    connection = connect(database)
    connection.execute(known_to(connection.info.server_version, SCHEMA).encode())
    return catalog.read(connection)


def test_tables_are_listed_without_partitions_and_without_the_records_of_migration_tools(
    read: Catalog,
) -> None:
    """What takes rows by itself is listed, in order; looked up by name along the search path or with its schema."""
    names = [table.label for table in read.tables]
    assert names == ['other.Odd "name', "booking", "child", "log", "parent"]
    assert read.find("parent") is read.find("public.parent") is read.by_id["public", "parent"]
    assert read.find('Odd "name') is read.tables[0]
    assert read.find("nothing") is None
    assert read.by_id["public", "parent"].comment == "a parent"


def test_columns_have_their_types_to_the_bottom(read: Catalog) -> None:
    """Modifiers, domains below arrays, fields of composites, labels, identity, generated and default are told."""
    column = {one.name: one for one in read.by_id["public", "parent"].columns}
    assert column["id"].identity is Identity.ALWAYS
    assert column["id"].sequence == ("public", "parent_id_seq")
    assert (column["name"].type.length, column["name"].default, column["name"].comment) == (
        5, "'x'::bpchar", "a name",
    )  # fmt: skip
    assert column["feeling"].type.labels == ("sad", "ok", "happy")
    assert (column["amount"].type.precision, column["amount"].type.scale) == (12, -2)
    assert (column["part"].type.length, column["at"].type.precision) == (3, 3)
    assert column["span"].type.kind is TypeKind.RANGE
    assert column["span"].type.element is not None
    assert column["span"].type.element.name == "int4"
    assert column["doubled"].generated is not None
    assert not column["doubled"].writable
    assert column["doubled"].default is None


def test_a_domain_over_an_array_of_a_domain_keeps_every_layer(read: Catalog) -> None:
    """Checks stand at the layer that states them; `base` is what is below all domains."""
    parent = read.by_id["public", "parent"]
    codes, pairs = parent.column("codes"), parent.column("pairs")
    assert codes is not None
    assert pairs is not None
    assert (codes.type.kind, codes.type.base.kind) == (TypeKind.DOMAIN, TypeKind.ARRAY)
    assert [check.name for check in codes.type.checks] == ["codes_check"]
    code = codes.type.base.element
    assert code is not None
    assert (code.kind, code.not_null, code.base.length) == (TypeKind.DOMAIN, True, 8)
    assert [check.name for check in code.checks] == ["code_form"]
    element = pairs.type.element
    assert element is not None
    assert [(name, of.sql) for name, of in element.fields] == [("a", "numeric(6,2)"), ("b", "mood")]


def test_keys_tell_what_makes_rows_unique(read: Catalog) -> None:
    """Primary key, constraint and index with their columns, expressions, predicates and how nulls compare."""
    keys: Mapping[str, Key] = {key.name: key for key in read.by_id["public", "parent"].keys}
    assert keys["parent_pkey"].columns == ("tenant", "id")
    assert read.by_id["public", "parent"].primary_key is keys["parent_pkey"]
    assert (keys["name_unique"].nulls_equal, keys["name_unique"].deferrable) == (True, True)
    index = keys["parent_lower"]
    assert (index.columns, index.constraint, index.plain) == ((None, "tenant"), False, False)
    assert index.expressions[0].startswith("lower(")
    assert index.predicate == "(feeling = 'ok'::mood)"
    assert keys["parent_id_tenant_key"].plain


def test_foreign_keys_pair_their_columns(read: Catalog) -> None:
    """Composite, to another schema, to itself: columns in pairs as they were declared."""
    keys = {key.columns: key for key in read.by_id["public", "child"].foreign_keys}
    composite = keys["parent", "tenant"]
    assert (composite.table, composite.referenced, composite.match_full) == (
        ("public", "parent"), ("id", "tenant"), True,
    )  # fmt: skip
    assert keys["self",].table == ("public", "child")
    assert keys["odd",].table == ("other", 'Odd "name')
    assert keys["odd",].deferrable


def test_checks_exclusions_triggers_and_partitions_are_told(read: Catalog) -> None:
    """Only triggers that act on INSERT and are enabled; only partitions that hold rows themselves."""
    tables = read.by_id
    assert [(one.name, one.expression) for one in tables["public", "parent"].checks] == [
        ("positive", "(tenant > 0)")
    ]
    (exclusion,) = tables["public", "booking"].exclusions
    assert (exclusion.columns, exclusion.operators, exclusion.predicate) == (("span",), ("&&",), "(room = 1)")
    (trigger,) = tables["public", "child"].triggers
    assert (trigger.name, trigger.row, trigger.before) == ("first", True, True)
    partitioning = tables["public", "log"].partitioning
    assert partitioning is not None
    assert (partitioning.strategy, partitioning.key) == ("range", ("at",))
    leaves = dict(partitioning.leaves)
    assert leaves.keys() == {("public", "log_1_a"), ("public", "log_rest")}
    assert "2026-02-01" in str(leaves["public", "log_1_a"])
    assert "'a'" in str(leaves["public", "log_1_a"])


@pytest.mark.one_major
def test_only_some_tables(read: Catalog, database: Database, connect: Connect) -> None:
    """Those asked for, with all that they refer to, as in the whole; what is there besides is known by name."""
    connection = connect(database)
    some = catalog.read(connection, only=["child", "nothing"])
    assert {table.label for table in some.tables} == {"child", "parent", 'other.Odd "name'}
    assert all(table == read.by_id[table.id] for table in some.tables)
    assert some.others == read.by_id.keys() - some.by_id.keys()
    connection.execute("create table far (id int)")
    some = catalog.read(connection, only=["public.child"])
    assert some.find("nothing") is None
    with pytest.raises(NotRead):
        some.find("far")


@pytest.mark.one_major
def test_a_domain_has_its_default(database: Database, connect: Connect) -> None:
    """One of its own, or that of the domain that it was made of."""
    connection = connect(database)
    connection.execute(
        "create domain state as text default 'new'; create domain later as state; create table t (a state, b later, c text)"
    )
    (table,) = catalog.read(connection).tables
    assert [column.type.default for column in table.columns] == ["'new'::text", "'new'::text", None]
    assert [column.default for column in table.columns] == [None, None, None]
