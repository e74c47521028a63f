"""Plans that only write records."""

from __future__ import annotations

import pytest

from dbops.engines.records import Action
from dbops.errors import Refused, UsageError
from dbops.migrations import recording
from dbops.migrations.planner import Work
from dbops.migrations.version import Version
from tests.unit.migrations.statuses import statuses, steps

V = Version.parse


def test_force_records_exactly_the_versions_up_to_one() -> None:
    """Those below are added, those above taken away, also what stopped in the middle; 0 is none."""
    mixed = statuses("1:applied 2:pending 3:applied 4:missing 5:partial")
    plan = recording.plan_force(mixed, V("2"))
    assert steps(plan) == [
        "record as applied 2",
        "record as not applied 3",
        "record as not applied 4",
        "record as not applied 5",
    ]
    assert plan.action is Action.FORCED
    assert not plan.loses_data
    assert steps(recording.plan_force(mixed, V("5")))[-1] == "record as applied 5"
    assert steps(recording.plan_force(statuses("1:applied"), V("0"))) == ["record as not applied 1"]
    with pytest.raises(UsageError):
        recording.plan_force(mixed, V("9"))


def test_baseline_needs_a_database_without_history() -> None:
    """All up to the version is recorded; with anything applied it is refused and the other ways are told."""
    assert steps(recording.plan_baseline(statuses("1:pending 2:pending 3:pending"), V("2"))) == [
        "record as applied 1",
        "record as applied 2",
    ]
    with pytest.raises(Refused, match="1 applied, the newest 1") as caught:
        recording.plan_baseline(statuses("1:applied 2:pending"), V("2"))
    assert "bin/migrate force 2" in (caught.value.hint or "")


def test_mark_one_version() -> None:
    """Recorded, taken away, nothing where it stands so already; what stopped in the middle is settled either way."""
    assert steps(recording.plan_mark(statuses("1:pending"), V("1"), applied=True)) == ["record as applied 1"]
    assert steps(recording.plan_mark(statuses("1:applied"), V("1"), applied=True)) == []
    assert steps(recording.plan_mark(statuses("1:missing"), V("1"), applied=False)) == [
        "record as not applied 1"
    ]
    assert steps(recording.plan_mark(statuses("1:pending"), V("1"), applied=False)) == []
    assert steps(recording.plan_mark(statuses("1:partial"), V("1"), applied=False)) == [
        "record as not applied 1"
    ]
    assert steps(recording.plan_mark(statuses("1:partial-down"), V("1"), applied=True)) == [
        "record as applied 1"
    ]
    assert recording.plan_mark(statuses("1:pending"), V("1"), applied=True).action is Action.MARKED
    assert recording.plan_mark(statuses("1:applied"), V("1"), applied=False).action is Action.UNMARKED


def test_repair_takes_what_has_drifted() -> None:
    """All, or one; what has not drifted is left alone."""
    three = statuses("1:drifted 2:applied 3:drifted")
    plan = recording.plan_repair(three, None)
    assert [step.work for step in plan.steps] == [Work.UPDATE, Work.UPDATE]
    assert steps(recording.plan_repair(three, V("3"))) == ["update the checksum 3"]
    assert steps(recording.plan_repair(three, V("2"))) == []
    with pytest.raises(UsageError):
        recording.plan_repair(three, V("9"))
    with pytest.raises(UsageError):
        recording.plan_repair(statuses("1:applied"), V("9"))
