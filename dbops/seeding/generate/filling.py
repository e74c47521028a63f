"""Filling a plan's tables, each in a savepoint: what fails is named with the server's reason, the rest is filled."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from dbops.engines.catalog import Catalog, ForeignKey, Table, TableName
from dbops.events import Detail, Listener, Warned, ignore
from dbops.seeding.fill import FillOptions, SeedFailed, TableReport, Writer, fill
from dbops.seeding.fill.model import label
from dbops.seeding.generate.making.source import GenerateSource
from dbops.seeding.generate.model import GeneratePlan, Own, Reference, TablePlan, Unfilled
from dbops.seeding.generate.planning.columns import NOTHING
from dbops.seeding.generate.spaces.plain import Numbers

_MOST_AT_ONCE = 20_000
"""Rows that are written again, table by table, if a table in a batch is refused."""


class GeneratingEngine(Writer, Protocol):
    """What filling tables of any schema asks of a database engine, besides writing rows."""

    def savepoint(self) -> AbstractContextManager[object]:
        """Take back what is written within where it fails.

        :raises SeedFailed: in place of the engine's own error about rows.
        """

    def reserve(self, sequence: TableName, last: int) -> None:
        """Set a sequence past a value, if it can have it and is not beyond it."""

    def until_the_end(self, table: TableName, key: ForeignKey) -> AbstractContextManager[None]:
        """Let rows break a foreign key until all rows of this transaction are in."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came into each table, which tables got fewer rows than were asked for, and which nothing, with the reason."""

    tables: tuple[TableReport, ...]
    unfilled: tuple[Unfilled, ...]
    fewer: tuple[Fewer, ...] = ()


@dataclasses.dataclass(frozen=True)
class Fewer:
    """A table that got fewer rows than were asked for, and why."""

    table: TableName
    rows: int
    wanted: int
    reason: str


def generate(
    engine: GeneratingEngine,
    plan: GeneratePlan,
    options: FillOptions = FillOptions(),  # noqa: B008  # frozen
    listen: Listener = ignore,
) -> Outcome:
    """Fill the plan's tables inside the transaction that the caller has opened.

    A table whose rows the server refuses stays as it was, and so do those that cannot do without its rows.
    Sequences are set past the plan's values first, which a rollback does not take back.

    What is not about a table's rows is raised as the engine raises it.
    """
    return _Filling(engine, plan, options, listen).run()


class _Filling:
    def __init__(
        self, engine: GeneratingEngine, plan: GeneratePlan, options: FillOptions, listen: Listener
    ) -> None:
        self.engine, self.plan, self.options, self.listen = engine, plan, options, listen
        self.catalog: Catalog = plan.catalog
        self.tables = {one.table: one for one in plan.tables}
        self.unfilled = {one.table: one.reason for one in plan.unfilled}
        self.reports: list[TableReport] = []

    def run(self) -> Outcome:
        for table in self.plan.tables:
            self._reserve(table)
        for batch in batches(groups(self.plan.tables), self.tables):
            self._batch(batch)
        unfilled = tuple(Unfilled(table, reason) for table, reason in self.unfilled.items())
        fewer = tuple(short for one in self.reports if (short := self._short(one)) is not None)
        return Outcome(tuple(self.reports), unfilled, fewer)

    def _short(self, report: TableReport) -> Fewer | None:
        planned = self.tables[report.table]
        if report.rows >= planned.wanted:
            return None
        reason = "; ".join(planned.notes) or "no more were found that satisfy its keys and checks"
        return Fewer(report.table, report.rows, planned.wanted, reason)

    def _reserve(self, planned: TablePlan) -> None:
        """Set the sequences of a table past the values to come: its triggers, or another's, may take from them."""
        for column in self.catalog.by_id[planned.table].columns:
            maker = planned.makers.get(column.name)
            space = maker.space if isinstance(maker, Own) else None
            if column.sequence is None or not isinstance(space, Numbers):
                continue
            last = space.low + (planned.first + planned.rows - 1) * space.step
            self.engine.reserve(column.sequence, last)

    def _batch(self, batch: list[list[TableName]]) -> None:
        """Fill tables at one go, as long as nothing is refused; else go together only those that must."""
        together = [name for group in batch for name in group if self._still(name)]
        if len(batch) > 1 and together and self._attempt(self._source(together), together) is None:
            return
        for group in batch:
            self._group(group)

    def _source(self, names: list[TableName]) -> GenerateSource:
        return GenerateSource(dataclasses.replace(self.plan, tables=tuple(self.tables.values())), names)

    def _group(self, names: list[TableName]) -> None:
        """Fill tables that go together; without the one that fails the others are tried again."""
        while names := [name for name in names if self._still(name)]:
            failure = self._attempt(self._source(names), names)
            if failure is None:
                return
            failed, reason = failure
            self.unfilled[failed] = reason
            self.listen(Warned(f"{label(failed)} gets no rows: {reason}"))
            del self.tables[failed]

    def _attempt(self, source: GenerateSource, names: list[TableName]) -> tuple[TableName, str] | None:
        """Fill tables in a savepoint; the one that fails, with the reason."""
        try:
            with self.engine.savepoint():
                reports = self._filled(source, [self.tables[name] for name in names])
        except SeedFailed as error:
            table = error.table if error.table in names else names[0]
            return table, " ".join(": ".join(filter(None, (error.message, error.detail))).split())
        self.reports += reports
        return None

    def _filled(self, source: GenerateSource, tables: Sequence[TablePlan]) -> tuple[TableReport, ...]:
        waiting = [(one.table, key) for one in tables for key in one.references if key.backward]
        options = self.options
        if waiting:
            options = dataclasses.replace(options, rebuild="never")
        with ExitStack() as stack:
            for table, key in waiting:
                stack.enter_context(self.engine.until_the_end(table, self._foreign_key(table, key)))
            return fill(self.engine, source, options, self.listen).tables

    def _foreign_key(self, table: TableName, key: Reference) -> ForeignKey:
        return next(one for one in self._catalog_table(table).foreign_keys if one.name == key.name)

    def _catalog_table(self, table: TableName) -> Table:
        return self.catalog.by_id[table]

    # -- what depends on what failed ------------------------------------------------------------------

    def _still(self, name: TableName) -> bool:
        """Whether a table can still be filled; a reference to one that failed becomes NULL where it may."""
        planned = self.tables.get(name)
        if planned is None:
            return False
        for reference in planned.references:
            if reference.existing or reference.table in self.tables:
                continue
            loose = [column for column in reference.columns if self._may_be_null(name, column)]
            if not loose:
                parent = label(reference.table)
                self.unfilled[name] = f"{reference.name} needs rows of {parent}, which got none"
                self.listen(Warned(f"{label(name)} gets no rows: {self.unfilled[name]}"))
                del self.tables[name]
                return False
            planned = _without(planned, reference)
            self.listen(
                Detail(f"{label(name)}: {reference.name} is NULL, as {label(reference.table)} got no rows")
            )
        self.tables[name] = planned
        return True

    def _may_be_null(self, name: TableName, column: str) -> bool:
        found = self.catalog.by_id[name].column(column)
        return found is not None and not found.not_null


def _without(planned: TablePlan, reference: Reference) -> TablePlan:
    """The plan with NULL in place of a reference."""
    kept = tuple(one for one in planned.references if one.name != reference.name)
    others = {column for one in kept for column in one.columns}
    makers = {**planned.makers, **{column: NOTHING for column in reference.columns if column not in others}}
    keys = tuple(key for key in planned.keys if reference.name not in key.units)
    return dataclasses.replace(planned, references=kept, makers=makers, keys=keys)


def batches(
    found: Sequence[list[TableName]], tables: Mapping[TableName, TablePlan]
) -> list[list[list[TableName]]]:
    """Groups that are filled at one go, as each fill costs some questions to the server: those of few rows."""
    made: list[list[list[TableName]]] = []
    room = 0
    for group in found:
        rows = sum(tables[name].rows for name in group)
        if rows > room:
            made.append([])
            room = _MOST_AT_ONCE
        room -= rows
        made[-1].append(group)
    return made


def groups(tables: Sequence[TablePlan]) -> list[list[TableName]]:
    """The tables in order, those together that wait for each other."""
    places = {one.table: place for place, one in enumerate(tables)}
    found: list[list[TableName]] = []
    reach = -1
    for place, one in enumerate(tables):
        if place > reach:
            found.append([])
        found[-1].append(one.table)
        awaited = [places[key.table] for key in one.references if key.backward and key.table in places]
        reach = max(reach, *awaited, place)
    return found
