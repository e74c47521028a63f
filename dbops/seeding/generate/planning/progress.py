"""A plan while it is being made: what is asked for, whom to ask, and what is decided of the tables so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from dbops.engines.catalog import Catalog, Table, TableName
from dbops.seeding.generate.making.rows import Maker
from dbops.seeding.generate.model import GeneratePlan, Request, TablePlan
from dbops.seeding.generate.planning.choose import Chooser
from dbops.seeding.generate.planning.draft import Draft
from dbops.seeding.generate.probing import Probe


@dataclasses.dataclass
class Progress:
    """What planning a table needs to know of the others.

    :param plans: of the tables that are decided.
    :param unfilled: the tables that get no rows, with the reason.
    :param coming: the tables that get rows in this run, as far as is known now.
    """

    catalog: Catalog
    request: Request
    probe: Probe
    chooser: Chooser
    plans: dict[TableName, TablePlan] = dataclasses.field(default_factory=dict)
    unfilled: dict[TableName, str] = dataclasses.field(default_factory=dict)
    coming: set[TableName] = dataclasses.field(default_factory=set)

    def wanted_rows(self, table: Table) -> int:
        """The rows that were asked for."""
        return self.request.per_table.get(table.id, self.request.rows)

    def unique_in(self, parent: TableName, columns: Sequence[str]) -> bool:
        """Whether columns of a table differ from row to row."""
        table = self.catalog.by_id.get(parent)
        if table is None:
            return True  # a foreign key always refers to a key
        keys = [key for key in table.keys if key.plain]
        return any({*columns} >= {one for one in key.columns if one} for key in keys)

    def values_of(self, draft: Draft, name: str) -> int:
        """How many different values a column of a table in planning has."""
        column = draft.table.column(name)
        assert column is not None
        needed = draft.first + draft.rows
        space = self.chooser.column(draft.table, column, draft.singles.get(name, ()), needed)
        return space.size if space else 0

    def trial(self, *more: TablePlan) -> Maker:
        """Makes the rows of what is planned so far."""
        plans = (*self.plans.values(), *more)
        return Maker(GeneratePlan(self.request.seed, self.request.as_of, plans))
