"""What `bin/restore` is to do, made of arguments: the databases that it is about, wishes, and what runs on the way."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence

from dbops.backups.store import Store
from dbops.cli import restore_choice as choice
from dbops.cli.output import Output
from dbops.config.model import Settings, Target
from dbops.restore import undo as undoing
from dbops.restore.content import Archive
from dbops.restore.holding import outside
from dbops.restore.plan import Wishes
from dbops.restore.restore import Work


def live_target(settings: Settings, to: str | None) -> Target:
    """The database that is restored; its name is always in the target."""
    target = settings.target
    if to is not None:
        return target.replace("option --to", dbname=to)
    return target if target.get("dbname") else target.replace("the default", dbname=settings.database.value)


def concerned(settings: Settings, displaced: Sequence[str], out: Output) -> list[Target]:
    """The databases that displaced ones were, in the order of their names; the configured one where none is named.

    :raises UsageError: one of them is no displaced database.
    """
    target = live_target(settings, None)
    if not displaced:
        return [target]
    with outside(target, name_of(target), out.event, settings.deadline.value) as connection:
        there = undoing.displaced(connection)
    names = {undoing.named(there, name).displacement.database for name in displaced}
    return [target.replace("the displaced database", dbname=name) for name in sorted(names)]


def name_of(target: Target) -> str:
    """The name of a database whose target came from here."""
    name = target.get("dbname")
    assert name is not None  # `live_target` has put it there
    return name


def work_of(
    arguments: argparse.Namespace, settings: Settings, target: Target, archive: Archive, out: Output
) -> Work:
    """What is restored into what, with the ways to dump before it and to migrate after it."""
    wishes = Wishes(
        jobs=choice.jobs(arguments.jobs),
        migrate=arguments.migrate,
        pre_backup=arguments.pre_backup,
        keep_side=arguments.keep_side,
        leave_replication=arguments.leave_replication,
    )
    return Work(
        target, archive, wishes, out.event, settings.deadline.value, settings.tracking_table.value,
        migrate=_migrating(settings, out), pre_backup=_dumping(arguments, settings, target, out),
    )  # fmt: skip


def _migrating(settings: Settings, out: Output) -> Callable[[Target], object]:
    def migrate(target: Target) -> object:
        from dbops.engines.postgres.session import Session
        from dbops.migrations.migrator import Migrator
        from dbops.migrations.planner import plan_up

        there = dataclasses.replace(settings, target=target)
        with Session.open(there, "restore", out.event) as session:
            migrator = Migrator(session, there, out.event)
            prepared = migrator.prepare(plan_up)
            return migrator.change(prepared, plan_up) if prepared.plan.steps else None

    return migrate


def _dumping(
    arguments: argparse.Namespace, settings: Settings, target: Target, out: Output
) -> Callable[[], str]:
    def dump() -> str:
        from dbops.backups.plan import Request
        from dbops.cli.backup_databases import PostgresDatabase, make
        from dbops.engines.postgres.session import Session

        there = dataclasses.replace(settings, target=target)
        with Session.open(there, "restore", out.event) as session:
            store = Store(settings.backups_dir.value, out.event)
            database = PostgresDatabase(session, there)
            return make(database, database.plan(Request(jobs=arguments.jobs), store), store, out).name

    return dump
