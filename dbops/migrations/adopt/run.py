"""Takes over another tool's history: finds it, keeps the tool out, plans, and records in one transaction."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.engines.log import DeleteRow, ForeignStatement, LogEntry, Record
from dbops.engines.records import Action, Applied
from dbops.events import Listener, Warned
from dbops.migrations.adopt import plan as planning
from dbops.migrations.adopt.find import AUTO, find
from dbops.migrations.adopt.locks import held
from dbops.migrations.adopt.model import Adopted, AdoptPlan, FoundTable, History, Mirrored, TableName
from dbops.migrations.adopt.plan import Verdicts
from dbops.migrations.prepare import recorded_row
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.config.model import Settings
    from dbops.engines.neighbour import Neighbour
    from dbops.engines.records import Recorded
    from dbops.migrations.adopt.tools.base import Tool
    from dbops.migrations.model import Folder, MigrationFile


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the operator asks for.

    :param tool: whose history, `auto` to find out.
    :param table: where, None for where the tool has it.
    :param mirror: keep the other table in step from now on; None leaves it as it is.
    :param accept_changed: take files as they are whose checksums differ.
    """

    tool: str = AUTO
    table: TableName | None = None
    verdicts: Verdicts = dataclasses.field(default_factory=Verdicts)
    mirror: bool | None = None
    accept_changed: bool = False


class Neighbourhood:
    """One other tool's table beside dbops', and the files that both are about."""

    def __init__(
        self, session: Neighbour, folder: Folder, tool: Tool, found: FoundTable, listen: Listener
    ) -> None:
        self.session = session
        self.tool = tool
        self.table = found.table
        self.files: Sequence[MigrationFile] = folder.files
        self._found = found
        self._listen = listen

    @classmethod
    def find(
        cls, session: Neighbour, settings: Settings, folder: Folder, wishes: Wishes, listen: Listener
    ) -> Neighbourhood:
        """Look for the table.

        :raises DbopsError: where there is none, or more than one.
        """
        tool, found = find(session.query, wishes.tool, wishes.table)
        return cls(session, folder, tool.of_project(settings), found, listen)

    def held(self) -> contextlib.AbstractContextManager[None]:
        """The other tool's own lock.

        :raises LockNotAcquired: after the deadline, naming who holds it.
        """
        return held(self.session, self.tool, self._found, self._listen)

    def history(self) -> History:
        """What the other tool's table says now."""
        return self.tool.read(self.session.query, self.table)

    def plan(self, wishes: Wishes, recorded: Recorded) -> AdoptPlan:
        """What taking over comes to.

        :raises Refused: where rows are in doubt or files were changed, and the operator has not decided.
        """
        history, settled = planning.settle(self.history(), self.files, wishes.verdicts)
        was_on = recorded.mirror is not None
        on = was_on if wishes.mirror is None else wishes.mirror
        made = planning.make_plan(
            history, self.files, recorded.rows, self.tool, was_mirrored=was_on, mirror=on
        )
        made, said = planning.compare_checksums(
            made, self._checksums(history), self.tool, accept=wishes.accept_changed
        )
        for text in said:
            self._listen(Warned(f"{text}; taken as it is"))
        return dataclasses.replace(made, settled=settled if on else ())

    def _checksums(self, history: History) -> Mapping[str, str]:
        if all(entry.checksum is None for entry in history.entries):
            return {}
        if not self._computed:
            self._listen(
                Warned(f"how the checksums of {self.table} were computed is not known: none was compared")
            )
        return self._computed

    def records(self, plan: AdoptPlan, recorded: Recorded) -> Iterator[Record]:
        """What is written for a plan, into dbops' tables and, with a mirror, into the other's."""
        detail = {"tool": plan.tool, "table": str(plan.table)}
        for one in plan.record:
            yield self._row(one)
            yield LogEntry(Action.ADOPTED, one.version.text, one.name, detail=detail, duration_ms=0)
        for version in plan.forget:
            yield DeleteRow(version.text)
            undone = {**detail, "undone": True}
            yield LogEntry(Action.ADOPTED, version.text, detail=undone, duration_ms=0)
        if plan.mirror:
            yield from self._written(plan, recorded)
        counts = {"recorded": len(plan.record), "known": len(plan.known)}
        yield LogEntry(Action.ADOPTED, detail={**detail, "mirror": plan.mirror, **counts}, duration_ms=0)

    def _row(self, one: Adopted) -> Applied:
        """The row of a version: with the file's checksums where there is one, and with what the other tool knows."""
        entry = one.entry
        row = recorded_row(one.file) if one.file else Applied(one.version.text, one.version.key, one.name)
        if entry is None:
            return row
        return dataclasses.replace(
            row,
            description=row.description or entry.description,
            applied_at=entry.applied_at,
            applied_by=entry.applied_by,
            execution_time_ms=entry.execution_time_ms or 0,
        )

    def _written(self, plan: AdoptPlan, recorded: Recorded) -> Iterator[Record]:
        """What the other tool does not have yet, and what it was in doubt about."""
        for entry, applied in plan.settled:
            one = self.mirrored(entry.version, entry.name, there=True)
            yield from _foreign(self.tool.settled(one, applied=applied))
        rows = {row.sort_key: row for row in recorded.rows}
        for version in plan.give:
            one = self.mirrored(version, rows[version.key].name)
            if one.file is None and self.tool.keyed_by_name:
                self._listen(
                    Warned(
                        f"{version} is not written into {self.table}: its file is gone, and with it its name"
                    )
                )
            else:
                yield from self.applied(one)

    @functools.cached_property
    def _computed(self) -> Mapping[str, str]:
        """The checksums of all files, as the other tool computes them."""
        return self.tool.checksums(self.files, self.history().entries)

    # -- the other tool's own terms --------------------------------------------------------------------------------

    def mirrored(self, version: Version, name: str, *, there: bool = False) -> Mirrored:
        """A migration as the other tool would be told of it.

        :param there: the tool should have a row of it, which tells best what it is called.
        """
        file = next((file for file in self.files if file.version == version), None)
        given = None
        if there or file is None:
            given = next((entry.id for entry in self.history().entries if entry.version == version), None)
        return Mirrored(
            self.table,
            given or (self.tool.id(file) if file else version.text),
            version,
            name,
            self.session.rows_table,
            file,
            self._computed.get(self.tool.id(file)) if file else None,
        )

    def applied(self, one: Mirrored) -> Iterator[ForeignStatement]:
        """What records a migration over there."""
        return _foreign(self.tool.applied(one))

    def reverted(self, one: Mirrored) -> Iterator[ForeignStatement]:
        """What takes the record away over there."""
        return _foreign(self.tool.reverted(one))


def _foreign(statements: Sequence[sql.Composed]) -> Iterator[ForeignStatement]:
    return (ForeignStatement(text.as_string(None)) for text in statements)


def look(
    session: Neighbour, settings: Settings, folder: Folder, wishes: Wishes, listen: Listener
) -> AdoptPlan:
    """What `adopt` would do, as far as can be seen without a lock.

    :raises DbopsError: where it could not be done.
    """
    session.stand_beside()
    recorded = session.read()
    there = Neighbourhood.find(session, settings, folder, _as_before(wishes, recorded), listen)
    return there.plan(wishes, recorded)


def adopt(
    session: Neighbour,
    settings: Settings,
    folder: Folder,
    wishes: Wishes,
    listen: Listener,
    show: Callable[[AdoptPlan], None],
) -> AdoptPlan:
    """Take the history over, holding dbops' own lock and the other tool's.

    :param show: is given the plan before anything is written.
    :raises DbopsError: where it cannot be done; nothing is left but, at most, empty tracking tables.
    """
    session.stand_beside()
    there = Neighbourhood.find(session, settings, folder, _as_before(wishes, session.read()), listen)
    session.acquire_lock()
    with there.held():
        recorded = session.read()
        made = there.plan(wishes, recorded)
        show(made)
        mirror_changes = made.mirror != (recorded.mirror is not None)
        made_tables = session.initialise()
        if made_tables:
            session.log(LogEntry(Action.INITIALISED))
        if made_tables or made.record or made.forget or made.give or made.settled or mirror_changes:
            session.record(list(there.records(made, recorded)))
    return made


def end_mirror(session: Neighbour) -> bool:
    """Stop keeping a table in step that is not there any more; False where none was."""
    told = session.read().mirror
    if told is not None:
        detail = {"tool": told.tool, "table": told.table, "mirror": False}
        session.log(LogEntry(Action.ADOPTED, detail=detail, duration_ms=0))
    return told is not None


def _as_before(wishes: Wishes, recorded: Recorded) -> Wishes:
    """A table that is kept in step is the one that is meant, unless another one is named."""
    if recorded.mirror is None or wishes.tool != AUTO or wishes.table is not None:
        return wishes
    told = recorded.mirror
    return dataclasses.replace(wishes, tool=told.tool, table=TableName.parse(told.table))
