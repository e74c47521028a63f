"""The sessions of a `Migrator`: one for each verb, or one that a block keeps; and changing a database on one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from dbops.config.model import Options, Setting
from dbops.devdb import consent
from dbops.engines.postgres.databases import Found
from dbops.engines.session import Session, open_session
from dbops.errors import Refused
from dbops.events import Listener
from dbops.library import source
from dbops.library.results import Changed
from dbops.migrations import verbs
from dbops.migrations.migrator import MakePlan, Migrator
from dbops.migrations.planner import Plan
from dbops.migrations.stepwise import Decide

if TYPE_CHECKING:
    from dbops.library.source import Database

Answer = Literal["done", "again"]
"""Of a statement that a killed process left as started: it took effect, or is to run again."""


class Sessions:
    """Opens sessions on one database.

    :param in_block: whether the session of a verb is kept for the next one.
    """

    def __init__(self, database: Database, options: Options, listen: Listener) -> None:
        self._database = database
        self._options = options
        self._listen = listen
        self._kept: Migrator | None = None
        self.in_block = False

    def close(self) -> None:
        """End the session that was kept, if there is one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.session.close()

    @contextlib.contextmanager
    def open(self, verb: str, answer: Answer | None = None) -> Iterator[Migrator]:
        """A migrator on the session of the block, or on one of its own.

        :raises DbopsError: in the place of what the server says of a failure; the session is closed then.
        """
        kept, self._kept = self._kept, None
        with source.noted(), contextlib.ExitStack() as ends:
            if kept is None:
                settings = source.settings(self._database, self._options, self._listen)
                session = open_session(settings, f"library {verb}", self._listen)
            else:
                settings, session = kept.settings, kept.session
            ends.push(session)
            migrator = Migrator(session, settings, self._listen, _decide(answer))
            yield migrator
            if self.in_block:
                ends.pop_all()
                self._kept = migrator

    def change(
        self,
        verb: str,
        plan: Callable[[Migrator], MakePlan],
        *,
        confirm: str | None = None,
        answer: Answer | None = None,
        dry_run: bool,
    ) -> Changed:
        """Plan, see that there is consent, carry out.

        :raises Refused: data would be lost, and nobody confirms.
        """
        with self.open(verb, answer) as migrator:
            make = plan(migrator)
            prepared = migrator.prepare(make)
            done = prepared.plan
            if not (dry_run or done.steps):
                migrator.catch_up()
            if dry_run or not done.steps:
                return _changed(migrator, done, (), dry_run=dry_run)
            if done.loses_data:
                _require(migrator.session, done, confirm)
            done = migrator.change(prepared, make)
            return _changed(migrator, done, tuple(step.version.text for step in done.steps))


def newest(migrator: Migrator) -> str | None:
    """The newest applied version."""
    status = migrator.newest()
    return status.version if status else None


def _changed(migrator: Migrator, plan: Plan, versions: tuple[str, ...], *, dry_run: bool = False) -> Changed:
    return Changed(plan, versions, newest(migrator), str(migrator.session.identity), dry_run)


def _require(session: Session, plan: Plan, confirm: str | None) -> None:
    """:raises Refused: data would be lost in a database that is not marked as development, and nobody confirms."""
    name = session.identity.database
    try:
        consent.require(
            [Found(name, session.comment())],
            verbs.what_is_lost(plan),
            Setting(confirm, "confirm"),
            lambda question: None,
        )
    except Refused as refused:
        raise Refused(refused.message, hint=f"{plan.verb}(..., confirm={name!r})") from None


def _decide(answer: Answer | None) -> Decide:
    return lambda prepared, statement: None if answer is None else answer == "done"
