"""`Migrator`: the verbs of `bin/migrate` as methods."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from dbops.config import host
from dbops.engines.log import LoggedEvent
from dbops.engines.records import Applied
from dbops.errors import CannotConnect, ConfigError
from dbops.events import Listener
from dbops.library import source
from dbops.library.results import Changed
from dbops.library.sessions import Answer, Sessions, newest
from dbops.migrations import discovery, renaming, renumbering, schema_drift, verbs, verifying
from dbops.migrations.model import Status
from dbops.migrations.planner import Plan
from dbops.migrations.renumbering import Renumbering
from dbops.migrations.schema_drift import Drift
from dbops.migrations.verifying import Verdict

if TYPE_CHECKING:
    from dbops.library.source import Database, Folder

Analyze = Literal["analyze", "vacuum", "off"]


class Migrator:
    """The migrations of one folder and one database.

    Each method is a verb of `bin/migrate`, with the same rules, plans and errors (`dbops.DbopsError` and its
    subclasses, of which every method may raise any), and is safe to call from any thread, one at a time.  It opens a
    session of its own and closes it.  As a context manager it keeps one session for the block, and, from the first
    verb that changes something on, the migration lock, so that no other migrator comes between; a verb that fails
    ends both.

    :param database: a URL; None for what is configured, as the commands find it; or an open connection of psycopg.
        That one says where and as whom: dbops works over sessions of its own, and the connection stays as it is, with
        its settings, prepared statements and temporary tables.  It must not be in a transaction.
    :param migrations_dir: relative to the current folder; by default the project's `migrations`.
    :param env: "qa" for the database in QA_DATABASE_URL.
    :param variables: what stands for placeholders in the files, as `--var`.
    :param lock_timeout: how long a statement waits for a lock, `statement_timeout` how long it may run, `deadline`
        how long to go on trying to get locks: all in seconds, by default as configured.
    :param analyze_after: what follows migrations for the tables that they changed, "analyze" unless configured.
    :param terminate_blockers: seconds for which another session may hold a lock that a statement waits for, before it is
        ended; None ends none.
    :param listen: is called with events (`dbops.events`), from other threads, too; by default they go to the logger
        `dbops`.
    """

    def __init__(
        self,
        database: Database = None,
        *,
        migrations_dir: Folder | None = None,
        tracking_table: str | None = None,
        env: str | None = None,
        migration_format: str | None = None,
        variables: Mapping[str, str] | None = None,
        lock_timeout: float | None = None,
        statement_timeout: float | None = None,
        deadline: float | None = None,
        analyze_after: Analyze | None = None,
        terminate_blockers: float | None = None,
        listen: Listener | None = None,
    ) -> None:
        self._options = source.options(
            env=env,
            migrations_dir=migrations_dir,
            tracking_table=tracking_table,
            migration_format=migration_format,
            variables=variables,
            lock_timeout=lock_timeout,
            statement_timeout=statement_timeout,
            deadline=deadline,
            analyze_after=analyze_after,
            terminate_blockers=terminate_blockers,
        )
        self._sessions = Sessions(database, self._options, listen or source.to_log)

    def status(self) -> tuple[Status, ...]:
        """How every version stands, in order: `status.version.text`, `status.name`, `status.state.value`."""
        with self._sessions.open("status") as migrator:
            return tuple(migrator.statuses())

    def current(self) -> str | None:
        """The newest applied version; None on an empty database."""
        with self._sessions.open("current") as migrator:
            return newest(migrator)

    def history(self) -> tuple[LoggedEvent, ...]:
        """What was done, when and by whom, the oldest first."""
        with self._sessions.open("history") as migrator:
            return tuple(migrator.history())

    def plan(
        self,
        *,
        steps: int | None = None,
        to: str | None = None,
        only: str | None = None,
        out_of_order: bool = False,
        single_transaction: bool = False,
    ) -> Plan:
        """What `up` with the same arguments would run, every file read."""
        verbs.at_most_one(steps=steps, to=to, only=only)
        with self._sessions.open("plan") as migrator:
            make = verbs.up(
                migrator,
                steps=steps,
                to=to,
                only=only,
                out_of_order=out_of_order,
                single_transaction=single_transaction,
            )
            return migrator.prepare(make).plan

    def verify(self, version: str | None = None) -> tuple[Verdict, ...]:
        """Run the verify sections of what is applied, or of one version; nothing stays of it.

        What fails is no error: `verdict.wrong` says it, and is None where all is well.
        """
        with self._sessions.open("verify") as migrator:
            wanted = verbs.version(version, migrator.folder)
            return tuple(verifying.verdicts(migrator.session, migrator.statuses(), wanted))

    def drift(self) -> Drift:
        """Whether the schema still is what the last migration left: `drift.differences`, or why it is not known."""
        with self._sessions.open("drift") as migrator:
            return schema_drift.look(migrator.session)

    def up(
        self,
        *,
        steps: int | None = None,
        to: str | None = None,
        only: str | None = None,
        out_of_order: bool = False,
        single_transaction: bool = False,
        started_statement: Answer | None = None,
        dry_run: bool = False,
    ) -> Changed:
        """Apply what is pending: all of it, `steps` of it, up to and with the version `to`, or `only` one."""
        verbs.at_most_one(steps=steps, to=to, only=only)
        return self._sessions.change(
            "up",
            lambda migrator: verbs.up(
                migrator,
                steps=steps,
                to=to,
                only=only,
                out_of_order=out_of_order,
                single_transaction=single_transaction,
            ),
            answer=started_statement,
            dry_run=dry_run,
        )

    def down(
        self,
        *,
        steps: int | None = None,
        to: str | None = None,
        through: str | None = None,
        confirm: str | None = None,
        started_statement: Answer | None = None,
        dry_run: bool = False,
    ) -> Changed:
        """Undo the newest migration, `steps` of them, all above `to` ("0" is all), or `through` and all above it.

        :param confirm: the database's name, where it is not marked as development.
        :raises Refused: without it.
        """
        verbs.at_most_one(steps=steps, to=to, through=through)
        return self._sessions.change(
            "down",
            lambda migrator: verbs.down(migrator, steps=steps, to=to, through=through),
            confirm=confirm,
            answer=started_statement,
            dry_run=dry_run,
        )

    def goto(
        self,
        to: str,
        *,
        out_of_order: bool = False,
        single_transaction: bool = False,
        confirm: str | None = None,
        started_statement: Answer | None = None,
        dry_run: bool = False,
    ) -> Changed:
        """Go up or down until `to` is the current version; going down needs `confirm` as `down` does."""
        return self._sessions.change(
            "goto",
            lambda migrator: verbs.goto(
                migrator, to, out_of_order=out_of_order, single_transaction=single_transaction
            ),
            confirm=confirm,
            answer=started_statement,
            dry_run=dry_run,
        )

    def redo(
        self,
        *,
        steps: int | None = None,
        through: str | None = None,
        confirm: str | None = None,
        started_statement: Answer | None = None,
        dry_run: bool = False,
    ) -> Changed:
        """Undo the newest migration, `steps` of them, or `through` and all above it, and apply them again."""
        verbs.at_most_one(steps=steps, through=through)
        return self._sessions.change(
            "redo",
            lambda migrator: verbs.redo(migrator, steps=steps, through=through),
            confirm=confirm,
            answer=started_statement,
            dry_run=dry_run,
        )

    def force(self, version: str, *, dry_run: bool = False) -> Changed:
        """Record exactly the versions up to this one as applied; runs no SQL."""
        return self._sessions.change(
            "force", lambda migrator: verbs.force(migrator, version), dry_run=dry_run
        )

    def baseline(self, version: str, *, dry_run: bool = False) -> Changed:
        """Record all up to this version on a database without history; runs no SQL."""
        return self._sessions.change(
            "baseline", lambda migrator: verbs.baseline(migrator, version), dry_run=dry_run
        )

    def mark(self, version: str, *, applied: bool = True, dry_run: bool = False) -> Changed:
        """Record one version as applied, or as not applied; runs no SQL."""
        return self._sessions.change(
            "mark", lambda migrator: verbs.mark(migrator, version, applied=applied), dry_run=dry_run
        )

    def repair(self, version: str | None = None, *, dry_run: bool = False) -> Changed:
        """Accept applied files that were changed, all of them or one, by taking over their checksums."""
        return self._sessions.change(
            "repair", lambda migrator: verbs.repair(migrator, version), dry_run=dry_run
        )

    def new(
        self, name: str, version: str | None = None, *, timestamp: bool = False, dry_run: bool = False
    ) -> tuple[Path, ...]:
        """Write the files of a new migration, in the format and the numbering of the folder; asks no database.

        :param timestamp: number it by the time, whatever the folder has.
        """
        from dbops.migrations.creation import create

        with source.noted():
            found = host.without_database(self._options)
            return tuple(
                create(
                    found.migrations_dir,
                    version,
                    name,
                    found.migration_format,
                    timestamp=timestamp,
                    dry_run=dry_run,
                )
            )

    def renumber(
        self, which: str | None = None, *, to: str | None = None, dry_run: bool = False
    ) -> tuple[Renumbering, ...]:
        """Rename the files of migrations that took a number which another one has; `up` then moves their records.

        The database is only asked which came first, where git cannot tell.

        :param which: a version or a file's name; None is all that have a number together with another.
        :param to: the new version; None is the next free one.
        """
        with source.noted():
            found = host.without_database(self._options)
            look = discovery.look(found.migrations_dir, found.migration_format)
            made = renumbering.plan(look, which, to, functools.partial(renumbering.in_order, self._rows))
            if not dry_run:
                for one in made:
                    renaming.rename(one)
            return tuple(made)

    def _rows(self) -> tuple[Applied, ...]:
        try:
            with self._sessions.open("renumber") as migrator:
                return migrator.session.read().rows
        except (CannotConnect, ConfigError):
            return ()

    def __enter__(self) -> Self:
        self._sessions.in_block = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sessions.in_block = False
        self._sessions.close()
