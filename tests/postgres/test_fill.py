"""Filling tables from a source of blocks."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from dbops.errors import LockNotAcquired, UsageError
from dbops.events import Detail, Event
from dbops.seeding.fill import (
    Filling,
    FillOptions,
    Rebuilding,
    Report,
    SeedFailed,
    WorkerFailed,
    fill,
)
from dbops.seeding.postgres.engine import Postgres
from tests.postgres.filling import CHILD, PARENT, TABLES, Family
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
Connection = psycopg.Connection[Any]
pytestmark = pytest.mark.one_major


@pytest.fixture
def family(database: Database, connect: Connect) -> Iterator[Connection]:
    """A session where the two tables are; after the test no process may be left."""
    connection = connect(database)
    connection.execute(TABLES)
    yield connection
    assert multiprocessing.active_children() == []


def _fill(
    connection: Connection, source: Family, listen: list[Event] | None = None, **options: Any
) -> Report:
    with connection.transaction():
        events = [] if listen is None else listen
        return fill(Postgres(connection), source, FillOptions(**options), events.append)


def _content(connection: Connection) -> list[Any]:
    query = "select p.*, c.* from parent p full join child c on c.parent = p.id order by p.id, c.id"
    return connection.execute(query).fetchall()


@pytest.mark.parametrize("jobs", [1, 2, 3, 9])
@pytest.mark.parametrize("rebuild", ["never", "auto", "always"])
def test_the_same_whoever_makes_them(family: Connection, jobs: int, rebuild: str) -> None:
    """All rows are there, in whatever way they come; indexes and foreign keys are, too, and the report counts."""
    facts = "select pg_get_indexdef(indexrelid), obj_description(indexrelid) from pg_index where indexrelid >= 16384 order by 1"
    before = family.execute(facts).fetchall()
    report = _fill(family, Family(), jobs=jobs, rebuild=rebuild)
    assert _content(family) == [(n, f"name {n}", n, n, f"note {n}") for n in range(1, 401)]
    assert [(table.table, table.rows) for table in report.tables] == [(PARENT, 400), (CHILD, 400)]
    assert report.rows == 800
    assert 0 < sum(table.seconds for table in report.tables) <= report.seconds
    assert report.tables[0].rate == pytest.approx(400 / report.tables[0].seconds)
    assert family.execute(facts).fetchall() == before
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        family.execute("insert into child overriding system value values (401, 401)")


def test_what_is_told(family: Connection) -> None:
    """With -v what is built after; while an index is built, which; nothing is told of a table five times a second."""
    events: list[Event] = []
    _fill(family, Family(), events)
    assert events[0].sentence() == "preparing 2,000,000 rows"
    details = [event.sentence() for event in events if isinstance(event, Detail)]
    assert details == ["built again after the rows are in: 4 of the indexes, 1 foreign key"]
    built = [event for event in events if isinstance(event, Rebuilding)]
    assert [event.number for event in built] == [1, 2, 3, 4, 5]
    assert built[0].sentence() == "1 of 5 indexes and foreign keys: child_parent of public.child"
    assert len([event for event in events if isinstance(event, Filling)]) < 5


WRONG = [
    ("name", "parent", 250, None, "parent_name_key"),
    ("integer", "parent", 250, "id", None),
    ("note", "child", 250, None, "child_note_check"),
    ("parent", "child", None, None, "child_parent_fkey"),
]


@pytest.mark.parametrize(("wrong", "table", "row", "column", "constraint"), WRONG)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_refused_row(
    family: Connection,
    wrong: str,
    table: str,
    row: int | None,
    column: str | None,
    constraint: str | None,
    jobs: int,
) -> None:
    """The error says table, row, column and constraint as far as there are such, and nothing stays."""
    with pytest.raises(SeedFailed) as caught:
        _fill(family, Family(wrong=wrong), jobs=jobs, rebuild="never")
    error = caught.value
    assert (error.table, error.row, error.column, error.constraint) == (
        ("public", table),
        row,
        column,
        constraint,
    )
    assert error.message.startswith(
        table + (f", row {row}" if row else "") + (f", column {column}" if column else "")
    )
    assert _content(family) == []


def test_what_the_schema_raises_itself(family: Connection) -> None:
    """Its own words are enough; a constraint that the message names is named once."""
    with pytest.raises(SeedFailed) as caught:
        _fill(family, Family(wrong="note"), rebuild="never")
    assert f"{caught.value.message}{caught.value.detail}".count("child_note_check") == 1
    family.execute(
        "create function closed() returns trigger language plpgsql as 'begin raise ''it is closed''; end'"
    )
    family.execute("create trigger closed before insert on parent for each row execute function closed()")
    with pytest.raises(SeedFailed, match=r"^parent, row 1: it is closed$") as caught:
        _fill(family, Family())
    assert not caught.value.detail


@pytest.mark.parametrize(
    ("wrong", "table", "constraint"), [(one[0], one[1], one[4]) for one in WRONG if one[4]]
)
def test_a_row_that_is_refused_later(family: Connection, wrong: str, table: str, constraint: str) -> None:
    """Where keys are built after, the error says table and constraint all the same, with the value."""
    with pytest.raises(SeedFailed) as caught:
        _fill(family, Family(wrong=wrong), rebuild="always")
    assert (caught.value.table, caught.value.constraint) == (("public", table), constraint)
    assert "detail:" in (caught.value.detail or "")
    assert _content(family) == []


def test_rows_are_counted_over_copies(family: Connection) -> None:
    """The row's number is that of the table, not of the COPY that it came with."""
    family.execute("set application_name = 'x'")
    source = Family(blocks=60, size=2_000, wrong="integer", at=110_001)
    with pytest.raises(
        SeedFailed, match=r'^parent, row 110001, column id: invalid input syntax for type integer: "x"'
    ):
        _fill(family, source)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_make_raises(family: Connection, jobs: int) -> None:
    """An error of ours comes as it is, with its hint; a bug with its text, and where it happened."""
    with pytest.raises(UsageError, match="this cannot be made") as told:
        _fill(family, Family(wrong="told"), jobs=jobs)
    assert told.value.hint == "leave it out"
    with pytest.raises((ValueError, RuntimeError), match="no such pool") as bug:
        _fill(family, Family(wrong="bug"), jobs=jobs)
    if jobs > 1:
        assert "in _fail" in bug.value.__notes__[0]
    assert _content(family) == []


def test_a_killed_process(family: Connection) -> None:
    """It is told with its signal, and nothing stays."""
    with pytest.raises(WorkerFailed, match="a process that makes rows was ended by signal 9") as caught:
        _fill(family, Family(wrong="killed"), jobs=2)
    assert "--jobs 1" in (caught.value.hint or "")
    assert _content(family) == []


AUDIT = """
create table log (what text);
create function note() returns trigger language plpgsql as 'begin insert into log values (new.name); return null; end';
create trigger note after insert on parent for each row execute function note();
create trigger idle after insert on parent for each row execute function note();
alter table parent disable trigger idle;
"""


@pytest.mark.parametrize("fast", [True, False])
def test_triggers(family: Connection, fast: bool) -> None:
    """They fire, unless it is to be fast; then they are as they were after."""
    family.execute(AUDIT)
    _fill(family, Family(), fast=fast)
    assert family.execute("select count(*) from log").fetchone() == (0 if fast else 400,)
    states = family.execute(
        "select tgname, tgenabled::text from pg_trigger where tgname in ('note', 'idle') order by 1"
    )
    assert states.fetchall() == [("idle", "D"), ("note", "O")]


@pytest.mark.parametrize("rebuild", ["never", "always"])
def test_deferred_constraints(family: Connection, rebuild: str) -> None:
    """What they put off is checked at the end of the filling, and keeps no index from being built."""
    family.execute("alter table child alter constraint child_parent_fkey deferrable initially deferred")
    family.execute("alter table parent add boss int references parent deferrable initially deferred")
    _fill(family, Family(), rebuild=rebuild)
    family.execute("truncate parent, child")
    with pytest.raises(SeedFailed, match="child_parent_fkey"):
        _fill(family, Family(wrong="parent"), rebuild=rebuild)


def test_rows_written_before_in_the_transaction(family: Connection) -> None:
    """A deferred check that is still to come does not keep a table from being altered."""
    family.execute("alter table child alter constraint child_parent_fkey deferrable initially deferred")
    with family.transaction():
        family.execute("insert into parent values (-1, 'first'); insert into child (parent) values (-1)")
        family.execute("alter sequence child_id_seq restart 100000")
        family.execute("update child set id = default")
        fill(Postgres(family), Family(), FillOptions(rebuild="always"))
    assert len(_content(family)) == 401


@pytest.mark.parametrize("query", ["select from child", "lock table parent in share mode"])
def test_a_busy_table(family: Connection, database: Database, connect: Connect, query: str) -> None:
    """Somebody holds a table: after the patience the error names who."""
    other = connect(database, autocommit=False)
    other.execute(query.encode())
    with pytest.raises(
        LockNotAcquired, match=f"is held by pid {other.info.backend_pid}, user {database.user}"
    ):
        _fill(family, Family(), patience=0.2)


def test_a_row_that_waits_for_another_session(
    family: Connection, database: Database, connect: Connect
) -> None:
    """Somebody has written the same key and not committed: the wait ends with the patience."""
    other = connect(database, autocommit=False)
    other.execute("insert into parent values (3, 'other')")
    with pytest.raises(LockNotAcquired, match="another session holds what a row needs") as caught:
        _fill(family, Family(expected=10), patience=0.3)
    assert "parent" in (caught.value.detail or "")


def test_settings_are_as_before(family: Connection) -> None:
    """Timeouts of the session hold again after the filling, in its transaction too."""
    family.execute("set statement_timeout = 60000; set lock_timeout = 50000")
    with family.transaction():
        fill(Postgres(family), Family(), FillOptions(rebuild="always"))
        row = family.execute(
            "select current_setting('statement_timeout'), current_setting('lock_timeout')"
        ).fetchone()
        assert row == ("1min", "50s")
        row = family.execute(
            "select current_setting('search_path'), current_setting('default_tablespace')"
        ).fetchone()
        assert row == ('"$user", public', "")


def test_a_role_that_may_only_insert(family: Connection, database: Database, connect: Connect) -> None:
    """It fills tables of another role, with all that is on them in place."""
    server = database.server
    superuser = connect(database, user=server.user, password=server.password)
    superuser.execute("alter table parent owner to current_user; alter table child owner to current_user")
    superuser.execute(f"grant insert on parent, child to {database.user}".encode())
    events: list[Event] = []
    assert _fill(family, Family(), events, rebuild="always", jobs=2).rows == 800
    reasons = [event.sentence() for event in events if isinstance(event, Detail)]
    assert "index child_parent of public.child stays: another role owns its table" in reasons
    assert (
        "foreign key child_parent_fkey of public.child stays: another role owns one of its tables" in reasons
    )
