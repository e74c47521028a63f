"""Which kept traces go: only old ones, of this database, of which nothing is pending any more."""

from __future__ import annotations

import datetime
from pathlib import Path

from dbops.safety.trace.keeping import Kept, Ran
from dbops.safety.trace.retention import outlived

NOW = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
HERE = "app@db:5432/shop"


def kept(days: float, *versions: str, target: str = HERE) -> Kept:
    files = tuple(Ran(version, "c", "s") for version in versions)
    at = NOW - datetime.timedelta(days=days)
    return Kept(Path("x"), target, at, files, single_transaction=False, passed=True)


def test_what_goes() -> None:
    """An old one whose migrations are all applied; not a young one, nor one with a pending file, nor another database's."""
    old, young, needed = kept(31, "1", "2"), kept(29, "1"), kept(400, "2", "3")
    elsewhere = kept(400, "1", target="app@other:5432/shop")
    assert outlived([old, young, needed, elsewhere], HERE, {"3"}, NOW) == [old]


def test_what_was_given_up_goes() -> None:
    """A version that is neither applied nor pending any more, since its file is gone, needs no rehearsal."""
    assert len(outlived([kept(31, "9")], HERE, {"3"}, NOW)) == 1
