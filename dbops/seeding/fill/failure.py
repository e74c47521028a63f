"""A row that the server refuses, in words: which table, row and column, and which constraint it breaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dbops.engines.catalog import TableName
from dbops.seeding.fill.model import SeedFailed, label

if TYPE_CHECKING:
    import psycopg

# SQLSTATE classes: data exception, integrity constraint, transaction rollback by a check, raised by PL/pgSQL,
# WITH CHECK OPTION (row security comes with 42501).
_OF_ROWS = ("22", "23", "27", "38", "39", "44", "P0")


def refused(error: psycopg.Error, table: TableName, before: int) -> SeedFailed | None:
    """The error in place of the server's; None where it is not about rows.

    :param before: rows of this table that earlier COPYs have written, which the server's line number does not count.
    """
    state = error.sqlstate or ""
    if not state.startswith(_OF_ROWS) and state != "42501":
        return None
    said = error.diag
    context = said.context or ""
    line = _line(context, table[1])
    row = None if line is None else before + line
    where = label((said.schema_name or table[0], said.table_name or table[1]) if row is None else table)
    if row is not None:
        where += f", row {row}"
    column = said.column_name or _column(context, table[1])
    if column:
        where += f", column {column}"
    facts = {"constraint": said.constraint_name, "detail": said.message_detail, "SQLSTATE": state}
    detail = "\n".join(f"  {name}: {value}" for name, value in facts.items() if value)
    return SeedFailed(
        f"{where}: {said.message_primary}",
        detail=detail,
        table=table,
        row=row,
        column=column,
        constraint=said.constraint_name,
    )


def _line(context: str, table: str) -> int | None:
    """`COPY orders, line 17, column price: "x"`, in whatever language the server speaks."""
    found = re.search(rf"^COPY {re.escape(table)}, \D*(\d+)", context, re.MULTILINE)
    return int(found[1]) if found else None


def _column(context: str, table: str) -> str | None:
    found = re.search(rf"^COPY {re.escape(table)}, \D*\d+, \S+ (.+?): ", context, re.MULTILINE)
    return found[1] if found else None
