"""Alembic projects: rendered, migrated by dbops, and compared with what Alembic itself makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops import config
from dbops.config import Options
from dbops.events import Event
from dbops.migrations.alembic import update
from tests import alembics
from tests.alembics import revise
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
