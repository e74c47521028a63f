"""What the server says of a refused row, read in whatever language it speaks."""

from __future__ import annotations

import pytest

from dbops.seeding.postgres.refusal import _column, _line

CONTEXTS = [
    ("COPY orders, line 17", "orders", 17, None),
    ('COPY orders, line 17, column price: "x"', "orders", 17, "price"),
    ('COPY orders, строка 17, столбец price: "x: y"', "orders", 17, "price"),
    ('COPY t2, line 3, column a b: ""', "t2", 3, "a b"),
    ("COPY a.b (c), line 5: \"1, line 9\"", "a.b (c)", 5, None),
    ("SQL statement \"insert\"\nPL/pgSQL function f() line 4 at RETURN\nCOPY t, line 8: \"8\"", "t", 8, None),
    ('SQL statement "SELECT 1 FROM ONLY public.t x"', "t", None, None),
    ("", "t", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("context", "table", "line", "column"), CONTEXTS)
def test_line_and_column(context: str, table: str, line: int | None, column: str | None) -> None:
    """The line of COPY, not that of a function; the column where the server names one."""
    assert _line(context, table) == line
    assert _column(context, table) == column
