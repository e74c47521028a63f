"""`bin/seed-test-data` that dies or is ended, at each of its phases: all of it is there or nothing, and no one is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.faults.seeding import GENERATE, MANY, OTHER, TWO, Held, Holder, nobody_is_left, state
from tests.firms import SETS, Firms, contents, seed
from tests.servers import Database
from tests.watching import Watch

pytestmark = pytest.mark.one_major
Connect = Callable[..., psycopg.Connection[Any]]

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
    held: Holder, firm: Database, firm_watch: Watch, project: Project, firms: Firms, connect: Connect
) -> None:
    """kill -9 at each phase: all is as it was before, and nobody is left.  Then the command gives what it gives
    in a database where nothing has happened."""
    before = state(firm_watch)
    for phase, (query, argv) in IN_THE_TRANSACTION.items():
        one = held(query, *argv)
        one.process.kill()
        nobody_is_left(one, firm_watch)
        assert state(firm_watch) == before, phase
    another = firms.make(firm.server)
    for database in (firm, another):
        outcome = seed(project, database, *OTHER)
        assert outcome.code == 0, outcome
    firms_own, undisturbed = contents(firm_watch.connection), contents(connect(another))
    del firms_own["audit_log"], undisturbed["audit_log"]  # which is not emptied where triggers guard it
    assert firms_own == undisturbed


def _interrupted(one: Held, _: Watch) -> None:
    os.killpg(one.process.pid, signal.SIGINT)


def _asked_to_end(one: Held, _: Watch) -> None:
    one.process.terminate()


def _terminated(one: Held, watch: Watch) -> None:
    watch.value("select pg_terminate_backend(%s)", one.backend)


def _cancelled(one: Held, watch: Watch) -> None:
    watch.value("select pg_cancel_backend(%s)", one.backend)


ENDINGS = {
    "Ctrl-C, which all processes of a terminal get": (_interrupted, 130, "interrupted"),
    "SIGTERM, which one of them gets": (_asked_to_end, 130, "interrupted"),
    "pg_terminate_backend": (_terminated, 10, "connection was lost: terminating connection"),
    "pg_cancel_backend": (_cancelled, 1, "canceling statement due to user request"),
}


def test_ended_in_the_transaction(held: Holder, firm_watch: Watch) -> None:
    """Soon, with the exit code and a word of what it was, and nothing is left."""
    before = state(firm_watch)
    commands = [
        ('COPY "public"."users"%', (*OTHER, *TWO)),
        ('COPY "public"."users"%', (*GENERATE, *TWO)),
        ("CREATE INDEX%", (*OTHER, "--fast")),
        ('COPY "public"."users"%', GENERATE),
    ]
    for (ending, (end, code, words)), (query, argv) in zip(ENDINGS.items(), commands, strict=True):
        one = held(query, *argv)
        end(one, firm_watch)
        said = one.ended()
        assert (said[0], words in said[1], "Traceback" in said[1]) == (code, True, False), (ending, said)
        nobody_is_left(one, firm_watch)
        assert state(firm_watch) == before, ending


def test_ended_after_the_commit(held: Holder, firm_watch: Watch) -> None:
    """While the planner is told, or a view is refreshed: all rows are there; and that is said where it can be."""
    before = after = state(firm_watch)
    endings = (("ANALYZE%positions%", _interrupted, 130), ("refresh%", _terminated, 10))
    for number, (query, end, code) in enumerate(endings):
        one = held(query, *OTHER, "--random-seed", str(number))
        end(one, firm_watch)
        said = one.ended()
        assert (said[0], "the data are there" in said[1]) == (code, True), said
        nobody_is_left(one, firm_watch)
        after = state(firm_watch)
        assert after[0] == before[0]
        assert after[1] != before[1]
    one = held("refresh%", *OTHER, "--fast")
    one.process.kill()
    nobody_is_left(one, firm_watch)
    undisturbed = state(firm_watch)
    assert undisturbed[0] == before[0]
    assert undisturbed[1] not in (before[1], after[1])


def test_a_process_that_makes_rows_is_killed(held: Holder, firm_watch: Watch) -> None:
    """As for want of memory, the one whose rows are not all sent: exit 1 that says so, and nothing is left."""
    before = state(firm_watch)
    one = held('COPY "public"."users"%', *MANY)
    assert len(one.workers) == 2
    for pid in one.workers:
        os.kill(pid, signal.SIGKILL)
    one.free()
    code, said = one.ended()
    assert (code, "a process that makes rows was ended by signal 9" in said) == (1, True), said
    nobody_is_left(one, firm_watch)
    assert state(firm_watch) == before
