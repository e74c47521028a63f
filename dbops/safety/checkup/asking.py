"""Queries of a checkup: each has so long and no longer, and what could not be asked is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbops.events import format_seconds
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

LIMIT = 30.0
"""Seconds for each query, where no statement timeout is configured: a checkup is no load test."""

_LIMITED = """
select set_config('statement_timeout', %s, true), set_config('row_security', 'off', true),
    set_config('transaction_read_only', 'on', true)
"""


class NotKnown(Exception):
    """A query was not answered: it took too long, met a lock, or may not read what it asks for.

    :param why: a sentence without its subject.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Asker:
    """Asks on one session and changes nothing; rows that a policy would hide make an error, and not a smaller count."""

    def __init__(self, connection: psycopg.Connection[Any], limit: float = LIMIT) -> None:
        self.connection = connection
        self._limit = limit

    def rows(
        self, query: str | sql.Composed, parameters: Sequence[Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """All rows of a query.

        :raises NotKnown: it could not be answered.
        :raises psycopg.Error: it is wrong.
        """
        from psycopg import errors

        text = query.encode() if isinstance(query, str) else query
        try:
            with self.connection.transaction():
                self.connection.execute(_LIMITED, [f"{self._limit * 1000:.0f}"])
                return self.connection.execute(text, parameters).fetchall()
        except errors.LockNotAvailable:
            raise NotKnown("is not known: another session has locked what is to be read") from None
        except errors.QueryCanceled:
            raise NotKnown(
                f"is not known: its query took longer than {format_seconds(self._limit)} (--statement-timeout)"
            ) from None
        except errors.InsufficientPrivilege as error:
            words = error.diag.message_primary or "a privilege is missing"
            raise NotKnown(f"is not known: {words}") from None


def not_known(check: str, about: str, reason: NotKnown, query: str) -> Finding:
    """What is told in the place of an answer."""
    return Finding(check, Level.HINT, about, reason.why, query)
