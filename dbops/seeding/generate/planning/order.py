"""In which order tables are filled, and which foreign keys must wait because their tables refer to each other."""

from __future__ import annotations

from collections.abc import Sequence

from dbops.engines.catalog import ForeignKey, Table, TableName

Backward = frozenset[tuple[TableName, str]]
"""Foreign keys (table, name) whose parent is filled later."""


def filling_order(tables: Sequence[Table]) -> tuple[list[Table], Backward]:
    """Parents first.  A circle is broken where it costs least: nullable columns, then what can be deferred."""
    left = {table.id: table for table in tables}
    order: list[Table] = []
    backward: set[tuple[TableName, str]] = set()

    def waiting(table: Table) -> list[ForeignKey]:
        return [key for key in table.foreign_keys if key.table in left and key.table != table.id]

    while left:
        ready = [table for table in left.values() if not waiting(table)]
        if not ready:
            circle = [table for table in left.values() if _reaches(table.id, left)]
            chosen = min(
                circle, key=lambda table: (sum(_cost(table, key) for key in waiting(table)), table.id)
            )
            backward |= {(chosen.id, key.name) for key in waiting(chosen)}
            ready = [chosen]
        for table in ready:
            order.append(table)
            del left[table.id]
    return order, frozenset(backward)


def _reaches(start: TableName, left: dict[TableName, Table]) -> bool:
    """Whether the table is part of a circle of more than itself."""
    seen: set[TableName] = set()
    todo = [start]
    while todo:
        at = todo.pop()
        for key in left[at].foreign_keys:
            if key.table == start and at != start:
                return True
            if key.table in left and key.table not in seen:
                seen.add(key.table)
                todo.append(key.table)
    return False


def _cost(table: Table, key: ForeignKey) -> int:
    columns = [table.column(name) for name in key.columns]
    if all(column is not None and not column.not_null for column in columns):
        return 1
    return 3 if key.deferrable else 10 if table.owned else 1000
