"""Which statements of SQL from elsewhere may not run, by their first words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_ENDS = frozenset({"commit", "end", "abort", "rollback"})
# A comment on the live database may hold its mark; pg_dump before 11 writes one without -C, too.
_ABOUT = frozenset({"comment", "grant", "revoke", "security"})
_BEYOND = "would act on the server and not only on the database that is restored"
_WITHOUT_CREATE = "make the dump without -C (--create), or restore an archive of pg_dump -Fc"


class Refusal(NamedTuple):
    """What a statement is, why it may not run, and what to do about it."""

    what: str
    why: str
    hint: str


def forbidden(words: Sequence[str]) -> Refusal | None:
    """Why a statement may not run in the transaction of a restore; None where it may.

    :param words: its first words, in lower case, at least one.
    """
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first in {"create", "drop", "alter"} and second == "database":
        return Refusal(f"{first.upper()} DATABASE", _BEYOND, _WITHOUT_CREATE)
    if first in _ABOUT and "on database" in " ".join(words):
        return Refusal(f"{first.upper()} ON DATABASE", _BEYOND, "take that statement out of the file")
    if (first, second) == ("alter", "system"):
        return Refusal("ALTER SYSTEM", _BEYOND, "take that line out of the file")
    prepares = (first, second) == ("prepare", "transaction")
    if prepares or (first in _ENDS and "to" not in words[1:3]):  # but ROLLBACK TO a savepoint
        return Refusal(
            "PREPARE TRANSACTION" if prepares else first.upper(),
            "would end the one transaction that the file is loaded in",
            "take BEGIN and COMMIT and the like out of the file: all of it is one transaction anyway",
        )
    return None


def connecting(command: str) -> Refusal:
    """Why psql's command that connects to another database may not run."""
    return Refusal(f"\\{command}", _BEYOND, _WITHOUT_CREATE)
