"""The SQLSTATEs that dbops acts on (PostgreSQL manual, "PostgreSQL Error Codes")."""

from __future__ import annotations

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"
QUERY_CANCELED = "57014"
# admin shutdown, crash shutdown, cannot connect now, idle session timeout, connection failure
ENDS_SESSION = frozenset({"57P01", "57P02", "57P03", "57P05", "08006"})
# "cannot run inside a transaction block", and a COMMIT where none is allowed
NEEDS_NO_TRANSACTION = frozenset({"25001", "2D000"})
