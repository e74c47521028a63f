"""Which source wins, what contradicts, and that no password travels to another server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbops.config import Settings
from dbops.errors import ConfigError, UsageError

Load = Callable[..., Settings]

FILE = "DATABASE_URL=postgresql://app:secret@db1:5433/dev?sslmode=require\n"


def _parts(settings: Settings) -> dict[str, str]:
    return settings.target.keywords()


WHOLE = {
    "user": "app",
    "password": "secret",
    "host": "db1",
    "port": "5433",
    "dbname": "dev",
    "sslmode": "require",
}


def test_nothing_configured_is_the_default_database(load_in: Load) -> None:
    """No source says anything: only a database name, no server."""
    settings = load_in()
    assert _parts(settings) == {"dbname": "trading_engine"}
    assert not settings.target.names_server
    assert settings.target.parts["dbname"].origin == "the default"


def test_stronger_part_replaces_that_part_and_nothing_else(load_in: Load) -> None:
    """`DB_NAME=staging` beside a URL in `.env`: the database changes, each part knows its place."""
    settings = load_in({"DB_NAME": "staging"}, env=FILE)
    assert _parts(settings) == {**WHOLE, "dbname": "staging"}
    assert settings.target.parts["dbname"].origin == "environment variable DB_NAME"
    assert settings.target.parts["host"].origin == f"{settings.project}/.env line 1 (DATABASE_URL)"
    assert (settings.database.value, settings.test_database.value) == ("staging", "staging_test")


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("DB_PORT", "7", "port"),
        ("DB_USER", "bob", "user"),
        ("DB_PASSWORD", "other", "password"),
        ("DB_SSLMODE", "disable", "sslmode"),
        ("PGPORT", "7", "port"),
        ("PGUSER", "bob", "user"),
        ("PGPASSWORD", "other", "password"),
        ("PGDATABASE", "x", "dbname"),
        ("PGSSLMODE", "verify-full", "sslmode"),
        ("PGOPTIONS", "-csearch_path=x", "options"),
        ("PGCONNECT_TIMEOUT", "3", "connect_timeout"),
    ],
)
def test_each_variable_gives_its_part(load_in: Load, name: str, value: str, part: str) -> None:
    """One variable in the environment over a URL in `.env`: exactly its part is replaced."""
    assert _parts(load_in({name: value}, env=FILE)) == {**WHOLE, part: value}


def test_order_of_sources(load_in: Load) -> None:
    """The same part in all four sources: option, environment, `.env`, pyproject.toml, in that order."""
    toml = '[tool.dbops]\ndatabase-url = "postgresql://h/d4"\n'
    env, environ = "DATABASE_URL=postgresql://h/d3\n", {"DATABASE_URL": "postgresql://h/d2"}
    assert load_in(toml=toml).database.value == "d4"
    assert load_in(env=env).database.value == "d3"
    assert load_in(environ).database.value == "d2"
    strongest = load_in(environ, database_url="postgresql://h/d1").database
    assert (strongest.value, strongest.origin) == ("d1", "option --database-url")


@pytest.mark.parametrize("name", ["DB_PASSWORD", "DB_HOST", "DATABASE_URL", "DBOPS_DIRECT_URL", "PGSERVICE"])
def test_empty_variable_is_not_set(load_in: Load, name: str) -> None:
    """An empty variable in the environment: what `.env` says stays."""
    assert _parts(load_in({name: ""}, env=FILE)) == WHOLE


def test_empty_line_in_env_is_not_set(load_in: Load) -> None:
    """`DB_USER=` in `.env`: the weaker source's user stays."""
    settings = load_in(env="DB_USER=\n", toml='[tool.dbops]\ndatabase-url = "postgresql://app@localhost"\n')
    assert settings.target.get("user") == "app"


@pytest.mark.parametrize(
    ("environ", "left"),
    [
        ({"DB_HOST": "db2"}, {"host": "db2", "dbname": "dev", "sslmode": "require"}),
        ({"PGHOSTADDR": "10.0.0.1"}, {"hostaddr": "10.0.0.1", "dbname": "dev", "sslmode": "require"}),
        ({"PGSERVICE": "s"}, {"service": "s", "sslmode": "require"}),
        ({"PGSERVICE": "s", "PGDATABASE": "x"}, {"service": "s", "dbname": "x", "sslmode": "require"}),
        ({"DB_HOST": "localhost"}, {"host": "localhost", "dbname": "dev", "sslmode": "require"}),
        ({"DB_HOST": "db1,db2"}, {"host": "db1,db2", "dbname": "dev", "sslmode": "require"}),
        ({"DB_HOST": "db1", "PGHOSTADDR": "10.0.0.1"}, None),
        ({"DATABASE_URL": "postgresql://db2/x"}, {"host": "db2", "dbname": "x", "sslmode": "require"}),
        ({"DATABASE_URL": "postgresql:///x"}, {"dbname": "x", "sslmode": "require"}),
        ({"DATABASE_URL": "dbname=x"}, {"dbname": "x", "sslmode": "require"}),
        (
            {"DB_HOST": "db2", "DB_USER": "u", "DB_PASSWORD": "p"},
            {"host": "db2", "user": "u", "password": "p", "dbname": "dev", "sslmode": "require"},
        ),
    ],
)
def test_no_password_travels(load_in: Load, environ: dict[str, str], left: dict[str, str] | None) -> None:
    """A stronger source names another server: user, password and port of the weaker one are gone."""
    parts = _parts(load_in(environ, env=FILE))
    assert "secret" not in parts.values()
    assert not {"app", "5433"} & set(parts.values())
    assert left is None or parts == left


@pytest.mark.parametrize(
    "environ",
    [
        {"DB_HOST": "db1"},
        {"DB_HOST": "DB1"},
        {"DATABASE_URL": "postgresql://db1"},
        {"PGHOST": "db1", "DB_NAME": "dev"},
    ],
)
def test_same_server_keeps_the_password(load_in: Load, environ: dict[str, str]) -> None:
    """A stronger source names the same host: nothing is dropped."""
    assert _parts(load_in(environ, env=FILE)) == {**WHOLE, "host": _parts(load_in(environ))["host"]}


@pytest.mark.parametrize("weaker", ["localhost", "127.0.0.1", "[::1]", ""])
@pytest.mark.parametrize("stronger", ["localhost", "127.0.0.1", "::1"])
def test_names_of_this_machine_are_one_host(load_in: Load, weaker: str, stronger: str) -> None:
    """This machine under two names, or under none: the password stays."""
    settings = load_in({"PGHOST": stronger}, env=f"DATABASE_URL=postgresql://app:secret@{weaker}/d\n")
    assert (settings.target.get("host"), settings.target.get("password")) == (stronger, "secret")


def test_password_alone_belongs_to_this_machine(load_in: Load) -> None:
    """A password without host in `.env`, another host in the environment: not sent there, with a warning."""
    settings = load_in({"DB_HOST": "db2"}, env="DB_PASSWORD=secret\n")
    assert "password" not in settings.target.parts
    [warning] = settings.warnings
    assert "line 1 (DB_PASSWORD)" in warning
    assert "DB_HOST" in warning
    assert "secret" not in warning


def test_whole_url_drops_without_warning(load_in: Load) -> None:
    """A URL over a URL: nothing was lost that anybody expects."""
    assert load_in({"DATABASE_URL": "postgresql://u@db2/x"}, env=FILE).warnings == ()


def test_service_to_host_drops_the_service(load_in: Load) -> None:
    """A host over a weaker service: the service would bring its own user and password."""
    parts = _parts(load_in({"DB_HOST": "db2"}, env="PGSERVICE=s\nPGUSER=app\n"))
    assert parts == {"host": "db2", "dbname": "trading_engine"}


def test_service_is_never_this_machine(load_in: Load) -> None:
    """This machine over a weaker service in three spellings: the service and its password are gone."""
    env = "PGSERVICE=s\nPGPASSWORD=secret\n"
    for environ in (
        {"DB_HOST": "localhost"},
        {"PGHOSTADDR": "127.0.0.1"},
        {"DATABASE_URL": "postgresql:///d"},
    ):
        assert {"service", "password"} & load_in(environ, env=env).target.parts.keys() == set()


def test_address_and_name_are_compared(load_in: Load) -> None:
    """An address as PGHOSTADDR and as DB_HOST is one server; another host over an address is not."""
    env = "PGHOSTADDR=10.0.0.1\nPGPASSWORD=secret\n"
    assert load_in({"DB_HOST": "10.0.0.1"}, env=env).target.get("password") == "secret"
    assert {"hostaddr", "password"} & load_in({"DB_HOST": "localhost"}, env=env).target.parts.keys() == set()


def test_files_of_libpq_in_env(load_in: Load) -> None:
    """Files of passwords and certificates: parts where `.env` names them, else libpq reads them itself."""
    variables = {"PGPASSFILE": "/p", "PGSSLROOTCERT": "/c"}
    env = "".join(f"{name}={value}\n" for name, value in variables.items())
    assert load_in(variables).target.keywords() == {"dbname": "trading_engine"}
    parts = load_in(env=env).target.keywords()
    assert parts == {"dbname": "trading_engine", "passfile": "/p", "sslrootcert": "/c"}


def test_service_leaves_the_database_to_the_service_file(load_in: Load) -> None:
    """Only a service, and a database in pyproject.toml: the target names none, `database` does."""
    settings = load_in({"PGSERVICE": "s"}, toml='[tool.dbops]\ndatabase = "app"\n')
    assert (_parts(settings), settings.database.value) == ({"service": "s"}, "app")


def test_url_without_database_takes_the_projects(load_in: Load) -> None:
    """A URL without a database: the one of pyproject.toml, else the default."""
    assert load_in({"DATABASE_URL": "postgresql://h"}).target.get("dbname") == "trading_engine"
    settings = load_in({"DATABASE_URL": "postgresql://h"}, toml='[tool.dbops]\ndatabase = "app"\n')
    assert settings.target.get("dbname") == "app"


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"DATABASE_URL": "postgresql://h/a", "DB_NAME": "b"}, ["DATABASE_URL", "DB_NAME", "'a'", "'b'"]),
        ({"DATABASE_URL": "postgresql://h/a", "POSTGRES_DSN": "dbname=b"}, ["DATABASE_URL", "POSTGRES_DSN"]),
        ({"DB_HOST": "a", "PGHOST": "b"}, ["DB_HOST", "PGHOST", "host", "'a'", "'b'"]),
        ({"DB_PORT": "1", "PGPORT": "2"}, ["DB_PORT", "PGPORT", "port"]),
        ({"DBOPS_DIRECT_URL": "postgresql://h/a", "DB_NAME": "b"}, ["DBOPS_DIRECT_URL", "DB_NAME"]),
    ],
)
def test_contradiction_in_one_source(load_in: Load, environ: dict[str, str], names: list[str]) -> None:
    """Two variables of one source that disagree: an error with both names and values."""
    with pytest.raises(ConfigError, match="contradict") as caught:
        load_in(environ)
    assert [name for name in names if name not in caught.value.message] == []
    with pytest.raises(ConfigError, match=r"\.env line 1 .* and .*\.env line 2 "):
        load_in(env="".join(f"{name}={value}\n" for name, value in environ.items()))


def test_contradiction_in_pyproject(load_in: Load) -> None:
    """`database-url` and `database` name two databases: an error that names both keys."""
    with pytest.raises(ConfigError, match=r"database-url.*and.*\[tool.dbops\] database .*contradict"):
        load_in(toml='[tool.dbops]\ndatabase-url = "postgresql:///a"\ndatabase = "b"\n')


@pytest.mark.parametrize(
    "environ",
    [
        {"DB_HOST": "localhost", "PGHOST": "127.0.0.1"},
        {"DB_PORT": "5432", "PGPORT": "05432"},
        {"DATABASE_URL": "postgresql://h/a", "DB_NAME": "a", "PGDATABASE": "a"},
    ],
)
def test_agreement_in_one_source(load_in: Load, environ: dict[str, str]) -> None:
    """The same thing said twice, also in two ways: no contradiction, the first one counts."""
    first = next(iter(environ))
    assert first in {setting.origin.split()[-1] for setting in load_in(environ).target.parts.values()}


def test_parts_of_one_source_add_up(load_in: Load) -> None:
    """A URL without password and PGPASSWORD beside it: together one target."""
    settings = load_in({"DATABASE_URL": "postgresql://u@h/d", "PGPASSWORD": "p", "PGPORT": "7"})
    assert _parts(settings) == {"user": "u", "host": "h", "dbname": "d", "password": "p", "port": "7"}


def test_direct_url_takes_the_place_of_the_pooled_one(load_in: Load) -> None:
    """DBOPS_DIRECT_URL beside DATABASE_URL: it wins without contradiction, DB_NAME still overrides it."""
    pooled, direct = "postgresql://u:p@pool:6543/d", "postgresql://u:p@db:5432/d2"
    environ = {"DATABASE_URL": pooled, "POSTGRES_DSN": "host=pool", "DBOPS_DIRECT_URL": direct}
    assert load_in(environ).target.describe() == "u@db:5432/d2"
    env = f"DATABASE_URL={pooled}\nDBOPS_DIRECT_URL={direct}\n"
    assert load_in({"DB_NAME": "x"}, env=env).target.describe() == "u@db:5432/x"
    assert load_in(environ, database_url="postgresql://o/e").target.describe() == "o:5432/e"


def test_env_counts_one_variable_only(load_in: Load) -> None:
    """`--env qa-1` among every other setting: only QA_1_DATABASE_URL makes the target."""
    environ = {
        "QA_1_DATABASE_URL": "postgresql://qa/q",
        "DATABASE_URL": "postgresql://u:p@h:1/d",
        "DBOPS_DIRECT_URL": "postgresql://direct/d",
        "PGPASSWORD": "secret",
        "PGPORT": "\udcff",
        "DB_NAME": "x",
    }
    settings = load_in(environ, env="PGUSER=me\n", environment="qa-1")
    assert _parts(settings) == {"host": "qa", "dbname": "q"}
    assert settings.environment == "qa-1"


def test_env_from_the_file(load_in: Load) -> None:
    """`--env prod` with the variable in `.env`: taken from there; the environment's comes first."""
    env = "PROD_DATABASE_URL=postgresql://a/p\n"
    assert load_in(env=env, environment="prod").target.get("host") == "a"
    stronger = load_in({"PROD_DATABASE_URL": "postgresql://b/p"}, environment="Prod")
    assert stronger.target.get("host") == "b"


@pytest.mark.parametrize("environ", [{}, {"PROD_DATABASE_URL": ""}])
def test_env_missing_is_no_fallback(load_in: Load, environ: dict[str, str]) -> None:
    """`--env prod` without its variable (or an empty one): exit 5, the variable is named."""
    with pytest.raises(ConfigError, match="PROD_DATABASE_URL") as caught:
        load_in({**environ, "DATABASE_URL": "postgresql://h/d"}, environment="prod")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("name", ["", "1a", "a b", "a.b", "ä", "-a"])
def test_env_is_a_plain_name(load_in: Load, name: str) -> None:
    """An environment's name that can be no variable: wrong usage."""
    with pytest.raises(UsageError, match="--env"):
        load_in(environment=name)


def test_env_with_url_is_wrong_usage(load_in: Load) -> None:
    """`--env` and `--database-url` at once: wrong usage, both named."""
    with pytest.raises(UsageError, match="--env and --database-url"):
        load_in(environment="qa", database_url="postgresql://h/d")
