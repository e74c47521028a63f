"""`bin/migrate diff --to models:...`: what Alembic's users know as autogenerate."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.differing import diff, files, found, scratches
from tests.postgres.migrating import mark_as_development, ran, single
from tests.postgres.scratching import allow_databases
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]

BASE = "models:app.models:Base.metadata"
MODELS = """
import enum
from sqlalchemy import BigInteger, Enum, ForeignKey, Identity, Index, MetaData, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

print("imported")

class Base(DeclarativeBase):
    pass

class State(enum.Enum):
    new = "new"
    done = "done"

class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), server_default=text("'50%'"))

class Order(Base):
    __tablename__ = "order"
    __table_args__ = (Index("by_note", "note"), {"schema": "shop", "comment": "what's bought"})
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    state: Mapped[State] = mapped_column(Enum(State, name="state", schema="shop"))
    customer: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    note: Mapped[str | None] = mapped_column(Text)
"""
# What models do not speak of, around what they do.
AROUND = """
CREATE SCHEMA other;
CREATE TABLE other.kept (id serial PRIMARY KEY, customer int REFERENCES customer);
CREATE SEQUENCE number;
CREATE VIEW names AS SELECT id, name FROM customer;
COMMENT ON VIEW names IS 'all of them';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_them ON customer USING (true);
GRANT SELECT ON customer TO PUBLIC;
"""


@pytest.fixture
def maker(configured: Project, database: Database) -> Project:
    """A project with models and without migrations, whose role may make databases."""
    allow_databases(database)
    mark_as_development(database)
    configured.write("app/__init__.py", "")
    configured.write("app/models.py", MODELS)
    return configured


def test_from_nothing_to_models(maker: Project) -> None:
    """Schemas, enums, keys, indexes, comments, defaults; applied, nothing differs, and --check says so to CI."""
    assert found(maker, BASE, "start")["verified"]
    diff(maker, BASE, "--check", code=3)  # what is pending is not there yet
    ran(maker, "up")
    assert "no difference" in diff(maker, BASE, "--check").stdout
    assert "no difference" in diff(maker, "models:app.models:Base", "--check").stdout


def test_what_models_do_not_speak_of_stays(maker: Project, connect: Connect, database: Database) -> None:
    """Views, triggers, policies, grants, sequences and other schemas are no difference, while the models change."""
    diff(maker, BASE, "start")
    maker.write("migrations/002_around.sql", single(AROUND))
    ran(maker, "up")
    assert found(maker, BASE)["differences"] == []
    changed = MODELS.replace("class Order(Base)", "    age: Mapped[int | None]\n\nclass Order(Base)")
    maker.write("app/models.py", changed)
    told = found(maker, BASE, "add_age")
    assert [one["object"] for one in told["differences"]] == ["table public.customer"]
    assert not any(one["destructive"] for one in told["up"])
    ran(maker, "up")
    row = connect(database).execute("SELECT count(*), count(age) FROM customer").fetchone()
    assert row == (0, 0)


def test_conditions_on_varchar(maker: Project) -> None:
    """The server spells `kind IN (...)` of a varchar otherwise once it reads its own words: no difference, ever."""
    maker.write(
        "app/models.py",
        "from sqlalchemy import CheckConstraint, Column, Enum, Integer, MetaData, String, Table\n"
        "metadata = MetaData()\n"
        "Table('log', metadata, Column('id', Integer, primary_key=True), Column('kind', String(10)),\n"
        "    Column('state', Enum('new', 'done', name='state', native_enum=False, create_constraint=True)),\n"
        "    CheckConstraint(\"kind IN ('a', 'b')\", name='kind_known'))\n",
    )
    assert found(maker, "models:app.models:metadata", "start")["verified"]
    ran(maker, "up")
    assert "no difference" in diff(maker, "models:app.models:metadata", "--check").stdout
    maker.write("migrations/002_more.sql", single("CREATE TABLE more (id int);"))
    ran(maker, "up")
    told = found(maker, "models:app.models:metadata", "--no-rename", "--dry-run")
    assert [one["object"] for one in told["differences"]] == ["table public.more"]


def test_a_table_that_models_have_no_more(maker: Project) -> None:
    """It is dropped with what is attached to it, marked as destructive; a view on it stands in the way and is named."""
    diff(maker, BASE, "start")
    around = "CREATE TABLE spare (id int); GRANT SELECT ON spare TO PUBLIC; COMMENT ON TABLE spare IS 'x';"
    maker.write("migrations/002_around.sql", single(around))
    ran(maker, "up")
    told = found(maker, BASE, "--no-rename", "--dry-run")
    assert any("spare" in (one["destructive"] or "") for one in told["up"])
    maker.write("migrations/003_view.sql", single("CREATE VIEW spares AS SELECT id FROM spare;"))
    ran(maker, "up")
    outcome = diff(maker, BASE, "--no-rename", code=1)
    assert "the models are without what something else in the database needs" in outcome.stderr
    assert "CREATE VIEW public.spares" in outcome.stderr


def test_partitions_stay(maker: Project) -> None:
    """Models know the partitioned table; its partitions are taken as they are."""
    models = (
        "from sqlalchemy import Column, Date, Integer, MetaData, Table\n"
        "metadata = MetaData()\n"
        "Table('log', metadata, Column('id', Integer), Column('day', Date, nullable=False),"
        " postgresql_partition_by='RANGE (day)')\n"
    )
    maker.write("app/models.py", models)
    diff(maker, "models:app.models:metadata", "start")
    parts = "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
    maker.write("migrations/002_parts.sql", single(parts))
    ran(maker, "up")
    assert "no difference" in diff(maker, "models:app.models:metadata").stdout


UNREADABLE = [
    ("x = 1\nraise ValueError('wrong')\n", BASE, "app/models.py:2: ValueError: wrong"),
    ("def f(:\n", BASE, "app/models.py:1: SyntaxError"),
    ("import nothing_of_that_name\n", BASE, "app/models.py:1: ModuleNotFoundError"),
    ("import sys\nsys.exit(0)\n", BASE, "app/models.py:2: SystemExit: 0"),
    ("import os\nos._exit(3)\n", BASE, "ended with code 3 and no answer"),
    (MODELS, "models:app.models:Nothing", "has no attribute 'Nothing'"),
    (MODELS, "models:app.models:Customer.id", "is neither a MetaData nor a declarative base"),
    (MODELS, "models:app.nowhere:Base", "No module named 'app.nowhere'"),
    ("from sqlalchemy import MetaData\nm = MetaData()\n", "models:app.models:m", "it has no table"),
]


def test_models_that_cannot_be_read(maker: Project) -> None:
    """Exit 12 with the line of the project that raised; no traceback, and nothing is left."""
    for models, to, says in UNREADABLE:
        maker.write("app/models.py", models)
        outcome = diff(maker, to, code=12)
        assert says in outcome.stderr
        assert "Traceback" not in outcome.stderr
    assert files(maker) == set()


def test_interrupted_while_models_are_imported(maker: Project, database: Database) -> None:
    """Ctrl-C ends the project's Python, too; exit 130, and no scratch database stays."""
    maker.write(
        "app/models.py", "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    child = maker.popen("migrate", "diff", "--to", BASE)
    path, deadline = maker.folder / "pid", time.monotonic() + 30
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)
    assert scratches(database) == []
