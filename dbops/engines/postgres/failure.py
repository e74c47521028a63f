"""From psycopg's exceptions to an engine's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.engines.base import ServerError

if TYPE_CHECKING:
    import psycopg

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"
QUERY_CANCELED = "57014"
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
