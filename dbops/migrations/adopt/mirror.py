"""Another tool's table, kept in step with dbops' own while both tools are in use."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from dbops.engines.neighbour import Neighbour
from dbops.engines.records import Applied, Direction, ForeignTable, Recorded
from dbops.errors import DbopsError, Refused
from dbops.events import Listener, Note, Warned
from dbops.migrations.adopt import plan as planning
from dbops.migrations.adopt.find import NothingToAdopt
from dbops.migrations.adopt.model import AdoptPlan, TableName
from dbops.migrations.adopt.run import Neighbourhood, Wishes

if TYPE_CHECKING:
    from dbops.config.model import Settings
    from dbops.engines.log import Record
    from dbops.engines.session import Session
    from dbops.migrations.model import Folder
    from dbops.migrations.version import Version


class Mirror:
    """What dbops applies and undoes is written over there as well; what was done over there is taken over."""

    def __init__(self, there: Neighbourhood, listen: Listener) -> None:
        self._there = there
        self._listen = listen

    @classmethod
    def open(
        cls, session: Session, settings: Settings, folder: Folder, told: ForeignTable, listen: Listener
    ) -> Mirror:
        """The mirror that the event log tells of.

        :raises Refused: where the other tool's table is gone, or is another one now.
        """
        assert isinstance(session, Neighbour)  # only such an engine tells of a mirror
        wishes = Wishes(told.tool, TableName.parse(told.table))
        try:
            return cls(Neighbourhood.find(session, settings, folder, wishes, listen), listen)
        except NothingToAdopt as error:
            raise Refused(
                f"the table that is to be kept in step is not there any more: {error.message}",
                hint="if the trial is over: bin/migrate adopt --no-mirror",
            ) from error

    def held(self) -> contextlib.AbstractContextManager[None]:
        """The other tool's own lock.

        :raises LockNotAcquired: after the deadline, naming who holds it.
        """
        return self._there.held()

    def seen(self, recorded: Recorded) -> Recorded:
        """What is recorded, with what the other tool has applied and undone since; nothing is written."""
        history = self._there.history()
        doubtful = next((entry for entry in history.entries if entry.doubt), None)
        if doubtful is not None:
            self._listen(Warned(planning.in_doubt(history, doubtful, (doubtful.version,)).message))
            return recorded
        made = planning.make_plan(
            history, self._there.files, recorded.rows, self._there.tool, was_mirrored=True, mirror=True
        )
        self._tell(made)
        gone = {version.key for version in made.forget}
        rows = [row for row in recorded.rows if row.sort_key not in gone]
        for one in made.record:
            at = one.entry.applied_at if one.entry else None
            rows.append(Applied(one.version.text, one.version.key, one.name, applied_at=at))
        return dataclasses.replace(recorded, rows=tuple(sorted(rows, key=lambda row: row.sort_key)))

    def take_over(self, recorded: Recorded) -> None:
        """Record what the other tool has done since.  Both locks must be held.

        :raises Refused: where it is in doubt.
        """
        made = self._there.plan(Wishes(), recorded)
        if made.record or made.forget:
            self._there.session.record(list(self._there.records(made, recorded)))

    def records(self, version: Version, name: str, direction: Direction) -> list[Record]:
        """What the other tool would write of a migration that dbops has applied or undone."""
        down = direction is Direction.DOWN
        one = self._there.mirrored(version, name, there=down)
        return list(self._there.reverted(one) if down else self._there.applied(one))

    def _tell(self, made: AdoptPlan) -> None:
        for done, versions in (("applied", [one.version for one in made.record]), ("undone", made.forget)):
            if versions:
                self._listen(Note(f"{made.tool} has {done} meanwhile: {', '.join(map(str, versions))}"))


def offer(elsewhere: tuple[str, ...]) -> DbopsError:
    """What to say where dbops has recorded nothing, and another tool seems to have."""
    return Refused(
        f"this database has a history of another tool in {', '.join(elsewhere)}, and none of dbops",
        hint="bin/migrate adopt takes it over; if it is about other files than these: bin/migrate init",
    )
