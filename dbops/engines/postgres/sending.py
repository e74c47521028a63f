"""Sends statements, and finds out which one failed."""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dbops.engines.base import Blocker, ServerError, SessionLost, Stage, StatementFailed
from dbops.engines.postgres.errors import first_line
from dbops.engines.postgres.failure import ENDS_SESSION, LOCK_NOT_AVAILABLE, QUERY_CANCELED
from dbops.engines.postgres.looking import Sent
from dbops.errors import DbopsError

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.postgres.activity import Activity
    from dbops.engines.postgres.looking import Subject

# Characters that are sent at once: a large file goes in portions, so that memory stays bounded.
PORTION = 1_000_000

_SEPARATOR = ";\n"


class Command(NamedTuple):
    """One statement to send; `number` counts those of a migration, from 0; `data` is what a COPY takes in."""

    stage: Stage
    text: str
    number: int = 0
    data: str | None = None


class Observer(Protocol):
    """Sees what is sent."""

    def about(self, subject: Subject) -> None:
        """What the next statements belong to."""

    def __call__(self, command: Command) -> contextlib.AbstractContextManager[None]:
        """Stands around each command that is sent."""


class Sender:
    """Sends commands over a connection, watched by an `Activity`."""

    def __init__(self, connection: psycopg.Connection[Any], activity: Activity, *, one_by_one: bool) -> None:
        self._connection = connection
        self._activity = activity
        self._one_by_one = one_by_one
        self.observer: Observer | None = None
        """Where there is one, commands are sent one by one."""

    def close(self) -> None:
        """End the watching."""
        self._activity.close()

    def about(self, subject: Subject) -> None:
        """What the next statements belong to, for who watches."""
        self._activity.subject = subject
        if self.observer:
            self.observer.about(subject)

    def run(
        self, commands: Sequence[Command], *, deadline: float | None = None, lock_timeout: float = 0
    ) -> None:
        """Send commands, as many at a time as make sense; on an error roll back and say which one failed.

        :param deadline: seconds of waiting for a lock after which a statement is cancelled.
        :param lock_timeout: what the server waits for a lock: who blocks can be seen only before that ends it.
        :raises StatementFailed: rolled back.
        :raises SessionLost: the connection broke.
        """
        import psycopg

        commit_sent = False
        try:
            for portion in self._portions(commands):
                self._activity.begin(
                    first_look=min(1.0, lock_timeout / 2 or 1.0), deadline=deadline, sent=_sent(portion)
                )
                commit_sent = commit_sent or any(command.stage is Stage.COMMIT for command in portion)
                with self._observed(portion[0]):
                    self._send(portion)
        except psycopg.OperationalError as error:
            raise SessionLost(first_line(error), outcome_unknown=commit_sent) from error
        except BaseException:
            self.roll_back()
            raise
        finally:
            self._activity.end()

    @contextlib.contextmanager
    def watching(self, lock_timeout: float, statement: str | None = None) -> Iterator[None]:
        """Around what psycopg itself sends; a failure leaves the transaction as the server does.

        :param statement: what is sent, where it is a migration's own.
        :raises StatementFailed: the server, or psycopg, refused it.
        :raises SessionLost: the connection broke.
        """
        import psycopg

        self._activity.begin(first_look=min(1.0, lock_timeout / 2 or 1.0), deadline=None)
        command = None if statement is None else Command(Stage.STATEMENT, statement)
        try:
            with self._observed(command):
                yield
        except psycopg.Error as error:
            raise self._told(error) from error
        finally:
            self._activity.end()

    def _observed(self, command: Command | None) -> contextlib.AbstractContextManager[None]:
        return self.observer(command) if self.observer and command else contextlib.nullcontext()

    def _told(self, error: psycopg.Error) -> Exception:
        from dbops.engines.postgres.wire import server_error

        told = server_error(error.pgresult) if error.pgresult else ServerError(first_line(error))
        if self._connection.closed or told.sqlstate in ENDS_SESSION:
            return SessionLost(told.message)
        return StatementFailed(told, blockers=self._blockers(told))

    def _blockers(self, error: ServerError) -> tuple[Blocker, ...]:
        """Who was in the way of a statement that failed for that."""
        return self._activity.blockers if error.sqlstate in {LOCK_NOT_AVAILABLE, QUERY_CANCELED} else ()

    def _portions(self, commands: Sequence[Command]) -> Iterator[list[Command]]:
        """Many statements in one message, but one by one where somebody wants to see which one runs."""
        portion: list[Command] = []
        size = 0
        for command in commands:
            apart = (
                self._one_by_one
                or self.observer
                or command.data is not None
                or (portion and portion[-1].data is not None)
            )
            if portion and (apart or size + len(command.text) > PORTION):
                yield portion
                portion, size = [], 0
            portion.append(command)
            size += len(command.text)
        if portion:
            yield portion

    def _send(self, portion: Sequence[Command]) -> None:
        from dbops.engines.postgres.wire import exchange

        query = _SEPARATOR.join(command.text for command in portion)
        succeeded, error = exchange(self._connection, query, portion[0].data)
        if error is not None:
            at, error = _culprit(portion, succeeded, error)
            raise self._failed(portion[at], error)
        if succeeded < len(portion):
            raise RuntimeError(f"the server answered {succeeded} times to {len(portion)} statements")

    def _failed(self, culprit: Command, error: ServerError) -> Exception:
        """What to raise for a failed command, with the transaction rolled back."""
        if self._connection.closed or error.sqlstate in ENDS_SESSION:
            return SessionLost(error.message, outcome_unknown=culprit.stage is Stage.COMMIT)
        if culprit.stage is Stage.CLEANING:
            return DbopsError(
                f"the migration is applied and recorded, but its session could not be cleaned up: {error.message}",
                hint="run the command again: it goes on with the next one",
            )
        blockers = self._blockers(error)
        self.roll_back()
        return StatementFailed(
            error,
            stage=culprit.stage,
            index=culprit.number,
            blockers=blockers,
            past_deadline=self._activity.cancelled,
        )

    def roll_back(self) -> None:
        """Roll back whatever is open, and make sure that the next one starts clean."""
        from psycopg.pq import TransactionStatus

        if self._connection.broken or self._connection.closed:
            return
        if self._connection.info.transaction_status is TransactionStatus.ACTIVE:
            self._connection.cancel_safe()
            self._connection.close()
        elif self._connection.info.transaction_status is not TransactionStatus.IDLE:
            self._connection.execute("rollback")


def _sent(portion: Sequence[Command]) -> Sent | None:
    """The statements of a migration in a portion; None where it has none."""
    statements = [command for command in portion if command.stage is Stage.STATEMENT]
    if not statements:
        return None
    return Sent(
        statements[0].number, statements[-1].number, statements[0].text if len(statements) == 1 else ""
    )


def _culprit(portion: Sequence[Command], succeeded: int, error: ServerError) -> tuple[int, ServerError]:
    """Which command of a portion failed, and the error with its position counted within that command.

    A syntax error stops the whole portion, so that then only the position tells.
    """
    starts = list(
        itertools.accumulate((len(command.text) + len(_SEPARATOR) for command in portion), initial=0)
    )
    at = min(succeeded, len(portion) - 1)
    if error.position is None:
        return at, error
    if succeeded == 0:
        at = min(bisect.bisect_right(starts, error.position - 1), len(portion)) - 1
    return at, dataclasses.replace(error, position=error.position - starts[at])
