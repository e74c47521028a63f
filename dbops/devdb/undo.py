"""What is to be undone when a set-up does not come to its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dbops import interrupts
from dbops.errors import DbopsError
from dbops.events import Listener, Warned


@dataclasses.dataclass
class Undo:
    """Steps back, run last first.

    An interrupt (Ctrl-C) goes all the way back.  A failure goes back only over
    the steps that were not yet settled: what completed before it stays.
    """

    _steps: list[tuple[str, Callable[[], None]]] = dataclasses.field(default_factory=list)
    _settled: int = 0

    def add(self, what: str, step: Callable[[], None]) -> None:
        """Remember a step back.  `what` names it in the infinitive, "drop database x"."""
        self._steps.append((what, step))

    def settle(self) -> None:
        """What was done so far is whole in itself: a later failure leaves it."""
        self._settled = len(self._steps)

    def forget(self) -> None:
        """There is no way back any more: not even an interrupt undoes what was done so far."""
        self._steps.clear()
        self._settled = 0

    def run(self, listen: Listener, *, interrupted: bool) -> None:
        """Go back.  A step that fails is told as a warning and the others still run."""
        stop = 0 if interrupted else self._settled
        with interrupts.held_back():  # a second Ctrl-C counts afterwards
            for what, step in reversed(self._steps[stop:]):
                try:
                    step()
                except (DbopsError, OSError) as error:
                    listen(Warned(f"could not {what}: {error}"))


@contextmanager
def undoing(listen: Listener) -> Iterator[Undo]:
    """Run a body; when it does not end well, go back and let its exception pass."""
    undo = Undo()
    try:
        yield undo
    except BaseException as error:
        undo.run(listen, interrupted=not isinstance(error, Exception))
        raise
