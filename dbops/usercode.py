"""Runs Python files that users have written, and tells what goes wrong in them by their own lines.

What such a file prints goes to stderr, since stdout is the command's result.  Whatever it raises, SystemExit and
KeyboardInterrupt among it, becomes `CodeFailed`; only an interrupt that came from outside stays one.
"""

from __future__ import annotations

import contextlib
import linecache
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from dbops.interrupts import SIGNALS


class CodeFailed(Exception):
    """A file's own code has failed; what it raised is the `__cause__`.

    :param line: of the file, from 1; None where the failure has none.  `column` likewise.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def execute(name: str, source: str, scope: dict[str, Any]) -> None:
    """Run the text of a file in a namespace; to be called within `running`.

    :raises SyntaxError: and whatever the file raises.
    """
    # A traceback shows the file's lines; it is not imported as a module.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec", dont_inherit=True), scope)  # noqa: S102  # running the file is what it is for


@contextlib.contextmanager
def running(name: str, *passes: type[BaseException]) -> Iterator[None]:
    """Around code of the file of that name.

    :param passes: what goes through as it is.
    :raises CodeFailed: the code has raised something.
    :raises KeyboardInterrupt: somebody has interrupted the command.
    """
    interrupted = _Interrupted()
    try:
        with contextlib.redirect_stdout(sys.stderr), interrupted:
            yield
    except passes:
        raise
    except SyntaxError as error:
        own = error.filename == name
        raise CodeFailed(
            error.msg, error.lineno if own else _line(error, name), error.offset if own else None
        ) from error
    except (
        Exception,
        SystemExit,
        KeyboardInterrupt,
    ) as error:  # whatever a user's file raises is told with its place
        if interrupted.by_signal:
            raise KeyboardInterrupt from error
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise CodeFailed(said, _line(error, name)) from error
    else:
        if interrupted.by_signal:  # and the code has swallowed it
            raise KeyboardInterrupt


def calling_line(name: str) -> int | None:
    """The innermost line of the file of that name that is running now."""
    frames = (frame for frame, _ in traceback.walk_stack(None) if frame.f_code.co_filename == name)
    frame = next(frames, None)
    return frame and frame.f_lineno


class _Interrupted:
    """Tells an interrupt of the command from what a file raises itself."""

    def __init__(self) -> None:
        self.by_signal = False

    def __enter__(self) -> None:
        self._before = {one: signal.getsignal(one) for one in SIGNALS} if _in_main_thread() else {}
        for one, handler in self._before.items():
            if callable(handler):
                signal.signal(one, self._note)

    def __exit__(self, *error: object) -> None:
        for one, handler in self._before.items():
            if callable(handler):
                signal.signal(one, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.by_signal = True
        handler = self._before[signal.Signals(number)]
        assert callable(handler)  # only such are replaced
        handler(number, frame)


def _in_main_thread() -> bool:
    """Only there signals can be handled."""
    return threading.current_thread() is threading.main_thread()


def _line(error: BaseException, name: str) -> int | None:
    """The innermost line of the file itself."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    return lines[-1] if lines else None
