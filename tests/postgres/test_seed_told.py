"""What `bin/seed-test-data` says of what it cannot do, or has done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT, Project
from tests.firms import DEMO, Firms, contents, seed
from tests.postgres.test_seed import mark
from tests.servers import Database, Server

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


@pytest.fixture
def people(configured: Project, database: Database, connect: Connect) -> psycopg.Connection[Any]:
    """A table in a database of development, and a set with two rows for it."""
    connection = connect(database)
    mark(connection, database, "environment=development")
    connection.execute("create table people (id int primary key, name text not null unique)")
    configured.write("seeds/dev/people.csv", "id,name\n1,ann\n2,bob\n")
    return connection


@pytest.mark.parametrize("how", ["set", "script", "generate", "whole table"])
def test_what_is_held_by_somebody(
    people: psycopg.Connection[Any], configured: Project, database: Database, connect: Connect, how: str
) -> None:
    """A row or the table: exit 11 that names the table and the session."""
    people.execute("create table pets (id int primary key, owner int not null references people)")
    people.execute("insert into people values (1, 'eve')")
    configured.write("seeds/script/x.sql", "update people set name = 'x' where id = 1;")
    other = connect(database, autocommit=False, application_name="a colleague")
    other.execute("lock table people" if how == "whole table" else "select from people for update")
    words = {"script": ["script"], "generate": ["generate", "--table", "pets", "--rows", "5"]}.get(how, [])
    outcome = configured.run("seed-test-data", *words, "--lock-timeout", "200ms")
    assert outcome.code == 11, outcome
    assert "people" in outcome.stderr, outcome
    assert "'a colleague'" in outcome.stderr, outcome


def test_demo_data_say_who_to_log_in_as(
    firms: Firms, server: Server, project: Project, connect: Connect
) -> None:
    """The client with the most orders, who has the password of the set's `demo`; a dry run says what would go."""
    firm = firms.make(server)
    outcome = seed(project, firm, *DEMO)
    assert outcome.code == 0, outcome
    session = connect(firm)
    busiest = session.execute("""
        select u.username, count(*) from users as u join accounts as a on a.user_id = u.id join orders as o on o.account_id = a.id
        where u.password_hash = (select password_hash from users where username = 'demo') and u.status = 'active'
        group by 1 order by 2 desc, username collate "C" limit 1""").fetchone()  # fmt: skip
    assert busiest is not None
    assert (
        f"\nLog in as {busiest[0]}, the client with the most orders, with the same password as demo\n"
        in outcome.stdout
    )
    before = contents(session)
    told = seed(project, firm, *DEMO, "--truncate", "--dry-run", "--json").json
    full = {table: rows for table, (rows, _) in before.items() if rows and table != "audit_log"}
    assert told["demo"]["emptied"] == full
    said = seed(project, firm, *DEMO, "--truncate", "--dry-run").stdout
    assert said.startswith(f"would empty {len(full)} tables of {sum(full.values()):,} rows: accounts (44), ")
    assert contents(session) == before
    assert seed(project, firm, *DEMO, "--truncate", "--json").json["demo"]["login"] == busiest[0]


def test_without_the_user_demo_nobody_can_log_in(
    firms: Firms, server: Server, project: Project, connect: Connect
) -> None:
    """The clients' hashes belong to no password then, and no line says otherwise."""
    firm = firms.make(server)
    shutil.copytree(ROOT / "seeds", project.folder / "seeds", dirs_exist_ok=True)
    project.write("seeds/dev/last.sql", "update users set username = 'demon' where username = 'demo'")
    outcome = seed(project, firm, *DEMO, "--seeds-dir", str(project.folder / "seeds"))
    assert (outcome.code, "most orders" in outcome.stdout) == (0, False), outcome
    session = connect(firm)
    assert session.execute("select count(distinct password_hash) = count(*) from users").fetchone() == (True,)
