"""The commands of the requirements' documents, typed as they stand there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import applied, mark_as_development, ran, single, states, tables
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


def test_the_trading_engine(abc_dev: Project, database: Database, connect: Connect) -> None:
    """migrate -cmd init, up -dry-run, up -verbose, down, status, and -conn URL."""
    connection = connect(database)
    assert ran(abc_dev, "-cmd", "init").stdout == "made public.schema_migrations\n"
    assert "up would run 3" in ran(abc_dev, "-cmd", "up", "-dry-run").stdout
    assert applied(connection) == []
    ran(abc_dev, "-cmd", "up", "-verbose")
    assert applied(connection) == ["001", "002", "003"]
    ran(abc_dev, "-cmd", "down")
    assert applied(connection) == ["001", "002"]
    url = abc_dev.environ.pop("DATABASE_URL")
    ran(abc_dev, "-cmd", "up", "-conn", f"{url}?sslmode=disable")
    assert "3 applied" in ran(abc_dev, "-cmd=status", f"-conn={url}").stdout


def test_the_variables_of_the_trading_engine(abc: Project, database: Database) -> None:
    """DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME and DB_SSLMODE, and no URL."""
    del abc.environ["DATABASE_URL"]
    server = database.server
    abc.environ.update(
        DB_HOST=server.host,
        DB_PORT=str(server.port),
        DB_USER=database.user,
        DB_PASSWORD=database.password,
        DB_NAME=database.name,
        DB_SSLMODE="disable",
    )
    ran(abc, "-cmd", "up")
    assert set(states(abc).values()) == {"applied"}


def test_golang_migrate(project: Project, database: Database, connect: Connect) -> None:
    """migrate -path migrations -database "$POSTGRES_DSN" up, down 2, goto 3, force 2, version; pairs of files."""
    mark_as_development(database)
    for number, name in enumerate(("a", "b", "c", "d"), start=1):
        project.write(f"migrations/{number:03d}_{name}.up.sql", f"CREATE TABLE {name} ();")
        project.write(f"migrations/{number:03d}_{name}.down.sql", f"DROP TABLE {name};")
    dsn = f"{database.url.replace('postgresql://', 'postgres://')}?sslmode=disable"
    common = ("-path", "migrations", "-database", dsn)
    connection = connect(database)
    ran(project, *common, "up")
    assert tables(connection) == ["a", "b", "c", "d"]
    ran(project, *common, "down", "2")
    assert tables(connection) == ["a", "b"]
    ran(project, *common, "goto", "3")
    assert tables(connection) == ["a", "b", "c"]
    assert ran(project, "-database", dsn, "-source", "file://migrations", "version").stdout == "003 c\n"
    ran(project, *common, "force", "2")
    assert applied(connection) == ["001", "002"]
    outcome = ran(project, "create", "-ext", "sql", "-dir", "migrations", "-seq", "add_user_preferences")
    assert [line.rpartition("/")[2] for line in outcome.stdout.splitlines()] == [
        "005_add_user_preferences.up.sql",
        "005_add_user_preferences.down.sql",
    ]


def test_golang_migrate_creates_a_pair_in_an_empty_folder(project: Project) -> None:
    """Its `create` makes two files, also where there is none to tell the format from."""
    shutil.rmtree(project.folder / "migrations")
    ran(project, "create", "-ext", "sql", "-dir", "migrations", "-seq", "first")
    names = sorted(path.name for path in (project.folder / "migrations").iterdir())
    assert names == ["001_first.down.sql", "001_first.up.sql"]


def test_alembic(abc_dev: Project, database: Database, connect: Connect) -> None:
    """upgrade, downgrade, current, history, heads, stamp, revision -m, in its words."""
    connection = connect(database)
    for words, expected in (
        (("upgrade", "001"), ["001"]),
        (("upgrade", "+1"), ["001", "002"]),
        (("upgrade", "head"), ["001", "002", "003"]),
        (("downgrade", "-1"), ["001", "002"]),
        (("downgrade", "001"), ["001"]),
        (("downgrade", "base"), []),
        (("stamp", "002"), ["001", "002"]),
    ):
        ran(abc_dev, *words)
        assert applied(connection) == expected, words
    assert ran(abc_dev, "current").stdout == "002 b\n"
    assert ran(abc_dev, "heads").stdout == "003 c\n"
    assert "reverted" in ran(abc_dev, "history").stdout
    ran(abc_dev, "revision", "-m", "Add custom index")
    assert (abc_dev.folder / "migrations/004_Add_custom_index.sql").exists()
    refused = abc_dev.run("migrate", "revision", "--autogenerate", "-m", "x")
    assert refused.code == 2
    assert "migrate diff --to models:" in refused.stderr


def test_the_trading_bot(project: Project, database: Database, connect: Connect) -> None:
    """create 1.0.3 NAME, run, status, rollback 1.0.2 (it and all after it, the plan shown): semantic versions."""
    project.use(database)
    for version in ("1.0.1", "1.0.2"):
        name = f"t{version[-1]}"
        project.write(
            f"migrations/{version}-{name}.sql", single(f"CREATE TABLE {name} ();", f"DROP TABLE {name};")
        )
    created = ran(project, "create", "1.0.3", "add-new-feature").stdout
    assert created.endswith("migrations/1.0.3-add-new-feature.sql\n")
    project.write("migrations/1.0.3-add-new-feature.sql", single("CREATE TABLE t3 ();", "DROP TABLE t3;"))
    project.write("migrations/1.0.10_ten.sql", single("CREATE TABLE t10 ();", "DROP TABLE t10;"))
    connection = connect(database)
    ran(project, "run")
    assert applied(connection) == ["1.0.1", "1.0.2", "1.0.3", "1.0.10"]
    outcome = ran(project, "rollback", "1.0.2", "--confirm", database.name)
    plan = [line.split(":")[0] for line in outcome.stderr.splitlines() if line.startswith("  down")]
    assert plan == ["  down 1.0.10 ten", "  down 1.0.3 add-new-feature", "  down 1.0.2 t2"]
    assert tables(connection) == ["t1"]
    refused = project.run("migrate", "rollback", "1.0.2")
    assert refused.code == 13
    assert "version 1.0.2 is not applied" in refused.stderr


def test_the_market_maker(abc: Project, database: Database, connect: Connect) -> None:
    """`up --only 001`, as its runner runs one migration."""
    ran(abc, "up", "--only", "001")
    assert applied(connect(database)) == ["001"]


# -- new migrations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "argv", "made"),
    [
        ((), ("add_orders",), ["001_add_orders.sql"]),
        (("001_a.sql",), ("add user preferences",), ["002_add_user_preferences.sql"]),
        (("001_a.sql",), ("add", "two", "words"), ["002_add_two_words.sql"]),
        (("9_a.sql",), ("b",), ["10_b.sql"]),
        (("1.0.9_a.sql",), ("b",), ["1.0.10_b.sql"]),
        (("001_a.sql",), ("7", "b"), ["7_b.sql"]),
        (("01_a.up.sql",), ("b",), ["02_b.down.sql", "02_b.up.sql"]),
        (("001_a.sql",), ("b", "--format", "pairs"), ["002_b.down.sql", "002_b.up.sql"]),
        (("29990101000000_a.sql",), ("b",), ["29990101000001_b.sql"]),
        (("notes.sql",), ("b",), ["001_b.sql"]),
    ],
)
def test_new_follows_the_folder(
    project: Project, there: tuple[str, ...], argv: tuple[str, ...], made: list[str]
) -> None:
    """Numbering, width and format are those of the folder; a name's spaces become underscores."""
    for name in there:
        project.write(f"migrations/{name}", "SELECT 1;")
    outcome = ran(project, "new", *argv)
    names = sorted(path.name for path in (project.folder / "migrations").iterdir())
    assert sorted(set(names) - set(there)) == made
    assert outcome.stdout.count("wrote ") == len(made)


def test_new_in_a_folder_of_timestamps(project: Project) -> None:
    """The next one is the time now, in the same form."""
    project.write("migrations/20250105120000_a.sql", "SELECT 1;")
    ran(project, "new", "b")
    (made,) = (project.folder / "migrations").glob("*_b.sql")
    assert len(made.name) == len("20250105120000_b.sql")
    assert made.name > "20251231"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("1", "b"), "version 1 is taken"),
        (("1.x", "b"), None),
        (("../b",), "not fit for a file name"),
        (("  ",), "not fit for a file name"),
    ],
)
def test_new_refuses(project: Project, argv: tuple[str, ...], message: str | None) -> None:
    """A version that is taken and a name that no file can have: exit 2, nothing written."""
    project.write("migrations/001_a.sql", "SELECT 1;")
    outcome = project.run("migrate", "new", *argv)
    written = [path.name for path in (project.folder / "migrations").iterdir()]
    if message is None:
        assert outcome.code == 0
        assert "002_1.x_b.sql" in written
    else:
        assert outcome.code == 2
        assert message in outcome.stderr
        assert written == ["001_a.sql"]


def test_what_new_writes_can_be_filled_in_and_run(
    project: Project, database: Database, connect: Connect
) -> None:
    """The template's sections are found: SQL written into both goes up and down."""
    project.use(database)
    mark_as_development(database)
    ran(project, "new", "add_a")
    path = project.folder / "migrations/001_add_a.sql"
    text = path.read_text()
    filled = text.replace("\n\n\n\n", "\n\nCREATE TABLE a ();\n\n")
    path.write_text(filled.replace("/*\n\n*/", "/*\nDROP TABLE a;\n*/"))
    ran(project, "up")
    assert tables(connect(database)) == ["a"]
    ran(project, "down")
    assert tables(connect(database)) == []
