"""Which format a folder is in: by names, by marks where names leave it open; and folders that two formats claim."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from dbops.config.model import Setting
from dbops.errors import ConfigError, DbopsError, UsageError
from dbops.migrations.creation import create
from dbops.migrations.discovery import discover, scan
from dbops.migrations.formats import NAMES, by_name
from dbops.migrations.texts import read


def folder(path: Path, files: Mapping[str, str]) -> Setting[Path]:
    """A folder with these files."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return Setting(path, "option --migrations-dir")


GOOSE, DBMATE = "-- +goose Up\n", "-- migrate:up\n-- migrate:down\n"


@pytest.mark.parametrize(
    ("files", "formats"),
    [
        ({"1_a.sql": "", "2_b.up.sql": ""}, {"single", "pairs"}),
        ({"1_a.sql": "SELECT '-- +goose Up';"}, {"single"}),
        ({"1_a.sql": "-- +migrate Up\n", "2_b.sql": "SELECT 1;"}, {"single"}),
        ({"1_a.sql": "-- +migrate Up\n", "2_b.sql": "-- UP Migration\n-- +migrate Down"}, {"single"}),
        ({"1_a.sql": "-- depends: 0\n-- UP Migration\n"}, {"single"}),
        ({"1_a.sql": "-- no-transaction\n-- DOWN Migration\n"}, {"single"}),
        ({"1_a.sql": GOOSE, "2_b.sql": ""}, {"goose"}),
        ({"1_a.sql": GOOSE, "2_b.up.sql": ""}, {"goose", "pairs"}),
        ({"1_a.sql": f"\ufeff-- a comment\r\n\r\n{GOOSE}"}, {"goose"}),
        ({"a.sql": "-- +migrate Up\n"}, {"sql-migrate"}),
        ({"1_a.sql": "", "tern.conf": ""}, {"tern"}),
        ({"V1__a.sql": "", "V2__b_NONTRANSACTIONAL.sql": ""}, {"pgmigrate"}),
        ({"V1__a.sql": "", "V1.1__b.sql": ""}, {"flyway"}),
        ({"v1_a.sql": ""}, {"v-prefix"}),
        ({"committed/000001-a.sql": "--! Previous: -\n--! Hash: sha1:a\n"}, {"graphile-migrate"}),
        ({"1_a/up.sql": "", "1_a/notes.txt": ""}, {"folders"}),
        ({"1704000000001_a.sql": "-- UP Migration\n"}, {"node-pg-migrate"}),
    ],
)
def test_what_a_folder_is_read_as(tmp_path: Path, files: dict[str, str], formats: set[str]) -> None:
    """Existing folders stay what they were; a mark counts at the beginning of a line."""
    assert {file.format for file in scan(folder(tmp_path, files)).files} == formats


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"1_a.sql": GOOSE, "2_b.sql": DBMATE},
            r"goose \(1_a\.sql:1 has '-- \+goose Up'\) or as dbmate \(2_b\.sql:1 has '-- migrate:up'\)",
        ),
        ({"1_a.sql": "-- UP Migration\n", "2_b.sql": GOOSE}, r"single \(1_a.* or as goose \(2_b|goose \(2_b"),
        ({"1_a.sql": "", "2_b/up.sql": ""}, r"folders \(2_b/up\.sql\) or as a format of files \(1_a\.sql\)"),
        ({"V1_a.sql": "", "2_b/up.sql": ""}, r"folders .* or as a format of files \(V1_a\.sql\)"),
        ({"1_a.sql": "", "V2__b.sql": ""}, r"flyway \(V2__b\.sql\) or as single \(1_a\.sql\)"),
        ({"1_a.sql": GOOSE, "R__b.sql": ""}, r"flyway \(R__b\.sql\) or as goose \(1_a\.sql\)"),
        ({"V1_a.sql": "", "2_b.up.sql": ""}, r"v-prefix \(V1_a\.sql\) or as single \(2_b\.up\.sql\)"),
        ({"V1__a.sql": "", "V2_b.sql": ""}, r"flyway \(V1__a\.sql\) or as v-prefix \(V2_b\.sql\)"),
        ({"V1.1__a.sql": "", "V2__NONTRANSACTIONAL.sql": ""}, "flyway .* or as pgmigrate"),
        ({"a.sql": "-- +migrate Up\n", "b.sql": "-- depends: a\n"}, "sql-migrate .* or as yoyo"),
    ],
)
def test_a_folder_that_two_formats_claim(tmp_path: Path, files: dict[str, str], said: str) -> None:
    """Both claims are named, each with its file; it is a matter of configuration."""
    with pytest.raises(ConfigError, match=said) as caught:
        scan(folder(tmp_path, files))
    assert "--format" in (caught.value.hint or "")


def test_of_many_files_some_are_looked_into(tmp_path: Path) -> None:
    """The first and the last are among them; one that was not, and is of another tool, is refused when it is read."""
    files = {f"{number}_a.sql": GOOSE for number in range(100, 200)}
    found = discover(folder(tmp_path, {**files, "101_a.sql": DBMATE}))
    assert {file.format for file in found.files} == {"goose"}
    with pytest.raises(DbopsError, match=r"101_a\.sql:1: this is a mark of dbmate"):
        read(found.files[1])
    with pytest.raises(ConfigError, match=r"goose .* or as dbmate"):
        scan(folder(tmp_path, {"199_a.sql": DBMATE}))


def test_a_format_that_is_named(tmp_path: Path) -> None:
    """It is not asked of the files; one that does not exist is an error with its origin, and all that do."""
    setting = folder(tmp_path, {"1_a.sql": GOOSE, "2_b.sql": DBMATE})
    found = scan(setting, Setting("sqlx", "option --format"))
    assert {file.format for file in found.files} == {"sqlx"}
    assert found.read_as == "read as sqlx: option --format says so"
    with pytest.raises(UsageError, match="option --format is not a format") as caught:
        scan(setting, Setting("gose", "option --format"))
    assert "auto, single, pairs" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (("1_a.sql", "2_b.ts"), "2_b.ts: migrations in TypeScript"),
        (("1_a.sql", "00002_b.go", "00002_b_test.go", "main.go", "3_c.d.ts"), "00002_b.go: migrations in Go"),
        (("V1__a.sql", "V2__b.java"), "V2__b.java: migrations in Java"),
        (("2025-01-31T12-30-00-1.0.3-x.ts",), "x.ts: migrations in TypeScript"),
    ],
)
def test_migrations_in_other_languages(tmp_path: Path, names: tuple[str, ...], named: str) -> None:
    """They are named, since passing over them would leave out what they do; tests and declarations are none."""
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        scan(folder(tmp_path, dict.fromkeys(names, "")))
    assert f"{tmp_path}/{named.partition(':')[0]}" in caught.value.message or named in caught.value.message
    assert "test" not in caught.value.message.partition(":")[0].replace(str(tmp_path), "")


def test_python_files_beside_others(tmp_path: Path) -> None:
    """Modules whose name begins with a version join the sequence; of yoyo's they cannot be read."""
    names = (
        "1_a.sql",
        "2_b.py",
        "2025-01-31T12-30-00-1.0.3-add-x.py",
        "3_c_test.py",
        "ae10_x.py",
        "_common.py",
    )
    found = scan(folder(tmp_path, dict.fromkeys((*names, "__init__.py", "test_x.py"), "")))
    assert found.read_as == (
        "read as pairs and single and python-modules: no file has a mark of another tool, and the name "
        "2025-01-31T12-30-00-1.0.3-add-x.py"
    )
    assert [(file.version.text, file.name, file.format) for file in found.files] == [
        ("1", "a", "single"),
        ("1.0.3", "add-x", "python-modules"),
        ("2", "b", "python-modules"),
    ]
    assert [name for name, _ in found.passed_over] == [
        "3_c_test.py",
        "__init__.py",
        "_common.py",
        "ae10_x.py",
        "test_x.py",
    ]
    with pytest.raises(ConfigError, match="migrations in Python"):
        scan(folder(tmp_path, {"1_a.sql": "-- depends:\n"}))


@pytest.mark.parametrize(
    ("name", "version", "slug"),
    [
        ("2025-01-31T12-30-00-1.0.3-add-trading-sessions.py", "1.0.3", "add-trading-sessions"),
        ("2025-01-31T12-30-00-000Z-v1.0.3-x.py", "1.0.3", "x"),
        ("2025-01-31T12-30-00-add-x.py", "20250131123000", "add-x"),
        ("2025-01-31T12-30-00-2-factor.py", "20250131123000", "2-factor"),
        ("007_add_x.py", "007", "add_x"),
        ("20250131123000_x.py", "20250131123000", "x"),
        ("1.0.3-x.py", "1.0.3", "x"),
    ],
)
def test_versions_of_python_modules(tmp_path: Path, name: str, version: str, slug: str) -> None:
    """What stands behind the time has dots, or the time is the version."""
    (file,) = scan(folder(tmp_path, {name: ""})).files
    assert (file.version.text, file.name) == (version, slug)


def test_new_modules_of_the_trading_bots_shape(tmp_path: Path) -> None:
    """Time, next version, hyphens; what is in it has the version that the name says."""
    setting = folder(tmp_path, {"2025-01-31T12-30-00-1.0.9-a.py": "def up(db): ..."})
    (path,) = create(setting, None, "add trading sessions")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-1\.0\.10-add-trading-sessions\.py", path.name)
    migration = read(discover(setting).files[-1])
    assert (migration.version.text, migration.description) == ("1.0.10", "Add trading sessions")


def test_variables_where_there_are_no_placeholders(tmp_path: Path) -> None:
    """A value that nothing takes is a mistake."""
    with pytest.raises(ConfigError, match="the format goose has no placeholders"):
        scan(folder(tmp_path, {"1_a.sql": GOOSE}), variables={"a": "b"})


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"yoyo", "graphile-migrate"}])
def test_new_files_are_of_the_folders_format(tmp_path: Path, name: str) -> None:
    """What `new` writes is found in that format, alone and beside the one before it, and can be read."""
    setting = folder(tmp_path / "m", {})
    version = "1704000000001" if name == "node-pg-migrate" else "001"
    create(setting, version, "first", Setting(name))
    create(
        setting,
        None,
        "second",
        Setting(name) if name in {"sqlx", "pgmigrate", "rollback-pairs"} else Setting("auto"),
    )
    found = discover(setting, Setting(name) if name in {"sqlx", "pgmigrate"} else Setting("auto"))
    assert [(file.name, file.format) for file in found.files] == [("first", name), ("second", name)]
    for file in found.files:
        assert read(file).down is None


def test_a_new_file_in_a_format_that_does_not_exist(tmp_path: Path) -> None:
    """An error also where there is no folder yet."""
    with pytest.raises(UsageError, match="is not a format"):
        create(Setting(tmp_path / "m"), None, "x", Setting("gose", "option --format"))


def test_a_slice_of_an_array_is_no_variable(tmp_path: Path) -> None:
    """SQL that the grammar knows stays as it is; with a value for the name, psql's rule holds."""
    setting = folder(tmp_path, {"1_a.sql": 'SELECT a[1:"n"] FROM t;'})
    assert read(discover(setting).files[0]).up.sql == 'SELECT a[1:"n"] FROM t;'
    (file,) = discover(setting, variables={"n": "m"}).files
    assert read(file).up.sql == 'SELECT a[1"m"] FROM t;'


def test_every_format_is_named_as_it_is_registered() -> None:
    """The name of the class is the name by which it was asked for."""
    assert [by_name(name).name for name in NAMES] == list(NAMES)
