"""Failures that no migration is to blame for, put into words for people."""

from __future__ import annotations

from dbops.engines.base import ServerError, SessionLost, StatementFailed
from dbops.engines.postgres.failure import ENDS_SESSION
from dbops.errors import CannotConnect, DbopsError


def raise_told(error: BaseException) -> None:
    """Return, unless it is a failure of the server or the connection that nobody has put into words yet.

    :raises DbopsError: in its place; what was not committed is not there.
    """
    import psycopg

    of_server = isinstance(error, psycopg.Error) and error.pgresult is not None
    if not of_server and not isinstance(error, (psycopg.OperationalError, SessionLost, StatementFailed)):
        return
    from dbops.engines.postgres.remedies import remedy
    from dbops.engines.postgres.wire import server_error

    if isinstance(error, psycopg.Error) and error.pgresult is not None:
        told = server_error(error.pgresult)
    else:
        told = error.error if isinstance(error, StatementFailed) else ServerError(first_line(error))
    if told.sqlstate is None or told.sqlstate in ENDS_SESSION:
        hint = "bin/migrate status, once the server is back"
        raise CannotConnect(f"the connection was lost: {told.message}", hint=hint) from error
    detail = f"  SQLSTATE: {told.sqlstate}"
    raise DbopsError(told.message, detail=detail, hint=remedy(told)) from error


def first_line(error: BaseException) -> str:
    """libpq explains a lost connection in several lines, and the first says it."""
    return str(error).strip().partition("\n")[0]
