"""Alembic projects: rendered, migrated by dbops, and compared with what Alembic itself makes of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops import config
from dbops.config import Options
from dbops.errors import ConfigError
from dbops.events import Event, ignore
from dbops.migrations.alembic import update
from dbops.migrations.alembic.ancestry import Ancestry
from dbops.migrations.model import MigrationFile
from dbops.migrations.version import Version
from tests import alembics
from tests.alembics import revise, table
from tests.conftest import Project, fresh_database
from tests.postgres.migrating import dump, mark_as_development, ran, states
from tests.servers import Database

pytestmark = pytest.mark.one_major

WITHOUT_TRACKING = ("--schema-only", "--exclude-table=schema_migrations*", "--exclude-table=alembic_version*")


@pytest.fixture
def beside(database: Database) -> Iterator[Database]:
    """Another database on the same server, for Alembic."""
    with fresh_database(database.server) as made:
        yield made


def render(project: Project, *heads: str) -> list[str]:
    """What adopting does first; the warnings."""
    told: list[Event] = []
    settings = config.load(Options(), project.environ, project.folder)
    update.render_all(settings, heads, told.append)
    return [event.sentence() for event in told if event.level.value == "warning"]


def shop(folder: Path) -> None:
    """A project with two branches that meet, a third root, and what offline mode gets wrong in inexperienced hands."""
    revise(
        folder,
        "a001",
        None,
        """
        status = sa.Enum("new", "paid", name="order_status")
        op.create_table(
            "orders",
            sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
            sa.Column("status", status, nullable=False, server_default="new"),
            sa.Column("note", sa.Text(), server_default="100%\\t(sure)"),
            sa.Column("tags", postgresql.ARRAY(sa.Text()), comment="what it is; 'quoted'"),
            sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        )
        print("a revision may print")
        """,
        """
        op.drop_table("orders")
        op.execute("DROP TYPE order_status")
        """,
        description="Orders: the first table",
    )
    revise(
        folder,
        "b001",
        "a001",
        '''
        op.execute(
            """
            CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN
            \\tIF NEW.note LIKE '%sure%' THEN  -- a tab; a percent sign
                    NEW.at := now();
                END IF;
                RETURN NEW;
            END
            $body$
            """
        )
        op.execute("CREATE TRIGGER orders_touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch() -- no end")
        op.execute("/* one; two /* nested; */\\n three */ COMMENT ON FUNCTION touch() IS 'it''s; done'; -- that was all")
        ''',
        """
        op.execute("DROP TRIGGER orders_touch ON orders; DROP FUNCTION touch();")
        """,
        labels="functions",
    )
    revise(
        folder,
        "c001",
        "a001",
        """
        countries = op.create_table("countries", sa.Column("code", sa.String(2), primary_key=True), sa.Column("name", sa.Text()))
        op.bulk_insert(countries, [{"code": "DE", "name": "Land: 'a' % :b\\t\\\\"}, {"code": "FR", "name": None}])
        bind = op.get_bind()
        bind.execute(sa.text("INSERT INTO countries VALUES (:code, :name)"), {"code": "IT", "name": "it's"})
        bind.execute(countries.insert(), [{"code": "ES", "name": "x"}, {"code": "PT", "name": "y"}])
        op.execute(countries.update().where(countries.c.code == op.inline_literal("FR")).values(name="50%"))
        if bind.dialect.name == "postgresql":
            op.add_column("orders", sa.Column("country", sa.String(2), sa.ForeignKey("countries.code", name="orders_country")))
        """,
        """
        op.drop_column("orders", "country")
        op.drop_table("countries")
        """,
    )
    revise(folder, "d001", ("b001", "c001"), description="merge functions and countries")
    revise(
        folder,
        "e001",
        "d001",
        """
        op.add_column("orders", sa.Column("total", sa.Numeric(12, 2)))
        with op.get_context().autocommit_block():
            op.execute("ALTER TYPE order_status ADD VALUE 'sent'")
            op.create_index("orders_total", "orders", ["total"], postgresql_concurrently=True)
        op.create_check_constraint("orders_total_positive", "orders", "total >= 0")
        """,
        """
        with op.get_context().autocommit_block():
            op.drop_index("orders_total", postgresql_concurrently=True)
        op.drop_column("orders", "total")
        """,
    )
    revise(
        folder,
        "f001",
        "e001",
        """
        op.execute("INSERT INTO orders (status) VALUES ('sent')")
        with op.batch_alter_table("orders") as batch:
            batch.alter_column("note", new_column_name="remark", type_=sa.String(200), nullable=False, existing_type=sa.Text())
        """,
        """
        op.alter_column("orders", "remark", new_column_name="note", nullable=True, type_=sa.Text())
        op.execute(sa.text("DELETE FROM orders WHERE status = :s").bindparams(s="sent"))
        """,
    )
    revise(
        folder,
        "audit1",
        None,
        "op.create_table('audit', sa.Column('id', sa.Integer, primary_key=True), sa.Column('x', postgresql.JSONB))",
        "op.drop_table('audit')",
        labels="audit",
    )
    revise(
        folder,
        "audit2",
        "audit1",
        "op.create_foreign_key('audit_order', 'audit', 'orders', ['id'], ['id'])",
        "op.drop_constraint('audit_order', 'audit')",
        depends_on="functions",
    )


def test_up_down_and_up_are_what_alembic_makes(
    configured: Project, database: Database, beside: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """The schema and the data are those of the real `alembic upgrade heads`; a down leaves nothing."""
    alembics.make(configured.folder, alembics.sqlalchemy_url(beside))
    shop(configured.folder)
    alembics.alembic(configured.folder, "upgrade", "heads")
    assert render(configured) == []
    mark_as_development(database)
    ran(configured, "up")
    theirs = dump(beside, *WITHOUT_TRACKING)
    assert dump(database, *WITHOUT_TRACKING) == theirs
    look = "SELECT (SELECT array_agg(c ORDER BY code) FROM countries c)::text, (SELECT array_agg(status) FROM orders)::text"
    assert connect(database).execute(look).fetchone() == connect(beside).execute(look).fetchone()
    ran(configured, "down", "--to", "0")
    left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'schema_migr%'"
    assert connect(database).execute(left).fetchall() == []
    ran(configured, "up")
    assert dump(database, *WITHOUT_TRACKING) == theirs


@pytest.fixture
def adopted(configured: Project, database: Database) -> Project:
    """A project with three revisions, of which two are on branches, rendered and applied."""
    alembics.make(configured.folder)
    mark_as_development(database)
    table(configured.folder, "base0", None)
    table(configured.folder, "left0", "base0")
    table(configured.folder, "right", "base0", labels="right_one")
    assert render(configured) == []
    ran(configured, "up")
    return configured


def seen(path: Path) -> str:
    """As a command in the project's folder names a revision's file."""
    return f"alembic/versions/{path.name}"


def sql(project: Project, stem: str, ending: str = ".up.sql") -> Path:
    """A file of the migrations folder."""
    return project.folder / "migrations" / f"{stem}{ending}"


def test_a_revision_that_comes_later(adopted: Project) -> None:
    """`status` renders it, says so and shows it pending; then no program is needed for it; `up` renders others."""
    table(adopted.folder, "merge0", ("left0", "right"))
    outcome = ran(adopted, "status")
    assert "rendered 1 Alembic revision into migrations: 0004_merge0_make_merge0" in outcome.stderr
    assert states(adopted, "--alembic-python", "/nowhere") == {
        "0001": "applied",
        "0002": "applied",
        "0003": "applied",
        "0004": "pending",
    }
    table(adopted.folder, "later0", "merge0")
    assert "0005_later0_make_later0" in ran(adopted, "up").stderr
    assert set(states(adopted).values()) == {"applied"}
    assert "rendered" not in ran(adopted, "status").stderr


def test_a_revision_below_a_branch_comes_behind_it(adopted: Project) -> None:
    """A colleague's branch from an old revision takes the next number, since that of its date is applied already."""
    table(adopted.folder, "early", "base0", date="2020-01-01")
    ran(adopted, "up")
    assert sql(adopted, "0004_early_make_early").exists()


def test_without_an_interpreter(adopted: Project) -> None:
    """One that is not there, one without Alembic: exit 12 with the way out; nothing is written."""
    table(adopted.folder, "later0", "right")
    outcome = adopted.run("migrate", "up", "--alembic-python", "/nowhere/python")
    assert outcome.code == 12
    assert "program /nowhere/python is not there" in outcome.stderr
    assert "--alembic-python .venv/bin/python" in outcome.stderr
    bare = adopted.write("bare", f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    adopted.write("pyproject.toml", '[tool.dbops]\nalembic-python = "./bare"\n')
    outcome = adopted.run("migrate", "up")
    assert outcome.code == 12
    assert "bare has no Alembic" in outcome.stderr
    assert not sql(adopted, "0004_later0_make_later0").exists()


def test_env_py_fails(adopted: Project) -> None:
    """The last line of what Python says, with exit 12."""
    table(adopted.folder, "later0", "right")
    adopted.write("alembic/env.py", "raise RuntimeError('the vault is closed')\n")
    outcome = adopted.run("migrate", "status")
    assert outcome.code == 12
    assert "RuntimeError: the vault is closed" in outcome.stderr
    adopted.write("alembic/env.py", "raise SystemExit\n")
    assert adopted.run("migrate", "status").code == 12


def test_several_databases(configured: Project) -> None:
    """An ini file of the template `multidb`: refused before its env.py runs, which would write files."""
    alembics.make(configured.folder)
    table(configured.folder, "base0", None)
    ini = configured.folder / "alembic.ini"
    ini.write_text(ini.read_text().replace("sqlalchemy.url =", "databases = one, two\nsqlalchemy.url ="))
    with pytest.raises(ConfigError, match="one, two"):
        render(configured)


def test_a_revision_that_asks_for_offline_mode(adopted: Project) -> None:
    """It may do less there than with a database: a warning with its file."""
    revise(adopted.folder, "asks00", "right", "if not context.is_offline_mode():\n    op.execute('SELECT 1')")
    assert "asks00 does something else in Alembic's offline mode" in ran(adopted, "status").stderr


def test_revisions_that_offline_mode_cannot_render(
    adopted: Project, connect: Callable[..., psycopg.Connection[Any]], database: Database
) -> None:
    """Each is named with its line and the reason; its file stops `up`, until its SQL is written there by hand."""
    reads = """
    for (name,) in op.get_bind().execute(sa.text("SELECT relname FROM pg_class")):
        op.execute(f"COMMENT ON TABLE {name} IS 'x'")
    """
    path = revise(adopted.folder, "reads0", "right", reads)
    looks = revise(adopted.folder, "looks0", "reads0", "op.create_table('t')", "sa.inspect(op.get_bind())")
    outcome = ran(adopted, "status")
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "for (name,)" in text)
    assert (
        f"upgrade of revision reads0 without a database: {seen(path)}:{line}: it reads what" in outcome.stderr
    )
    assert "SELECT relname FROM pg_class" in outcome.stderr
    assert f"downgrade of revision looks0 without a database: {seen(looks)}:" in outcome.stderr
    assert "NoInspectionAvailable" in outcome.stderr
    outcome = adopted.run("migrate", "up")
    assert outcome.code == 1
    assert "the SQL of revision reads0 has to be written into this file by hand" in outcome.stderr
    assert "cannot render" not in ran(adopted, "status").stderr
    file = sql(adopted, "0004_reads0_what_reads0_does")
    header = file.read_text().partition("\n\n")[0]
    file.write_text(f"{header}\n\nCOMMENT ON TABLE base0 IS 'by hand';\n")
    ran(adopted, "up")
    query = "SELECT obj_description('base0'::regclass)"
    assert connect(database).execute(query).fetchone() == ("by hand",)
    assert adopted.run("migrate", "down").code == 1


def test_a_pair_that_was_written_by_hand(adopted: Project) -> None:
    """Its name begins with a number and the revision: it stands for that, whatever Alembic would render."""
    revise(adopted.folder, "hand00", "right", "op.get_bind().execute(sa.text('SELECT 1')).scalar()")
    adopted.write("migrations/0004_hand00.up.sql", "CREATE TABLE by_hand (id int);")
    table(adopted.folder, "later0", "hand00")
    ran(adopted, "up", "--alembic-python", sys.executable)
    names = sorted(path.name for path in (adopted.folder / "migrations").glob("*.up.sql"))
    assert names[3:] == ["0004_hand00.up.sql", "0005_later0_make_later0.up.sql"]


def test_a_python_module_in_the_place_of_a_pair(adopted: Project) -> None:
    """It stands for the revision that its name has: that is not rendered, and what needs it comes behind."""
    revise(adopted.folder, "hand00", "right", "op.get_bind().execute(sa.text('SELECT 1')).scalar()")
    module = "def up(db):\n    db.execute('CREATE TABLE by_module (id int)')\n\n\ndef down(db):\n    pass\n"
    adopted.write("migrations/0004_hand00_fill.py", module)
    table(adopted.folder, "later0", "hand00")
    ran(adopted, "up")
    assert ran(adopted, "current").stdout == "0005 later0_make_later0\n"
    assert not list((adopted.folder / "migrations").glob("*hand00*.sql"))


def test_what_cannot_be_undone(adopted: Project) -> None:
    """A downgrade that raises makes no down file, an empty one no down section; two empty functions can be undone."""
    revise(adopted.folder, "merge0", ("left0", "right"))
    revise(adopted.folder, "never0", "merge0", "op.execute('SELECT 1')", "raise NotImplementedError()")
    revise(adopted.folder, "empty0", "never0", "op.execute('SELECT 1')", "pass")
    ran(adopted, "up")
    assert not sql(adopted, "0005_never0_what_never0_does", ".down.sql").exists()
    for revision in ("empty0", "never0"):
        outcome = adopted.run("migrate", "down")
        assert outcome.code == 1
        assert "has no down section" in outcome.stderr
        ran(adopted, "mark", revision, "--not-applied")
    ran(adopted, "down", "2")


def test_a_revision_that_changes(adopted: Project) -> None:
    """Before it is applied it is rendered again; afterwards that is told, unless the SQL is the same."""
    path = table(adopted.folder, "later0", "right")
    ran(adopted, "status")
    file = sql(adopted, "0004_later0_make_later0")
    path.write_text(path.read_text().replace("sa.Integer", "sa.BigInteger"))
    assert "rendered again 1 Alembic revision" in ran(adopted, "status").stderr
    assert "BIGINT" in file.read_text()
    ran(adopted, "up")
    path.write_text(path.read_text() + "# a remark\n")
    outcome = ran(adopted, "status")
    assert "warning" not in outcome.stderr
    assert set(states(adopted).values()) == {"applied"}
    path.write_text(path.read_text().replace("sa.BigInteger", "sa.Text"))
    outcome = ran(adopted, "status")
    assert f"{seen(path)} was changed after it was applied" in outcome.stderr
    assert "BIGINT" in file.read_text()
    outcome = ran(adopted, "status", "--alembic-python", "/nowhere")
    assert "changed after being applied, and cannot be compared" in outcome.stderr


def test_what_was_changed_by_hand_stays(adopted: Project) -> None:
    """The SQL was edited and then the revision: a warning, and the edit stays."""
    path = table(adopted.folder, "later0", "right")
    ran(adopted, "status")
    file = sql(adopted, "0004_later0_make_later0")
    file.write_text(file.read_text().replace("INTEGER", "SMALLINT"))
    path.write_text(path.read_text().replace("sa.Integer", "sa.BigInteger"))
    outcome = ran(adopted, "up")
    assert "was changed by hand and stays as it is" in outcome.stderr
    assert "SMALLINT" in file.read_text()


def test_a_revision_that_is_put_on_another_one(adopted: Project) -> None:
    """Two revisions that are not applied change places: the files get the numbers of the new order."""
    one = table(adopted.folder, "one000", "right")
    table(adopted.folder, "two000", "right", date="2025-02-02")
    ran(adopted, "status")
    assert sql(adopted, "0004_one000_make_one000").exists()
    one.write_text(one.read_text().replace("= 'right'", "= 'two000'"))
    ran(adopted, "status")
    names = sorted(path.name for path in (adopted.folder / "migrations").glob("*.up.sql"))
    assert names[3:] == ["0005_two000_make_two000.up.sql", "0006_one000_make_one000.up.sql"]
    ran(adopted, "up")


def test_versions_go_by_revisions(adopted: Project) -> None:
    """`upgrade`, `downgrade`, `stamp`, `goto` with a revision's id or its beginning; what could be two is refused."""
    table(adopted.folder, "abcd11", "right")
    table(adopted.folder, "abcd22", "abcd11")
    ran(adopted, "upgrade", "abcd11")
    assert ran(adopted, "current").stdout == "0004 abcd11_make_abcd11\n"
    outcome = adopted.run("migrate", "upgrade", "abcd")
    assert outcome.code == 2
    assert "'abcd' could be version 0004 (abcd11_make_abcd11) or version 0005" in outcome.stderr
    ran(adopted, "goto", "abcd2")
    ran(adopted, "downgrade", "left0")
    assert ran(adopted, "current").stdout.startswith("0002 left0")
    ran(adopted, "stamp", "base0")
    assert ran(adopted, "current").stdout.startswith("0001 base0")
    assert "'abc' is not a version" in adopted.run("migrate", "goto", "abc").stderr


def test_the_database_is_on_one_branch(
    configured: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """What Alembic has applied comes first, so that the rest is not out of order; the versions of the heads are told."""
    alembics.make(configured.folder, alembics.sqlalchemy_url(database))
    table(configured.folder, "base0", None)
    table(configured.folder, "early", "base0", date="2024-01-01")
    table(configured.folder, "right", "base0")
    alembics.alembic(configured.folder, "upgrade", "right")
    settings = config.load(Options(), configured.environ, configured.folder)
    heads = [row[0] for row in connect(database).execute("SELECT version_num FROM alembic_version")]
    told = update.render_all(settings, heads, ignore, dry_run=True)
    assert not list((configured.folder / "migrations").iterdir())
    made = update.render_all(settings, heads, ignore)
    assert made == told
    assert sorted(map(str, made.applied)) == ["0001", "0002"]
    assert sql(configured, "0003_early_make_early").exists()
    assert heads_of(Ancestry.of(settings), made.applied) == {"right"}


def heads_of(ancestry: Ancestry, versions: Iterable[Version]) -> set[str]:
    """What Alembic's table has where these are applied: what none of them comes after."""
    folder = ".", "x.up.sql"
    revisions = [ancestry.revision(MigrationFile(one, "", "pairs", *folder)) for one in versions]
    assert [ancestry.version(one) for one in revisions] == list(versions)
    return {one for one in revisions if not set(ancestry.children(one)).intersection(revisions)}


def test_heads_with_dependences(
    configured: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """What Alembic's table says after `upgrade heads` of a project with dependences is what is told of all versions."""
    alembics.make(configured.folder, alembics.sqlalchemy_url(database))
    shop(configured.folder)
    alembics.alembic(configured.folder, "upgrade", "heads")
    heads = {row[0] for row in connect(database).execute("SELECT version_num FROM alembic_version")}
    settings = config.load(Options(), configured.environ, configured.folder)
    versions = update.render_all(settings, heads, ignore).applied
    assert len(versions) == 8
    assert heads_of(Ancestry.of(settings), versions) == heads


def test_the_folder_of_the_revisions_itself(adopted: Project) -> None:
    """Pointed at Alembic's own folder: exit 5, and `adopt` is the way."""
    outcome = adopted.run("migrate", "status", "--migrations-dir", "alembic/versions")
    assert outcome.code == 5
    assert "holds revisions of Alembic, as base0_make_base0.py" in outcome.stderr
    assert "bin/migrate adopt" in outcome.stderr


def test_before_anything_is_rendered(configured: Project) -> None:
    """Neither a folder of migrations nor a file in it: exit 5, and `adopt` is the way."""
    alembics.make(configured.folder)
    table(configured.folder, "base0", None)
    (configured.folder / "migrations").rmdir()
    outcome = configured.run("migrate", "up")
    assert outcome.code == 5
    assert "alembic/versions are not rendered into it yet" in outcome.stderr
    assert "bin/migrate adopt renders them" in outcome.stderr


def test_beside_migrations_of_other_formats(configured: Project) -> None:
    """The numbers go on behind those of plain files that are there already."""
    alembics.make(configured.folder)
    configured.write("migrations/001_notes.sql", "CREATE TABLE notes (id int);")
    configured.write("migrations/001_notes_rollback.sql", "DROP TABLE notes;")
    table(configured.folder, "base0", None)
    render(configured)
    ran(configured, "up")
    assert states(configured) == {"001": "applied", "0002": "applied"}


def test_an_env_py_of_its_own(
    configured: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """No literal binds, no URL, a schema of its own first: the SQL is right, and every file begins with that."""
    alembics.make(configured.folder)
    configured.write(
        "alembic/env.py",
        "from alembic import context\n"
        "context.configure(url=None, transaction_per_migration=True)\n"
        "with context.begin_transaction():\n"
        "    context.execute('CREATE SCHEMA IF NOT EXISTS app')\n"
        "    context.execute('SET search_path TO app')\n"
        "    context.run_migrations()\n",
    )
    made = "t = op.create_table('t', sa.Column('x', sa.Text()))\nop.execute(t.insert().values(x='100%'))"
    revise(configured.folder, "base0", None, made)
    render(configured)
    ran(configured, "up")
    assert connect(database).execute("SELECT x FROM app.t").fetchone() == ("100%",)
