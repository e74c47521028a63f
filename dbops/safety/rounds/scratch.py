"""What rounds need of an engine: a scratch database with the tracking tables, and a copy of it to work in."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Generic, TypeVar

from dbops.engines.session import Session

if TYPE_CHECKING:
    from dbops.safety.rounds.looking import Looker
    from dbops.safety.rounds.rows import Rows

S = TypeVar("S", bound=Session)  # the session of an engine
S_co = TypeVar("S_co", bound=Session, covariant=True)


@dataclasses.dataclass(frozen=True)
class Copy(Generic[S_co]):
    """A copy of the template: the session in which migrations run, and what looks at it from outside."""

    session: S_co
    looker: Looker
    rows: Rows


class Scratch(Generic[S_co]):
    """An empty database with the tracking tables, the template; and a copy of it, to work in as long as it is sound.

    :param opened: opens a session in the template, which nobody else may have open while it is copied.
    :param copied: makes a copy, and removes it at the end.
    """

    def __init__(
        self, opened: Callable[[], S_co], copied: Callable[[], AbstractContextManager[Copy[S_co]]]
    ) -> None:
        self._opened, self._copied = opened, copied
        self._template: S_co | None = None
        self._copy: Copy[S_co] | None = None
        self._drops = contextlib.ExitStack()

    def template(self) -> S_co:
        """A session in the template; it ends when a copy is made."""
        if self._template is None:
            self._template = self._opened()
        return self._template

    @property
    def has_copy(self) -> bool:
        """Whether there is a copy; else `copy` makes one of the template as it is then."""
        return self._copy is not None

    def copy(self) -> Copy[S_co]:
        """The copy."""
        if self._copy is None:
            self._end_template()
            self._copy = self._drops.enter_context(self._copied())
        return self._copy

    def drop_copy(self) -> None:
        """It is not sound any more: the next one is made anew."""
        self._copy = None
        self._drops.close()

    def close(self) -> None:
        """Drop the copy and end the session in the template."""
        self._end_template()
        self.drop_copy()

    def _end_template(self) -> None:
        if self._template is not None:
            self._template.close()
            self._template = None


def made_ready(session: S) -> S:
    """Take the lock in a new session and make the tracking tables.

    :raises DbopsError: one or the other cannot be; the session is closed.
    """
    with contextlib.ExitStack() as stack:
        stack.push(session)  # told and closed, unless all goes well
        session.acquire_lock()
        session.initialise()
        stack.pop_all()
    return session
