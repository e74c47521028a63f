"""From psycopg's exceptions to an engine's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.engines.base import ServerError, SessionLost, StatementFailed
from dbops.errors import CannotConnect, DbopsError

if TYPE_CHECKING:
    import psycopg

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"
QUERY_CANCELED = "57014"
# admin shutdown, crash shutdown, cannot connect now, idle session timeout; None: libpq's own words, not the server's
ENDS_SESSION = frozenset({None, "57P01", "57P02", "57P03", "57P05", "08006", "08003"})
# "cannot run inside a transaction block", and a COMMIT where none is allowed
NEEDS_NO_TRANSACTION = frozenset({"25001", "2D000"})


def server_error(error: psycopg.Error) -> ServerError:
    """The fields of an error report (PostgreSQL manual, "Error and Notice Message Fields")."""
    diagnostic = error.diag
    return ServerError(
        message=diagnostic.message_primary or str(error).strip(),
        sqlstate=error.sqlstate,
        detail=diagnostic.message_detail,
        hint=diagnostic.message_hint,
        context=diagnostic.context,
        position=int(diagnostic.statement_position) if diagnostic.statement_position else None,
        internal_query=diagnostic.internal_query,
    )


def session_lost(error: psycopg.Error, *, outcome_unknown: bool = False) -> SessionLost:
    """For a connection that broke: the first line of what libpq says of it."""
    return SessionLost(str(error).strip().partition("\n")[0], outcome_unknown=outcome_unknown)


def raise_told(error: BaseException | None) -> None:
    """Return, unless it is a failure of the server or the connection that nobody has put into words yet.

    :raises DbopsError: in its place; what was not committed is not there.
    """
    import psycopg

    from dbops.engines.postgres.remedies import statement_hint

    if isinstance(error, psycopg.Error):
        error = session_lost(error) if error.sqlstate in ENDS_SESSION else StatementFailed(server_error(error))
    if isinstance(error, SessionLost):
        raise CannotConnect(
            f"the connection was lost: {error}", hint="bin/migrate status, once the server is back"
        ) from error
    if isinstance(error, StatementFailed):
        detail = f"  SQLSTATE: {error.error.sqlstate}" if error.error.sqlstate else None
        raise DbopsError(error.error.message, detail=detail, hint=statement_hint(error.error, "VERSION")) from error
