"""Filling a plan's tables, each in a savepoint: what fails is named with the server's reason, the rest is filled."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import Catalog, Table, TableName
from dbops.events import Detail, Listener, Warned, ignore
from dbops.seeding.fill import FillOptions, SeedFailed, TableReport, fill
from dbops.seeding.generate.columns import NOTHING
from dbops.seeding.generate.model import GeneratePlan, Own, Reference, TablePlan, Unfilled
from dbops.seeding.generate.source import GenerateSource
from dbops.seeding.generate.spaces import Numbers

if TYPE_CHECKING:
    import psycopg

# SQLSTATE classes: connection, transaction rollback (deadlock), resources (full disk), operator intervention, system.
_NOT_OF_ROWS = ("08", "40", "53", "57", "58")


_MOST_AT_ONCE = 20_000
"""Rows that are written again, table by table, if a table in a batch is refused."""

_RESERVE = """
select setval(c.oid::regclass, case when s.increment_by > 0 then greatest(%(last)s::bigint, s.last_value)
    else least(%(last)s::bigint, s.last_value) end)
from pg_catalog.pg_sequences as s
join pg_catalog.pg_class as c on c.relname = s.sequencename
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = s.schemaname
where s.schemaname = %(schema)s and s.sequencename = %(name)s and %(last)s between s.min_value and s.max_value
"""


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
    connection: psycopg.Connection[Any],
    plan: GeneratePlan,
    options: FillOptions = FillOptions(),  # noqa: B008  # frozen
    listen: Listener = ignore,
) -> Outcome:
    """Fill the plan's tables inside the transaction that the caller has opened.

    A table whose rows the server refuses stays as it was, and so do those that cannot do without its rows.
    Sequences are set past the plan's values first, which a rollback does not take back.

    :raises psycopg.Error: the server is gone, or refuses what is not about a table's rows.
    """
    return _Filling(connection, plan, options, listen).run()


class _Filling:
    def __init__(
        self, connection: psycopg.Connection[Any], plan: GeneratePlan, options: FillOptions, listen: Listener
    ) -> None:
        self.connection, self.plan, self.options, self.listen = connection, plan, options, listen
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
            schema, name = column.sequence
            self.connection.execute(_RESERVE, {"last": last, "schema": schema, "name": name})

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
            self.listen(Warned(f"{'.'.join(failed)} gets no rows: {reason}"))
            del self.tables[failed]

    def _attempt(self, source: GenerateSource, names: list[TableName]) -> tuple[TableName, str] | None:
        """Fill tables in a savepoint; the one that fails, with the reason."""
        import psycopg

        try:
            with self.connection.transaction():
                reports = self._filled(source, [self.tables[name] for name in names])
        except SeedFailed as error:
            table = error.table if error.table in names else names[0]
            return table, " ".join(": ".join(filter(None, (error.message, error.detail))).split())
        except psycopg.DatabaseError as error:
            if self.connection.closed or (error.sqlstate or "").startswith(_NOT_OF_ROWS):
                raise
            return names[0], " ".join(str(error).split())
        self.reports += reports
        return None

    def _filled(self, source: GenerateSource, tables: Sequence[TablePlan]) -> tuple[TableReport, ...]:
        waiting = [(one.table, key) for one in tables for key in one.references if key.backward]
        options = self.options
        if waiting:
            options = dataclasses.replace(options, rebuild="never")
        loosened = [(table, key) for table, key in waiting if self._wait(table, key)]
        report = fill(self.connection, source, options, self.listen)
        for table, key in loosened:
            self._alter(table, key, "NOT DEFERRABLE")
        return report.tables

    def _wait(self, table: TableName, key: Reference) -> bool:
        """Let a constraint be checked at the end; whether it was altered for that."""
        from psycopg import sql

        constraint = next(one for one in self._catalog_table(table).foreign_keys if one.name == key.name)
        if not constraint.deferrable:
            self._alter(table, key, "DEFERRABLE INITIALLY DEFERRED")
        name = sql.Identifier(table[0], key.name)
        self.connection.execute(sql.SQL("SET CONSTRAINTS {} DEFERRED").format(name))
        return not constraint.deferrable

    def _alter(self, table: TableName, key: Reference, to: str) -> None:
        from psycopg import sql

        statement = sql.SQL("ALTER TABLE {} ALTER CONSTRAINT {} " + to)
        self.connection.execute(statement.format(sql.Identifier(*table), sql.Identifier(key.name)))

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
                parent = ".".join(reference.table)
                self.unfilled[name] = f"{reference.name} needs rows of {parent}, which got none"
                self.listen(Warned(f"{'.'.join(name)} gets no rows: {self.unfilled[name]}"))
                del self.tables[name]
                return False
            planned = _without(planned, reference)
            self.listen(
                Detail(
                    f"{'.'.join(name)}: {reference.name} is NULL, as {'.'.join(reference.table)} got no rows"
                )
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
