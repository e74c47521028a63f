"""Queries whose answers count and of which nothing stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.base import Answer, SessionLost, Stage, StatementFailed
from dbops.engines.postgres.errors import first_line
from dbops.engines.postgres.failure import ENDS_SESSION
from dbops.engines.postgres.sending import Sender

if TYPE_CHECKING:
    import psycopg
    from psycopg.pq.abc import PGresult

_BOOLEAN = 16  # the type's number in the catalog of every server


def ask(
    connection: psycopg.Connection[Any],
    sender: Sender,
    opening: str,
    queries: Sequence[str],
    judge: Callable[[int, Answer | None], None],
    closing: str,
) -> None:
    """Run queries between two statements, and hand what each returns to `judge`.

    :raises StatementFailed: at `Stage.CHECK`, or what `judge` raises; then all of the transaction is rolled back.
    :raises SessionLost: the connection broke.
    """
    import psycopg

    index = 0
    try:
        connection.execute(opening)
        for index, query in enumerate(queries):
            result = connection.execute(query).pgresult
            judge(index, None if result is None else _answer(result, connection.info.encoding))
        connection.execute(closing)
    except psycopg.Error as error:
        sender.roll_back()
        raise _failed(error, index) from error
    except BaseException:
        sender.roll_back()
        raise


def _answer(result: PGresult, encoding: str) -> Answer | None:
    """What a result holds, as text; None where the statement returns no rows."""
    if not result.nfields:
        return None

    def row(number: int) -> tuple[str | None, ...]:
        values = (result.get_value(number, column) for column in range(result.nfields))
        return tuple(None if value is None else value.decode(encoding, "replace") for value in values)

    refuted = None
    if result.ftype(0) == _BOOLEAN:
        refuted = next(
            (number for number in range(result.ntuples) if result.get_value(number, 0) == b"f"), None
        )
    return Answer(
        result.ntuples, row(0) if result.ntuples else None, None if refuted is None else row(refuted)
    )


def _failed(error: psycopg.Error, index: int) -> Exception:
    from dbops.engines.postgres.wire import server_error

    if error.pgresult is None or error.sqlstate in ENDS_SESSION:
        return SessionLost(first_line(error))
    return StatementFailed(server_error(error.pgresult), stage=Stage.CHECK, index=index)
