"""The next step after an error, from the server's words alone."""

from __future__ import annotations

import pytest

from dbops.config.model import Setting, Target
from dbops.engines.base import ServerError
from dbops.engines.postgres.remedies import connect_hint, missing_extension, remedy, statement_hint


@pytest.mark.parametrize("sqlstate", ["42P07", "42710", "42701", "42P06", "42723", "42P04"])
def test_already_exists(sqlstate: str) -> None:
    """Tables, types, columns, schemas, functions, databases: mark that version, or IF NOT EXISTS."""
    hint = statement_hint(ServerError("it exists", sqlstate), "007")
    assert hint is not None
    assert "bin/migrate mark 007" in hint
    assert "IF NOT EXISTS" in hint


@pytest.mark.parametrize(
    ("message", "sqlstate", "extension"),
    [
        ("function uuid_generate_v4() does not exist", "42883", "uuid-ossp"),
        ("function public.gen_salt(unknown) does not exist", "42883", "pgcrypto"),
        ('operator class "gin_trgm_ops" does not exist for access method "gin"', "42704", "pg_trgm"),
        ('type "citext" does not exist', "42704", "citext"),
        ('type "geometry" does not exist', "42704", "postgis"),
        ('data type integer has no default operator class for access method "gist"', "42704", "btree_gist"),
        ("function st_makepoint(integer, integer) does not exist", "42883", "postgis"),
        ("function my_own() does not exist", "42883", None),
        ('column "citext" does not exist', "42703", None),
    ],
)
def test_extensions_that_provide_what_is_missing(message: str, sqlstate: str, extension: str | None) -> None:
    """Known by name; anything else is left to the server's words."""
    error = ServerError(message, sqlstate)
    assert missing_extension(error) == extension
    if extension:
        assert f'extensions = ["{extension}"]' in (statement_hint(error, "1") or "")


@pytest.mark.parametrize(
    ("message", "sqlstate", "part"),
    [
        ("permission denied for schema public", "42501", "GRANT CREATE, USAGE ON SCHEMA public TO"),
        ('permission denied for schema "My Schema"', "42501", 'ON SCHEMA "My Schema" TO'),
        ("permission denied for table schema_migrations", "42501", "owner of table schema_migrations"),
        ("must be owner of table t", "42501", "GRANT owner TO role"),
        ("permission denied to create role", "42501", "run it as a role that may"),
        ('role "my role" does not exist', "42704", 'CREATE ROLE "my role" first'),
        ('extension "vector" is not available', "0A000", 'the server does not have "vector"'),
        ('source database "it\'s" is being accessed by other users', "55006", "datname = 'it''s'"),
        ("unsafe use of new value", "55P04", "-- dbops: no-transaction"),
        ("canceling statement due to statement timeout", "57014", "--statement-timeout"),
        ("could not extend file", "53100", "disk is full"),
    ],
)
def test_other_errors(message: str, sqlstate: str, part: str) -> None:
    """Each names what to do, with the names that the message has."""
    assert part in (remedy(ServerError(message, sqlstate)) or "")


@pytest.mark.parametrize(
    ("message", "sqlstate"),
    [
        ("division by zero", "22012"),
        ('type "x" does not exist', "42704"),
        ("odd", None),
        ("not this", "0A000"),
    ],
)
def test_no_remedy_where_none_is_known(message: str, sqlstate: str | None) -> None:
    """Better none than a wrong one."""
    assert remedy(ServerError(message, sqlstate)) is None


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ('FATAL:  password authentication failed for user "kim"', "DB_PASSWORD"),
        ("fe_sendauth: no password supplied", "~/.pgpass"),
        ('FATAL:  database "shop" does not exist', "CREATE DATABASE shop"),
        ('FATAL:  role "kim" does not exist', "CREATE ROLE kim LOGIN"),
        ("Connection refused", "bin/setup-dev-db"),
        ('could not translate host name "x" to address', "DB_HOST"),
        ("server does not support SSL, but SSL was required", "DB_SSLMODE=disable"),
        ("connection timeout expired", "firewall"),
        ("something new", "check the connection details"),
    ],
)
def test_errors_of_connecting(reason: str, part: str) -> None:
    """In the words of libpq and the server."""
    target = Target({"user": Setting("kim"), "dbname": Setting("shop")})
    assert part in connect_hint(target, reason)
