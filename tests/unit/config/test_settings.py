"""The settings that are not the target: times, names, folders, and single values that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dbops.config import Options, Settings, load
from dbops.errors import ConfigError, DbopsError, UsageError

Load = Callable[..., Settings]


def test_defaults(load_in: Load, project: Path) -> None:
    """An empty project: every default, and its origin."""
    settings = load_in()
    assert settings.project == project
    assert settings.migrations_dir.value == project / "migrations"
    assert (settings.database.value, settings.test_database.value) == (
        "trading_engine",
        "trading_engine_test",
    )
    assert (settings.lock_timeout.value, settings.statement_timeout.value, settings.deadline.value) == (
        5,
        0,
        60,
    )
    assert (settings.server.value, settings.extensions.value) == ("auto", ())
    assert (settings.tracking_table.value, settings.confirm.value, settings.environment) == (None, None, None)
    assert {settings.lock_timeout.origin, settings.server.origin} == {"the default"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("500ms", 0.5),
        ("2min", 120),
        ("1h", 3600),
        ("7", 7),
        ("0.25", 0.25),
        ("1.5 min", 90),
        ("0", 0),
        ("off", 0),
        ("OFF", 0),
        ("0ms", 0),
        ("2147483647ms", 2147483.647),
    ],
)
@pytest.mark.parametrize("name", ["lock_timeout", "statement_timeout"])
def test_times(load_in: Load, name: str, text: str, seconds: float) -> None:
    """A length of time in each spelling, from each source: seconds."""
    key, variable = name.replace("_", "-"), f"DBOPS_{name.upper()}"
    ways = [
        (load_in(**{name: text}), f"option --{key}"),
        (load_in({variable: text}), f"environment variable {variable}"),
        (load_in(toml=f'[tool.dbops]\n{key} = "{text}"\n'), f"pyproject.toml [tool.dbops] {key}"),
    ]
    for settings, origin in ways:
        setting = getattr(settings, name)
        assert setting.value == pytest.approx(seconds)
        assert setting.origin == origin


@pytest.mark.parametrize(
    "text", ["5x", "-1", "five", "5 s s", "0.0001ms", "25d", "1000h", "nan", "inf", "1e3", "٣", "m"]
)
def test_wrong_times(load_in: Load, text: str) -> None:
    """Something that is no length of time: refused with its place; by an option it is wrong usage."""
    with pytest.raises(ConfigError, match="DBOPS_DEADLINE"):
        load_in({"DBOPS_DEADLINE": text})
    with pytest.raises(UsageError, match="--lock-timeout"):
        load_in(lock_timeout=text)


def test_deadline_is_never_off(load_in: Load) -> None:
    """`off` for the deadline: refused, since waiting for ever is not offered."""
    with pytest.raises(ConfigError, match="DBOPS_DEADLINE"):
        load_in({"DBOPS_DEADLINE": "off"})
    assert load_in({"DBOPS_DEADLINE": "0"}).deadline.value == 0


def test_order_of_sources_for_times(load_in: Load) -> None:
    """One time in every source: the strongest wins, each with its place."""
    toml, env, environ = "[tool.dbops]\ndeadline = 4\n", "DBOPS_DEADLINE=3\n", {"DBOPS_DEADLINE": "2"}
    assert load_in(toml=toml).deadline.value == 4
    file = load_in(env=env).deadline
    assert (file.value, file.origin.endswith("/.env line 1 (DBOPS_DEADLINE)")) == (3, True)
    assert load_in(environ).deadline.value == 2
    assert load_in(environ, deadline="1").deadline.value == 1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DB_PORT", "0", "not a port"),
        ("DB_PORT", "65536", "not a port"),
        ("DB_PORT", "54a", "not a port"),
        ("PGPORT", "-1", "not a port"),
        ("DB_PORT", "1 ", "not a port"),
        ("DB_SSLMODE", "true", "not an SSL mode"),
        ("PGSSLMODE", "Require", "not an SSL mode"),
        ("DB_HOST", "postgresql://h/d", "is a URL"),
        ("DB_HOST", "h:5432", "is a host with a port"),
        ("DB_NAME", "postgresql://h/d", "is a URL"),
        ("DB_NAME", "n" * 64, "64 bytes"),
        ("DB_NAME", "ä" * 32, "64 bytes"),
        ("DB_NAME", "\udcff", "not UTF-8"),
        ("DATABASE_URL", "postgresql://h/\udcff", "not UTF-8"),
        ("DBOPS_CONFIRM", "\udcff", "not UTF-8"),
    ],
)
def test_wrong_part(load_in: Load, name: str, value: str, message: str) -> None:
    """A part that cannot be: refused before anything connects, with the variable's name."""
    with pytest.raises(ConfigError, match=message) as caught:
        load_in({name: value})
    assert name in caught.value.message


@pytest.mark.parametrize("name", ['we"ird', "with space", "naïve", "x=y", "$(x)", "-d", "a'b", "n" * 63])
def test_odd_database_names(load_in: Load, name: str) -> None:
    """A name with quotes, spaces, non-ASCII, or of full length: taken as it is."""
    settings = load_in({"DB_NAME": name})
    assert (settings.database.value, settings.target.get("dbname")) == (name, name)


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("n" * 58, "n" * 58 + "_test"),
        ("n" * 63, "n" * 58 + "_test"),
        ("n" * 58 + "_test", "n" * 57 + "_test"),
        ("n" * 57 + "ä" + "n", "n" * 57 + "_test"),
    ],
)
def test_twin_of_a_long_name_fits(load_in: Load, name: str, twin: str) -> None:
    """A name that leaves no room for `_test`: its end is cut, between characters, and the twin is another."""
    assert load_in({"DB_NAME": name}).test_database.value == twin


def test_test_database(load_in: Load) -> None:
    """`test-database` as configured, except where it would be the database itself."""
    toml = '[tool.dbops]\ndatabase = "app"\ntest-database = "app_t"\n'
    settings = load_in(toml=toml)
    assert settings.test_database.value == "app_t"
    assert settings.test_database.origin == "pyproject.toml [tool.dbops] test-database"
    assert load_in({"DB_NAME": "x"}, toml=toml).test_database.value == "app_t"
    assert load_in({"DB_NAME": "app_t"}, toml=toml).test_database.value == "app_t_test"
    with pytest.raises(ConfigError, match="same database"):
        load_in(toml='[tool.dbops]\ndatabase = "a"\ntest-database = "a"\n')


def test_migrations_dir(project: Path, load_in: Load) -> None:
    """The option is relative to the current folder, pyproject.toml to the project."""
    below = project / "a" / "b"
    below.mkdir(parents=True)
    (project / "pyproject.toml").write_text('[tool.dbops]\nmigrations-dir = "db/m"\n')
    assert load(Options(), {}, below).migrations_dir.value == project / "db/m"
    option = load(Options(migrations_dir="m"), {}, below).migrations_dir
    assert (option.value, option.origin) == (below / "m", "option --migrations-dir")
    assert load(Options(migrations_dir="/m"), {"MIGRATIONS_DIR": "n"}, below).migrations_dir.value == Path(
        "/m"
    )


@pytest.mark.parametrize("name", ["database_url", "migrations_dir", "tracking_table", "server"])
def test_empty_option(load_in: Load, name: str) -> None:
    """An option from an unset shell variable: wrong usage, not the next weaker source."""
    with pytest.raises(UsageError, match="is empty"):
        load_in({"DATABASE_URL": "postgresql://h/d"}, **{name: ""})


def test_confirm(load_in: Load) -> None:
    """--confirm, then DBOPS_CONFIRM of the environment; a line in `.env` is no consent."""
    assert load_in({"DBOPS_CONFIRM": "b"}, confirm="a").confirm.value == "a"
    variable = load_in({"DBOPS_CONFIRM": "b"}).confirm
    assert (variable.value, variable.origin) == ("b", "environment variable DBOPS_CONFIRM")
    assert load_in(env="DBOPS_CONFIRM=b\n").confirm.value is None


@pytest.mark.parametrize("name", ["t", "s.t", "S.t t"])
def test_tracking_table(load_in: Load, name: str) -> None:
    """`table` and `schema.table`, by option and by pyproject.toml."""
    assert load_in(tracking_table=name).tracking_table.value == name
    assert load_in(toml=f'[tool.dbops]\ntracking-table = "{name}"\n').tracking_table.value == name


@pytest.mark.parametrize("name", ["a.b.c", ".t", "s.", "n" * 64])
def test_wrong_tracking_table(load_in: Load, name: str) -> None:
    """No table's name: wrong usage by option, wrong configuration by file."""
    with pytest.raises(UsageError, match="--tracking-table"):
        load_in(tracking_table=name)
    with pytest.raises(ConfigError, match="tracking-table"):
        load_in(toml=f'[tool.dbops]\ntracking-table = "{name}"\n')


def test_server(load_in: Load) -> None:
    """Three choices; another one is refused with the list."""
    assert load_in(server="private", toml='[tool.dbops]\nserver = "configured"\n').server.value == "private"
    with pytest.raises(ConfigError, match="server") as caught:
        load_in(toml='[tool.dbops]\nserver = "remote"\n')
    assert "auto, configured or private" in str(caught.value.hint)


def test_option_that_is_not_text(load_in: Load) -> None:
    """An argument with bytes that are not UTF-8: an error, not a traceback."""
    with pytest.raises(DbopsError, match="option --tracking-table is not UTF-8"):
        load_in(tracking_table="\udcff")


def test_warning_reaches_the_settings(load_in: Load) -> None:
    """golang-migrate's query parameter in `.env`: a warning with the place."""
    [warning] = load_in(env="DATABASE_URL=postgres://h/d?x-lock=1\n").warnings
    assert "x-lock" in warning
    assert ".env line 1" in warning


@pytest.mark.parametrize(
    ("url", "message"), [("postgresql://h:x/y", "from option --to has"), ("", "--to is empty")]
)
def test_a_url_of_another_option(load_in: Load, url: str, message: str) -> None:
    """What is wrong with it is told of the option that was given."""
    with pytest.raises(DbopsError, match=message):
        load_in(database_url=url, url_option="to")
