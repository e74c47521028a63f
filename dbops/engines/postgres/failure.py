"""The SQLSTATEs that dbops acts on (PostgreSQL manual, "PostgreSQL Error Codes")."""

from __future__ import annotations

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"
QUERY_CANCELED = "57014"
# "cannot run inside a transaction block", and a COMMIT where none is allowed
NEEDS_NO_TRANSACTION = frozenset({"25001", "2D000"})
