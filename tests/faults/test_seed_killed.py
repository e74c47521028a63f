"""`bin/seed-test-data` that dies or is ended, at each of its phases: all of it is there or nothing, and no one is left.

Indexes and a materialized view call `hold`, which waits in the server while the query of the phase is at work.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Project
from tests.firms import AS_OF, SETS, Firms, contents, seed, seeding, structure
from tests.servers import Database, Server
from tests.watching import Watch, until

pytestmark = pytest.mark.one_major
Connect = Callable[..., psycopg.Connection[Any]]

_LOCK = 77
# An index that calls a function is not taken away while rows come in; one with an operator class of its own is.
_FUNCTIONS = """
create function hold() returns void language plpgsql as 'begin end';
create function hold(value anyelement) returns text language plpgsql immutable as
    'begin perform public.hold(); return value::text; end';
create function hold(one text, other text) returns integer language plpgsql immutable as
    'begin perform public.hold(); return bttextcmp(one, other); end';
"""
_OPERATORS = """
create operator class held_ops for type text using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=,
    operator 5 >, function 1 hold(text, text);
"""
_INDEXES = """
create index held_users on users (hold(username));
create index held_orders on orders (client_order_id held_ops);
create index held_fills on fills (hold(symbol));
create index held_positions on positions (hold(symbol));
create index held_breakers on circuit_breakers (hold(tripped_at));
create materialized view held_view as select hold(status) from orders;
comment on index held_orders is 'kept';
"""
_HOLD = """
create or replace function hold() returns void language plpgsql as $$
begin
    if current_query() ilike {} then
        perform pg_advisory_xact_lock_shared({});
    end if;
end $$
"""
_WAITING = "select pid from pg_stat_activity where application_name like 'dbops seed%%' and wait_event = 'advisory'"
_SEEDING = "select count(*) = 0 from pg_stat_activity where application_name like 'dbops seed%%'"

SMALL = ("--rows", "accounts=41", "--rows", "orders=300", *AS_OF, *SETS)  # in two blocks
OTHER = (*SMALL, "--truncate", "--random-seed", "7", "--jobs", "1")
GENERATE = ("generate", "--rows", "30", *AS_OF, "--jobs", "1", "--skip", "order_routes")
TWO = ("--jobs", "2")
Start = Callable[..., "Held"]


class Held:
    """A command that waits in the server at one of its phases, and lets nobody wait for it longer than the test."""

    def __init__(self, process: subprocess.Popen[str], backend: int, free: Callable[[], None]) -> None:
        self.process, self.backend, self.free = process, backend, free

    @property
    def workers(self) -> list[int]:
        """The processes that make the rows."""
        argv = ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(self.process.pid)]
        lines = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
        return [int(line.split()[0]) for line in lines if "spawn_main" in line]

    def ended(self) -> tuple[int, str]:
        """Exit code and what was said, within a few seconds."""
        began = time.monotonic()
        out, err = self.process.communicate(timeout=30)
        assert time.monotonic() - began < 10, "slow to end"
        return self.process.returncode, out + err


@pytest.fixture
def firm(firms: Firms, server: Server, project: Project, connect: Connect) -> Database:
    """A database with a small firm's life, and the means to hold a command in the middle."""
    made = firms.make(server)
    owner = connect(made)
    superuser = connect(made, user=server.user, password=server.password)
    for session, statements in ((owner, _FUNCTIONS), (superuser, _OPERATORS), (owner, _INDEXES)):
        session.execute(statements.encode())
    outcome = seed(project, made, *SMALL)
    assert outcome.code == 0, outcome
    return made


@pytest.fixture
def firm_watch(firm: Database, connect: Connect) -> Watch:
    return Watch(connect(firm))


@pytest.fixture
def held(firm: Database, firm_watch: Watch, project: Project, connect: Connect) -> Iterator[Start]:
    """Starts a command and waits until it is at the phase where it sends a query like that."""
    lock = connect(firm)

    def free() -> None:
        lock.execute("select pg_advisory_unlock_all()")

    def start(query: str, *argv: str) -> Held:
        statement = sql.SQL(_HOLD).format(sql.Literal(query), sql.Literal(_LOCK))
        lock.execute(statement)
        lock.execute("select pg_advisory_lock(%s)", [_LOCK])
        process = seeding(project, firm, *argv)

        def waiting() -> int | None:
            assert process.poll() is None, (query, process.communicate())
            found = firm_watch.value(_WAITING)
            return None if found is None else int(found)

        return Held(process, until(waiting, f"{argv} to wait in {query}"), free)

    yield start
    free()


def _running(group: int) -> list[int]:
    """The processes of a process group that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def _nobody_is_left(one: Held, watch: Watch) -> None:
    """No process, no session, and so no lock; before the lock that it waited for is free."""
    one.process.wait(timeout=30)
    until(lambda: not _running(one.process.pid), "the end of its processes")
    watch.until(_SEEDING)
    one.free()


def _state(watch: Watch) -> tuple[object, object]:
    return structure(watch.connection), contents(watch.connection)


IN_THE_TRANSACTION = {
    "the set's rows are written": ("%users%", ("--truncate", "--cascade", *SETS)),
    "the first rows are copied": ('COPY "public"."users"%', (*OTHER, *TWO)),
    "rows are copied without triggers": ('COPY "public"."fills"%', (*OTHER, "--fast")),
    "indexes are made again": ("CREATE INDEX%", (*OTHER, "--fast")),
    "all but the end is written": ("%UPDATE public.circuit_breakers%", OTHER),
    "rows are generated": ('COPY "public"."fills"%', GENERATE),
    "rows are generated without triggers": ('COPY "public"."fills"%', (*GENERATE, "--fast", *TWO)),
}


def test_killed_in_the_transaction(
    held: Start, firm: Database, firm_watch: Watch, project: Project, firms: Firms, connect: Connect
) -> None:
    """kill -9 at each phase: all is as it was before, and nobody is left.  Then the command gives what it gives
    in a database where nothing has happened."""
    before = _state(firm_watch)
    for phase, (query, argv) in IN_THE_TRANSACTION.items():
        one = held(query, *argv)
        one.process.kill()
        _nobody_is_left(one, firm_watch)
        assert _state(firm_watch) == before, phase
    another = firms.make(firm.server)
    for database in (firm, another):
        outcome = seed(project, database, *OTHER)
        assert outcome.code == 0, outcome
    firms_own, undisturbed = contents(firm_watch.connection), contents(connect(another))
    del firms_own["audit_log"], undisturbed["audit_log"]  # which is not emptied where triggers guard it
    assert firms_own == undisturbed


@pytest.mark.parametrize("query", ["ANALYZE%positions%", "refresh%"])
def test_killed_after_the_commit(held: Start, firm_watch: Watch, query: str) -> None:
    """kill -9 while the planner is told, or a view is refreshed: all rows are there, and every rule holds."""
    before = _state(firm_watch)
    one = held(query, *OTHER, "--fast")
    one.process.kill()
    _nobody_is_left(one, firm_watch)
    after = _state(firm_watch)
    assert after[0] == before[0]
    assert after[1] != before[1]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("query", "argv"),
    [('COPY "public"."fills"%', (*GENERATE, *TWO)), ("CREATE INDEX%", (*OTHER, "--fast"))],
    ids=["copying", "making indexes"],
)
def test_interrupted(
    held: Start, firm_watch: Watch, query: str, argv: tuple[str, ...], signal_number: signal.Signals
) -> None:
    """Ctrl-C, which all processes of the terminal get, and SIGTERM, which one gets: exit 130, and nothing is left."""
    before = _state(firm_watch)
    one = held(query, *argv)
    if signal_number == signal.SIGINT:
        os.killpg(one.process.pid, signal_number)
    else:
        one.process.send_signal(signal_number)
    code, said = one.ended()
    assert (code, "interrupted" in said, "Traceback" in said) == (130, True, False), said
    _nobody_is_left(one, firm_watch)
    assert _state(firm_watch) == before


def test_interrupted_after_the_commit(held: Start, firm_watch: Watch) -> None:
    """Exit 130, and it says that the rows are there."""
    before = _state(firm_watch)
    one = held("refresh%", *OTHER)
    one.process.send_signal(signal.SIGINT)
    code, said = one.ended()
    assert (code, "the data are there" in said) == (130, True), said
    _nobody_is_left(one, firm_watch)
    assert _state(firm_watch) != before


@pytest.mark.parametrize("argv", [(*OTHER, *TWO), (*GENERATE, *TWO)], ids=["demo", "generate"])
def test_the_session_is_terminated(held: Start, firm_watch: Watch, argv: tuple[str, ...]) -> None:
    """An administrator ends the session in the middle: exit 10 that says so, and nothing is left."""
    before = _state(firm_watch)
    one = held('COPY "public"."users"%', *argv)
    firm_watch.value("select pg_terminate_backend(%s)", one.backend)
    code, said = one.ended()
    assert (code, "connection was lost" in said, "terminating connection" in said) == (10, True, True), said
    _nobody_is_left(one, firm_watch)
    assert _state(firm_watch) == before


@pytest.mark.parametrize("argv", [(*OTHER, *TWO), (*GENERATE, *TWO)], ids=["demo", "generate"])
def test_the_statement_is_cancelled(held: Start, firm_watch: Watch, argv: tuple[str, ...]) -> None:
    """pg_cancel_backend, as of an administrator who wants the load to end: it fails as a whole."""
    before = _state(firm_watch)
    one = held('COPY "public"."users"%', *argv)
    firm_watch.value("select pg_cancel_backend(%s)", one.backend)
    code, said = one.ended()
    assert (code, "canceling statement due to user request" in said) == (1, True), said
    _nobody_is_left(one, firm_watch)
    assert _state(firm_watch) == before


def test_a_process_that_makes_rows_is_killed(held: Start, firm_watch: Watch) -> None:
    """As for want of memory, whether it was in the middle of a block or not: exit 1 that says so."""
    before = _state(firm_watch)
    one = held('COPY "public"."users"%', *OTHER, *TWO)
    for pid in one.workers:
        os.kill(pid, signal.SIGSTOP)
    one.free()
    for pid in one.workers:
        os.kill(pid, signal.SIGKILL)
    code, said = one.ended()
    if code == 0:  # it had sent its rows already
        return
    assert (code, "ended by signal 9" in said) == (1, True), said
    _nobody_is_left(one, firm_watch)
    assert _state(firm_watch) == before
