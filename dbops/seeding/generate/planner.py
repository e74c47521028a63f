"""Decide how a database is filled: a frozen plan, made from the catalog and from looking at the rows it has."""

from __future__ import annotations

from dbops.engines.catalog import Catalog, Table, TableName
from dbops.seeding.generate.making.rows import CircularValues
from dbops.seeding.generate.model import GeneratePlan, Request, TablePlan, Unfilled
from dbops.seeding.generate.planning.beside import beside
from dbops.seeding.generate.planning.choose import Chooser
from dbops.seeding.generate.planning.columns import choose_columns
from dbops.seeding.generate.planning.combinations import choose_combinations
from dbops.seeding.generate.planning.draft import CannotFill, Draft
from dbops.seeding.generate.planning.exclusions import keep_apart
from dbops.seeding.generate.planning.finishing import finished
from dbops.seeding.generate.planning.keys import choose_keys
from dbops.seeding.generate.planning.order import Backward, filling_order
from dbops.seeding.generate.planning.progress import Progress
from dbops.seeding.generate.planning.references import choose_references, link_references
from dbops.seeding.generate.planning.room import fit
from dbops.seeding.generate.planning.sequels import births
from dbops.seeding.generate.planning.sorting import find_never_null, sort_rules
from dbops.seeding.generate.probing import Probe


def plan(catalog: Catalog, request: Request, probe: Probe) -> GeneratePlan:
    """Decide for every table how its rows are made; what cannot be filled is named with the reason.

    Reads the tables' counts and samples of the keys of parents that are not filled themselves; writes nothing.
    """
    progress = Progress(catalog, request, probe, Chooser(request.seed, request.as_of, probe))
    order, backward = filling_order([table for table in catalog.tables if _asked_for(progress, table)])
    progress.coming = {table.id for table in order}
    for table in order:
        try:
            progress.plans[table.id] = _either(progress, table, backward)
        except (CannotFill, CircularValues) as reason:
            progress.unfilled[table.id] = str(reason)
            progress.coming.discard(table.id)
    while (circular := _circular(progress)) is not None:
        table_id, why = circular
        progress.unfilled[table_id] = why
        del progress.plans[table_id]
    unfilled = tuple(Unfilled(name, reason) for name, reason in progress.unfilled.items())
    return GeneratePlan(request.seed, request.as_of, tuple(progress.plans.values()), unfilled, catalog)


def _asked_for(progress: Progress, table: Table) -> bool:
    request = progress.request
    chosen = not request.only or table.id in request.only
    return chosen and table.id not in request.skip and progress.wanted_rows(table) > 0


def _either(progress: Progress, table: Table, backward: Backward) -> TablePlan:
    """With the parents' rows that come; where no row can be made of those, with the ones that are there."""
    try:
        return _table(progress, table, backward)
    except CannotFill:
        parents = {key.table for key in table.foreign_keys if key.table != table.id}
        if any((table.id, key.name) in backward for key in table.foreign_keys) or not any(
            progress.probe.count(parent) for parent in parents & progress.coming
        ):
            raise
        coming, progress.coming = progress.coming, progress.coming - parents
        try:
            return _table(progress, table, backward)
        finally:
            progress.coming = coming


def _table(progress: Progress, table: Table, backward: Backward) -> TablePlan:
    """Each step decides some columns, and leaves to the next what it cannot.

    :raises CannotFill: no row can be made.
    """
    if not table.insertable:
        raise CannotFill("this role may not insert into it")
    chooser, probe = progress.chooser, progress.probe
    draft = Draft(table, progress.wanted_rows(table), probe.count(table.id))
    if draft.rows <= 0:
        raise CannotFill("no rows were asked for")
    choose_references(draft, progress, backward)
    keep_apart(draft, chooser)
    sort_rules(draft, probe.checks_of_partitions(table))
    find_never_null(draft, probe)
    link_references(draft)
    unsure = choose_keys(draft, progress)
    choose_combinations(draft, chooser)
    choose_columns(draft, chooser, births(draft, progress.plans))
    fit(draft, progress)
    return beside(finished(draft, progress), unsure, progress)


def _circular(progress: Progress) -> tuple[TableName, str] | None:
    """A table whose values follow from each other in a circle, and why; what refers to it is left to the filling."""
    maker = progress.trial()
    for planned in progress.plans.values():
        if not any(one.backward or one.late for one in planned.references):
            continue
        try:
            for one in planned.references:
                for column in one.columns:
                    maker.block(planned.table, 0).candidates(column)
        except CircularValues as circle:
            return planned.table, str(circle)
        except KeyError:  # its parent was such a table
            return planned.table, "its parent gets no rows"
    return None
