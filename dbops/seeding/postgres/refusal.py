"""A row that the server refuses, in words: which table, row and column, and which constraint it breaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dbops.engines.catalog import TableName
from dbops.seeding.fill.model import SeedFailed, label

if TYPE_CHECKING:
    import psycopg

# SQLSTATE classes: data, integrity constraint, triggered data change, routines, WITH CHECK OPTION, PL/pgSQL.
_OF_ROWS = ("22", "23", "27", "38", "39", "44", "P0")


def refused(error: psycopg.Error, table: TableName | None = None, before: int = 0) -> SeedFailed | None:
    """The error in place of the server's; None where it is not about rows.

    :param table: the one that is written; None where rows are checked after.
    :param before: rows of it that earlier COPYs have written, which the server's line number does not count.
    """
    state, said = error.sqlstate or "", error.diag
    if not state.startswith(_OF_ROWS):
        return None
    line = _line(said.context or "", table[1]) if table else None
    row = None if line is None else before + line
    if row is None and said.table_name:
        table = (said.schema_name or "public", said.table_name)
    column = said.column_name or (_column(said.context or "", table[1]) if table else None)
    where = [label(table)] if table else []
    where += [f"row {row}"] if row is not None else []
    where += [f"column {column}"] if column else []
    # The number says nothing where the schema's own function raises, nor a constraint that the message names.
    named = f'"{said.constraint_name}"' in (said.message_primary or "")
    facts = {
        "constraint": None if named else said.constraint_name,
        "detail": said.message_detail,
        "SQLSTATE": None if state == "P0001" else state,
    }
    return SeedFailed(
        f"{', '.join(where) or 'a row'}: {said.message_primary}",
        detail="\n".join(f"  {name}: {value}" for name, value in facts.items() if value),
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
