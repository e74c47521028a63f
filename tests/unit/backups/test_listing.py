"""The list of backups: the words for ages and proofs, and the order."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from dbops.backups import listing
from dbops.backups.entries import Damaged, Entry, Unproven
from dbops.backups.manifest import FromNewer
from dbops.backups.retention import Policy
from dbops.errors import AnswerIsNo
from tests.stored import NOON, backup, verification

NOW = NOON + datetime.timedelta(days=2)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (47 * 3600, "47 h"),
        (48 * 3600, "2 d"), (20 * 86400, "20 d"), (21 * 86400, "3 w"), (103 * 7 * 86400, "103 w"),
        (104 * 7 * 86400, "1 y"), (3 * 366 * 86400, "3 y"), (-30, "0 s"), (-61, "in the future"),
    ],
)  # fmt: skip
def test_ages(seconds: int, said: str) -> None:
    """One unit, rounded down; a clock that is a little off is no future."""
    assert listing.age(NOW - datetime.timedelta(seconds=seconds), NOW) == said


PASSED, RESTORED = verification(hours=24), verification("passed", "restored", 46)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "at backup"),
        ({"level": "counts"}, "counts only"),
        ({"level": None}, "no"),
        ({"level": "invented"}, "no"),
        ({"verifications": (PASSED,)}, "checked 24 h ago"),
        ({"verifications": (RESTORED, verification(hours=47))}, "restored 2 h ago"),
        ({"level": "counts", "verifications": (PASSED,)}, "counts only, checked 24 h ago"),
        ({"verifications": (RESTORED, verification("failed", hours=47))}, "FAILED verify 60 min ago"),
        ({"verifications": (verification("failed", hours=1), RESTORED)}, "restored 2 h ago"),
        ({"level": None, "verifications": (PASSED,)}, "no"),
        ({"problem": "damaged"}, "verified.json damaged"),
    ],
)
def test_how_it_was_proven(fields: dict[str, Any], said: str) -> None:
    """The strongest that was done, and when; a failure before all."""
    assert listing.proven(backup("x", **fields), NOW) == said.replace("60 min", "1 h")


def test_the_oldest_first_and_the_damaged_last() -> None:
    """Dumps stand at the time of their file; each row says what it is and what protects it."""
    entries: list[Entry] = [
        backup("b", NOON),
        Damaged("a", Path("a"), AnswerIsNo("it is broken")),
        Damaged("e", Path("e"), FromNewer("it is newer")),
        Unproven("dump.sql.gz", Path("d"), 5, NOON - datetime.timedelta(days=1), "plain"),
        backup("c", NOON - datetime.timedelta(days=3), options=("--table=orders",), compression="none"),
        backup("d", NOON - datetime.timedelta(days=2)),
    ]
    rows = listing.rows(entries, Policy(), NOW)
    assert [(row.name, row.state, row.kept_by) for row in rows] == [
        ("c", "backup", ("last proven",)),
        ("d", "backup", ()),
        ("dump.sql.gz", "no manifest", ()),
        ("b", "backup", ("last proven",)),
        ("a", "damaged", ()),
        ("e", "newer", ()),
    ]
    assert (rows[0].database, rows[0].format) == ("trading_engine (part)", "directory")
    assert (rows[3].database, rows[3].format, rows[3].version) == ("trading_engine", "directory, zstd", "007")
    assert (rows[4].proven, rows[4].reason) == ("DAMAGED", "it is broken")
    assert rows[2].proven == "no manifest"
    assert (rows[5].proven, rows[5].reason) == ("made by a newer dbops", "it is newer")
    assert rows[0].verified_at is None
    verified = backup("v", verifications=(PASSED, RESTORED))
    assert listing.rows([verified], Policy(), NOW)[0].verified_at == RESTORED.at


def test_with_a_policy_its_reasons_are_shown() -> None:
    """What a prune by these rules would keep, and why."""
    entries = [backup(f"d{number}", NOON - datetime.timedelta(days=number)) for number in range(3)]
    rows = listing.rows(entries, Policy(daily=2), NOW)
    assert [row.kept_by for row in rows] == [(), ("daily",), ("daily", "last proven")]
