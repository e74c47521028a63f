"""Queries whose answers count and of which nothing stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.base import Answer, Stage

if TYPE_CHECKING:
    import sqlite3

    from dbops.engines.sqlite.running import Runner


def ask(
    connection: sqlite3.Connection,
    runner: Runner,
    queries: Sequence[str],
    judge: Callable[[int, Answer | None], None],
    *,
    opening: str,
    closing: Sequence[str],
) -> None:
    """Run queries between statements, and hand what each returns to `judge`.

    :raises StatementFailed: at `Stage.CHECK`, or what `judge` raises; then all of the transaction is rolled back.
    """
    try:
        runner.run(opening, 0, Stage.CHECK)
        for index, query in enumerate(queries):
            with runner.watched(query, index, Stage.CHECK):
                answer = _answer(connection.execute(query))
            judge(index, answer)
        for text in closing:
            runner.run(text, 0, Stage.CHECK)
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _answer(cursor: sqlite3.Cursor) -> Answer | None:
    """What a query returns, as text; None where it returns no rows.  SQLite's word for false is 0."""
    if cursor.description is None:
        return None
    rows, first, refuted = 0, None, None
    for row in cursor:
        rows += 1
        first = first or _shown(row)
        if refuted is None and isinstance(row[0], int) and row[0] == 0:
            refuted = _shown(row)
    return Answer(rows, first, refuted)


def _shown(row: tuple[Any, ...]) -> tuple[str | None, ...]:
    return tuple(
        None if value is None else value.hex() if isinstance(value, bytes) else str(value) for value in row
    )
