"""What commands that run in the tests' own process leave behind."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from dbops.interrupts import SIGNALS


@pytest.fixture(autouse=True)
def _signals_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command decides what signals do to its process until it ends."""
    handlers = {sign: signal.getsignal(sign) for sign in SIGNALS}
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    yield
    for sign, handler in handlers.items():
        signal.signal(sign, handler)
