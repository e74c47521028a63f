"""The SQLSTATEs that dbops acts on (PostgreSQL manual, "PostgreSQL Error Codes")."""

from __future__ import annotations

from dbops.engines.base import Trouble

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"
QUERY_CANCELED = "57014"
# admin shutdown, crash shutdown, cannot connect now, idle session timeout, connection failure
ENDS_SESSION = frozenset({"57P01", "57P02", "57P03", "57P05", "08006"})
_TROUBLES = {
    LOCK_NOT_AVAILABLE: Trouble.LOCKED,
    DEADLOCK_DETECTED: Trouble.DEADLOCK,
    "25001": Trouble.NEEDS_NO_TRANSACTION,  # "cannot run inside a transaction block"
    "25006": Trouble.READ_ONLY,
    "2D000": Trouble.NEEDS_NO_TRANSACTION,  # a COMMIT where none is allowed
}
_CLASSES = {"22": Trouble.ROWS, "23": Trouble.ROWS, "53": Trouble.NO_ROOM}


def trouble(sqlstate: str | None) -> Trouble | None:
    """What kind of failure a SQLSTATE means, where that matters to us."""
    state = sqlstate or ""
    return _TROUBLES.get(state) or _CLASSES.get(state[:2])
