"""One round: up, down, up, down, up, and after each the schema held against what it should be.

The first down comes at once, so that what the up itself has done to the values shows; before the second one rows are
added as they come after a migration, which the down may not expect, and which a rollback may lose.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dbops.engines.base import Trouble
from dbops.engines.schema import Schema, differences
from dbops.errors import DbopsError
from dbops.migrations import texts
from dbops.migrations.model import MigrationFile
from dbops.migrations.planner import Work
from dbops.safety.rounds import section
from dbops.safety.rounds.model import After, Bare, Failure, Found, Lost, Round, Verdict, Way, Wishes
from dbops.safety.rounds.rows import Contents, Rows, lost

if TYPE_CHECKING:
    from dbops.engines.base import ServerError
    from dbops.engines.catalog import Table, TableName
    from dbops.engines.session import Session
    from dbops.safety.rounds.scratch import Copy


@dataclasses.dataclass
class One:
    """A round in the making, in a copy that is thrown away afterwards unless all is well.

    `before` is the schema that is there, where it is known, `after` the one that the up has made.
    """

    copy: Copy[Session]
    file: MigrationFile
    wishes: Wishes
    with_rows: bool
    found: list[Found] = dataclasses.field(default_factory=list)
    lost: tuple[Lost, ...] = ()
    bare: tuple[Bare, ...] = ()
    before: Schema | None = None
    after: Schema | None = None

    def run(self) -> Round:
        """Go through with it as far as the sections run."""
        try:
            verdict, failure = self._verdict(), None
        except SectionFailed as failed:
            # Where the down has left something, that is why the up does not run again.
            verdict = Verdict.DIFFERS if self.found else failed.verdict
            failure = failed.failure
        return Round(self.file, verdict, tuple(self.found), failure, self.lost, self.bare)

    def _verdict(self) -> Verdict:
        before = self.before or self.copy.looker.schema()
        there = self._first_up(before, self._filled(before, 1))
        after = self.after = self.copy.looker.schema()
        has_down = texts.read(self.file).down is not None
        if has_down:
            self._back_and_forth(before, after, there)
        if self.wishes.twice:
            self._section(Work.RUN_UP, Verdict.UP_AGAIN_FAILS)
            self._compare(After.UP_TWICE, after)
        if self.found:
            return Verdict.DIFFERS
        return Verdict.COMES_BACK if has_down else Verdict.NO_DOWN

    def _back_and_forth(self, before: Schema, after: Schema, there: Contents) -> None:
        self._section(Work.RUN_DOWN, Verdict.DOWN_FAILS)
        back = self._compare(After.DOWN, before)
        self.lost += self._lost(there, back, Way.UP_AND_DOWN)
        self._section(Work.RUN_UP, Verdict.UP_AGAIN_FAILS)
        again = self._compare(After.UP_AGAIN, after)
        values = self._filled(again, 2, since=before)
        self._section(Work.RUN_DOWN, Verdict.DOWN_AGAIN_FAILS)
        self._compare(After.DOWN_AGAIN, back)
        self._section(Work.RUN_UP, Verdict.UP_AGAIN_FAILS)
        again = self._compare(After.UP_AGAIN, again)
        self.lost += self._lost(values, again, Way.DOWN_AND_UP)

    # -- rows ------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> Rows:
        return self.copy.rows

    def _filled(self, schema: Schema, seed: int, since: Schema | None = None) -> Contents:
        """Fill what is bare, or was changed; what is there then."""
        if not self.with_rows:
            return {}
        self._rows.fill(schema, seed, since)
        self._note(self._rows.bare(schema))
        return self._rows.contents(schema)

    def _lost(self, values: Contents, schema: Schema, way: Way) -> tuple[Lost, ...]:
        return lost(values, self._rows.contents(schema), way) if self.with_rows else ()

    def _note(self, bare: tuple[Bare, ...]) -> None:
        known = {one.table for one in self.bare}
        self.bare += tuple(one for one in bare if one.table not in known)

    def _first_up(self, before: Schema, there: Contents) -> Contents:
        """With rows; tables whose rows are to blame that the up does not run are emptied for it.

        Generated rows cannot know of a key or a check that is still to come.

        :param there: what is in the tables; returned as it was when the up ran.
        """
        emptied: set[TableName] = set()
        while True:
            try:
                self._section(Work.RUN_UP, Verdict.UP_FAILS)
            except SectionFailed as failed:
                if not self.with_rows or not self._rows_to_blame(before, failed.refusal):
                    raise
                failed.failure = dataclasses.replace(failed.failure, of_generated=True)
                table = self._meant(before, failed.refusal)
                if table is None or table.id in emptied or self._partly_there():
                    raise
                self._rows.empty(before, table.id)
                there = self._rows.contents(before)
                emptied.add(table.id)
                self._note((Bare(table.label, failed.failure.message),))
            else:
                return there

    def _rows_to_blame(self, before: Schema, refusal: ServerError | None) -> bool:
        """Whether the up may well run with other rows than those that were generated."""
        if refusal is None or refusal.trouble is not Trouble.ROWS:
            return False
        if refusal.table is None or refusal.column is None:
            return True
        table = self._meant(before, refusal)
        return table is not None and table.column(refusal.column) is not None

    def _meant(self, before: Schema, refusal: ServerError | None) -> Table | None:
        """The table that was there before and whose rows are refused, perhaps by another one that takes its name."""
        if refusal is None or refusal.table is None:
            return None
        catalog = self.copy.looker.catalog(before)
        schema, name = refusal.table
        renamed = schema, section.renamed(self.file, name.lower())
        called = (one for one in catalog.tables if (one.schema, one.name.lower()) == renamed)
        return catalog.by_id.get(refusal.table) or next(called, None)

    def _partly_there(self) -> bool:
        """Whether something of a migration that is no transaction was done before it failed."""
        return any(one.version == self.file.version.text for one in self.copy.session.read().journal)

    # -- schema and sections ---------------------------------------------------------------------------

    def _compare(self, after: After, expected: Schema) -> Schema:
        """What is there; it is the expected one itself where it is equal, of which more is known."""
        there = self.copy.looker.schema()
        found = differences(expected, there)
        self.found += [Found(after, one) for one in found]
        return there if found else expected

    def _section(self, work: Work, failing: Verdict) -> None:
        self._rows.forget()
        try:
            section.run(self.copy.session, self.file, work, self.wishes)
        except section.NOT_THE_FILES:
            raise
        except DbopsError as error:
            if section.lacks_room(error):
                raise
            raise SectionFailed(
                failing, Failure(error.message, error.detail), section.refusal(error)
            ) from error


class SectionFailed(Exception):
    """A section does not run.  `refusal` is what the server said, where it was that."""

    def __init__(self, verdict: Verdict, failure: Failure, refusal: ServerError | None) -> None:
        super().__init__(failure.message)
        self.verdict, self.failure, self.refusal = verdict, failure, refusal
