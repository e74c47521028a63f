"""Several statements in one message to the server (the simple query protocol), and which of them failed.

A round trip and the parse, bind and execute messages of every statement cost
more than most statements of a migration do.  psycopg's `execute` sends several
statements likewise, but does not tell how many succeeded before an error,
hence this look underneath it, at its wrapper of libpq.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import generators
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.waiting import Wait

from dbops.engines.base import ServerError
from dbops.engines.postgres.failure import trouble

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn, PGresult

_CHUNK = 128 * 1024
_NO_COPY_DATA = b"a migration file cannot carry the data of a COPY; write INSERT statements"


def exchange(
    connection: psycopg.Connection[Any], query: str, data: str | None = None
) -> tuple[int, ServerError | None]:
    """Send statements separated by semicolons; return how many succeeded, and the server's no if there was one.

    With `data` the query is one COPY FROM STDIN, which takes it in.

    After an error the server executes nothing of what follows.  A syntax error
    anywhere stops all of it.  Positions in the error count from the beginning of `query`.

    :raises psycopg.OperationalError: the connection broke.
    """
    pgconn = connection.pgconn
    encoding = connection.info.encoding
    try:
        message = query.encode(encoding)
    except UnicodeEncodeError as error:
        said = f"{query[error.start]!r} does not exist in {encoding}, the client_encoding that was set"
        return 0, ServerError(said, position=error.start + 1)
    try:
        taken_in = None if data is None else data.encode(encoding)
    except UnicodeEncodeError as error:
        return 0, ServerError(f"{data and data[error.start]!r} among the data does not exist in {encoding}")
    with connection.lock:
        pgconn.send_query(message)
        results = connection.wait(generators.execute(pgconn))
        while results[-1].status in {ExecStatus.COPY_IN, ExecStatus.COPY_OUT}:
            if taken_in is not None and results[-1].status == ExecStatus.COPY_IN:
                results = connection.wait(_copy_in(pgconn, taken_in))
            else:
                results = results[:-1] + _refuse_copy(connection, results[-1])
    # compared by value: the compiled wrapper of libpq gives plain numbers
    if results[-1].status == ExecStatus.FATAL_ERROR:
        return len(results) - 1, server_error(results[-1], encoding)
    return len(results), None


def _copy_in(pgconn: PGconn, data: bytes) -> PQGen[list[PGresult]]:
    """Send all data; the result of the COPY."""
    for start in range(0, len(data), _CHUNK):
        yield from generators.copy_to(pgconn, data[start : start + _CHUNK], flush=True)
    while pgconn.put_copy_end() == 0:
        yield Wait.W
    while pgconn.flush():
        yield Wait.W
    results: list[PGresult] = yield from generators.fetch_many(pgconn)
    return results


def _refuse_copy(connection: psycopg.Connection[Any], result: PGresult) -> list[PGresult]:
    """Send no data and drop what comes; the results from the end of the COPY on, its own the first."""
    if result.status == ExecStatus.COPY_IN:
        connection.pgconn.put_copy_end(_NO_COPY_DATA)
        return connection.wait(generators.fetch_many(connection.pgconn))
    return connection.wait(_drop_copy_data(connection.pgconn))


def _drop_copy_data(pgconn: PGconn) -> PQGen[list[PGresult]]:
    while (size := pgconn.get_copy_data(1)[0]) >= 0:
        if size == 0:
            yield Wait.R
            pgconn.consume_input()
    results: list[PGresult] = yield from generators.fetch_many(pgconn)
    return results


def server_error(result: PGresult, encoding: str = "utf-8") -> ServerError:
    """The fields of an error report (PostgreSQL manual, "Error and Notice Message Fields")."""

    def field(which: DiagnosticField) -> str | None:
        raw = result.error_field(which)
        return None if raw is None else raw.decode(encoding, "replace")

    position, sqlstate = field(DiagnosticField.STATEMENT_POSITION), field(DiagnosticField.SQLSTATE)
    schema, table = field(DiagnosticField.SCHEMA_NAME), field(DiagnosticField.TABLE_NAME)
    return ServerError(
        message=field(DiagnosticField.MESSAGE_PRIMARY)
        or result.error_message.decode(encoding, "replace").strip(),
        sqlstate=sqlstate,
        detail=field(DiagnosticField.MESSAGE_DETAIL),
        hint=field(DiagnosticField.MESSAGE_HINT),
        context=field(DiagnosticField.CONTEXT),
        position=int(position) if position else None,
        internal_query=field(DiagnosticField.INTERNAL_QUERY),
        trouble=trouble(sqlstate),
        table=(schema, table) if schema and table else None,
        column=field(DiagnosticField.COLUMN_NAME),
    )
