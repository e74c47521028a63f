"""The table of truth: of each common statement, what `plan` says is what a trace sees, on every version found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dbops.engines.base import Stage, StatementFailed
from dbops.engines.postgres.activity import Activity
from dbops.engines.postgres.effects.live import LiveCatalog
from dbops.engines.postgres.effects.model import LockMode
from dbops.engines.postgres.effects.statements import effects
from dbops.engines.postgres.sending import Command, Sender
from dbops.engines.postgres.traced import Seen
from dbops.engines.postgres.tracing import Watcher
from dbops.engines.postgres.tracking import Tables
from dbops.events import ignore
from dbops.migrations.script import Mode
from dbops.safety.risk import Forecast, forecast
from dbops.safety.trace import compare
from dbops.safety.trace.model import HeldLock, TracedMigration, TracedStatement
from tests.postgres.ddl import SCHEMA, STATEMENTS
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

OUTSIDE = {
    "create index concurrently t_s on t (s)": ("public.t", {"public.t_s"}),
    "reindex table concurrently t": (
        "public.t",
        {"public.t_pkey", "public.t_a", "public.t_unique", "public.t_s"},
    ),
    "drop index concurrently t_s": ("public.t", set()),
}
"""What runs outside a transaction: the table that it locks, and the indexes that it builds."""


class Ground:
    """A session that is watched as that of a trace is."""

    def __init__(self, database: Database, connect: Connect) -> None:
        self.connection = connect(database)
        self.connection.execute(SCHEMA)
        activity = Activity(lambda: connect(database), self.connection.info.backend_pid, ignore)
        self.watcher = Watcher(self.connection, Tables.named(None), lambda: connect(database))
        self.sender = Sender(self.connection, activity, one_by_one=True)
        self.sender.observer = self.watcher

    def forecast(self, statement: str) -> Forecast:
        live = LiveCatalog(self.connection)
        told = effects(statement, live)
        return forecast(
            1, statement, told, lambda effect: live.relation(effect.relation), in_transaction=True
        )

    def seen(self, statement: str, *, alone: bool = False) -> TracedMigration:
        """In a transaction that is rolled back, or alone."""
        self.watcher.begin()
        command = Command(Stage.STATEMENT, statement)
        if alone:
            self.sender.run([command])
        else:
            self.sender.run([Command(Stage.RECORD, "begin"), command, Command(Stage.COMMIT, "rollback")])
        (one,) = self.watcher.seen
        return TracedMigration("1", "x", Mode.STEPWISE.value, 0, 0, (_statement(one),))


def _statement(one: Seen) -> TracedStatement:
    locks = [
        HeldLock(lock.relation, lock.kind, lock.mode, lock.began, lock.ended, lock.sampled, lock.new)
        for lock in one.locks
    ]
    return TracedStatement(
        1, 1, one.text, one.in_transaction, one.began, one.seconds, tuple(locks), one.rewritten, one.built
    )


def test_what_plan_says_is_what_a_trace_sees(database: Database, connect: Connect) -> None:
    """Each statement: the strongest lock on every table that is there, and the tables that are written anew."""
    ground = Ground(database, connect)
    wrong = []
    for statement in STATEMENTS:
        said = ground.forecast(statement)
        found = compare.differences([said], ground.seen(statement))
        wrong += [f"{statement}: {sentence}" for sentence in found.get(1, ())]
        ground.watcher = ground.sender.observer = Watcher(  # as it was before: nothing is new to the next one
            ground.connection, Tables.named(None), lambda: connect(database)
        )
    assert not wrong, "\n" + "\n".join(wrong)


def test_outside_transactions(database: Database, connect: Connect) -> None:
    """What runs CONCURRENTLY is seen while it runs, however short; its lock lets others write; plan is not outdone."""
    ground = Ground(database, connect)
    for statement, (table, built) in OUTSIDE.items():
        said = ground.forecast(statement)
        (one,) = (seen := ground.seen(statement, alone=True)).statements
        assert not one.in_transaction
        locks = [lock for lock in one.locks if lock.relation == table]
        assert all(lock.sampled for lock in locks)
        if not statement.startswith("drop"):  # which waits for nobody, and may be over before the first look
            assert max(lock.mode for lock in locks) == LockMode.SHARE_UPDATE_EXCLUSIVE, statement
        assert set(one.built) == built
        assert not compare.differences([said], seen)


def test_what_a_rolled_back_attempt_did_is_forgotten(database: Database, connect: Connect) -> None:
    """A transaction that is tried again shows the statements of the last attempt alone."""
    ground = Ground(database, connect)
    commands = [
        Command(Stage.RECORD, "begin"),
        Command(Stage.STATEMENT, "alter table t alter a type bigint"),
        Command(Stage.STATEMENT, "select 1/0"),
    ]
    for _ in range(2):
        with pytest.raises(StatementFailed):
            ground.sender.run(commands)
    assert [one.text for one in ground.watcher.seen] == ["alter table t alter a type bigint", "select 1/0"]
    assert all(lock.ended > lock.began for lock in ground.watcher.seen[0].locks)
    ground.sender.run([*commands[:2], Command(Stage.COMMIT, "commit")])
    (one,) = ground.watcher.seen
    assert (one.text, one.rewritten) == ("alter table t alter a type bigint", ("public.t",))
