"""Ctrl-C, SIGTERM and SIGHUP: how they end a command, and how a piece of work is kept from being cut in two."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a command to end."""
SAME_WISH = 5.0
"""Seconds within which another signal asks for no more than the first: an end with nothing left behind."""
_AGAIN = 0.01  # seconds


class Interrupt(KeyboardInterrupt):
    """A signal has come.

    Not `KeyboardInterrupt` itself: where that comes out of `exec` or `eval`, which making a dataclass calls, Python
    notes that SIGINT ends the process, and at the end kills it so, although the exception was caught meanwhile.
    """


class Interrupts:
    """What happens on a signal, from `heed` to `over`: `Interrupt` in the main thread.

    What was begun is undone then, and further signals do not stop that: service managers send several, and people
    press a key twice.  Only who asks again after `SAME_WISH` ends the undoing, too; it may wait for a server.
    """

    def __init__(self) -> None:
        self._raised: list[float] = []
        self._number = signal.SIGINT
        self._over = False

    def heed(self) -> None:
        """Begin; a signal that this process was started to ignore (nohup) stays ignored."""
        sys.unraisablehook = self._unraisable
        for sign in SIGNALS:
            if signal.getsignal(sign) is not signal.SIG_IGN:
                signal.signal(sign, self._came)

    def over(self) -> None:
        """Nothing is left to be undone: only where an undoing was ended does a signal end the process."""
        self._over = True
        for sign in SIGNALS:
            signal.signal(sign, signal.SIG_DFL if len(self._raised) > 1 else signal.SIG_IGN)

    def _came(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._over or (self._raised and now - self._raised[-1] < SAME_WISH):
            return
        self._raised.append(now)
        self._number = signal.Signals(number)
        raise Interrupt

    def _unraisable(self, failure: sys.UnraisableHookArgs) -> None:
        """Where it came in a destructor or the like, Python can only tell of it: it comes again a moment later."""
        if not isinstance(failure.exc_value, Interrupt):
            sys.__unraisablehook__(failure)
            return
        self._raised.pop()
        main = threading.main_thread().ident  # it may be waiting for something
        again = threading.Timer(_AGAIN, signal.pthread_kill, [main, self._number])
        again.daemon = True
        again.start()


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Let signals wait for the end of the block: cut in two, nobody would know what there is to be undone.

    Handlers are exchanged, since a blocked signal would still reach us through another thread.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one is interrupted
        yield
        return
    came: list[int] = []
    handlers = {sign: signal.getsignal(sign) for sign in SIGNALS}
    ours = [sign for sign, handler in handlers.items() if callable(handler) or handler is signal.SIG_DFL]
    try:
        for sign in ours:
            signal.signal(sign, lambda number, frame: came.append(number))
        yield
    finally:
        for sign in ours:
            signal.signal(sign, handlers[sign])
        if came:
            signal.raise_signal(came[0])


def to_the_end(undo: Callable[[], None]) -> None:
    """Undo something that takes its time: where a signal comes meanwhile, from the beginning again, and then it counts."""
    try:
        undo()
    except KeyboardInterrupt:
        undo()
        raise
