"""The way back."""

from __future__ import annotations

import concurrent.futures
import os
import signal
from collections.abc import Callable

import pytest

from dbops.devdb.undo import undoing
from dbops.errors import DbopsError
from dbops.events import Event, ignore


def steps_after(error: BaseException, settle_after: int | None = None) -> list[int]:
    """The steps back that are run when `error` ends the work after three steps."""
    undone: list[int] = []

    def back(number: int) -> Callable[[], None]:
        return lambda: undone.append(number)

    with pytest.raises(type(error)), undoing(ignore) as undo:  # noqa: PT012  # the body is what is interrupted
        for number in (1, 2, 3):
            undo.add(f"undo {number}", back(number))
            if number == settle_after:
                undo.settle()
        raise error
    return undone


def test_an_interrupt_goes_all_the_way_back_last_first() -> None:
    """Ctrl-C: what was settled is undone too."""
    assert steps_after(KeyboardInterrupt(), settle_after=2) == [3, 2, 1]


def test_a_failure_leaves_what_was_settled() -> None:
    """A failure in the third step: the first two stay."""
    assert steps_after(DbopsError("x"), settle_after=2) == [3]


def test_a_good_end_undoes_nothing() -> None:
    """No exception: no step back."""
    undone: list[int] = []
    with undoing(ignore) as undo:
        undo.add("undo", lambda: undone.append(1))
    assert undone == []


def test_a_step_that_fails_does_not_stop_the_others() -> None:
    """The second step back fails: it is told, and the first still runs."""
    told: list[Event] = []
    undone: list[int] = []

    def fails() -> None:
        raise DbopsError("gone")

    with pytest.raises(KeyboardInterrupt), undoing(told.append) as undo:  # noqa: PT012
        undo.add("undo one", lambda: undone.append(1))
        undo.add("undo two", fails)
        raise KeyboardInterrupt
    assert undone == [1]
    assert "could not undo two: gone" in told[0].sentence()


def test_a_second_interrupt_waits_for_the_way_back() -> None:
    """Ctrl-C again in the middle of the way back: the way back is finished first."""
    undone: list[int] = []

    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        undone.append(2)

    with pytest.raises(KeyboardInterrupt), undoing(ignore) as undo:  # noqa: PT012
        undo.add("undo one", lambda: undone.append(1))
        undo.add("undo two", interrupted)
        raise KeyboardInterrupt
    assert undone == [2, 1]


def test_outside_the_main_thread_the_way_back_is_gone_too() -> None:
    """Only the main thread may exchange signal handlers: in another the steps are run without that."""
    before = signal.getsignal(signal.SIGINT)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert pool.submit(steps_after, DbopsError("x"), settle_after=0).result() == [3, 2, 1]
    assert signal.getsignal(signal.SIGINT) is before
