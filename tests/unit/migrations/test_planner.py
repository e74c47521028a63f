"""Plans: which steps a verb takes, and what it refuses."""

from __future__ import annotations

import pytest

from dbops.engines.records import Direction
from dbops.errors import AnswerIsNo, Refused, UsageError
from dbops.migrations import planner
from dbops.migrations.version import Version
from tests.unit.migrations.statuses import statuses, steps

V = Version.parse


# -- up ----------------------------------------------------------------------------------------------------------------


def test_up_takes_all_that_is_pending_in_order() -> None:
    """Applied ones are passed over; the plan says its verb and loses no data."""
    plan = planner.plan_up(statuses("1:applied 2:pending 3:pending"))
    assert steps(plan) == ["up 2", "up 3"]
    assert (plan.verb, plan.action, plan.loses_data) == ("up", None, False)
    assert plan.steps[0].direction is Direction.UP


def test_up_as_far_as_asked() -> None:
    """A number of steps, a version, or one alone."""
    three = statuses("1:pending 2:pending 3:pending")
    assert steps(planner.plan_up(three, steps=2)) == ["up 1", "up 2"]
    assert steps(planner.plan_up(three, to=V("002"))) == ["up 1", "up 2"]
    assert steps(planner.plan_up(three, only=V("2"))) == ["up 2"]
    assert steps(planner.plan_up(statuses("1:applied"), only=V("1"))) == []
    assert planner.plan_up(three, single_transaction=True).single_transaction


def test_up_goes_on_with_a_partial_one() -> None:
    """What stopped on the way up is not applied, and comes first."""
    assert steps(planner.plan_up(statuses("1:applied 2:partial 3:pending"))) == ["up 2", "up 3"]


def test_up_refuses_drift() -> None:
    """The answer is no (exit 3), the file and `repair` are named."""
    with pytest.raises(AnswerIsNo, match=r"/m/1_x\.sql") as caught:
        planner.plan_up(statuses("1:drifted 2:pending"))
    assert "bin/migrate repair 1" in (caught.value.hint or "")


def test_up_refuses_a_late_number_unless_told() -> None:
    """File, author and newest version are named, with three ways out; --only of another one is held up, too."""
    late = statuses("1:applied 2:out_of_order 3:applied 4:pending")
    with pytest.raises(Refused, match=r"/m/2_x\.sql \(added by Kim\) .* newest applied version 3") as caught:
        planner.plan_up(late, late=" (added by Kim)")
    assert "--out-of-order" in (caught.value.hint or "")
    assert "bin/migrate mark 2" in (caught.value.hint or "")
    assert steps(planner.plan_up(late, out_of_order=True)) == ["up 2", "up 4"]
    assert steps(planner.plan_up(late, only=V("2"))) == ["up 2"]


def test_up_refuses_while_a_down_is_half_done() -> None:
    """It goes on with `down`, or is settled by hand."""
    with pytest.raises(Refused, match="the down of version 2 stopped in the middle"):
        planner.plan_up(statuses("1:applied 2:partial-down 3:pending"))


def test_up_refuses_an_unknown_version() -> None:
    """The range that exists is told."""
    with pytest.raises(UsageError, match="no migration of version 9; there are 1 to 2"):
        planner.plan_up(statuses("1:pending 2:pending"), to=V("9"))
    with pytest.raises(UsageError, match="there are none"):
        planner.plan_up([], only=V("9"))


# -- down, goto, redo --------------------------------------------------------------------------------------------------


def test_down_undoes_the_newest_first() -> None:
    """One, some, all above a version, or a version and all above it; missing and drifted ones count as applied."""
    four = statuses("1:applied 2:drifted 3:missing 4:pending")
    assert steps(planner.plan_down(four)) == ["down 3"]
    assert steps(planner.plan_down(four, steps=2)) == ["down 3", "down 2"]
    assert steps(planner.plan_down(four, to=V("1"))) == ["down 3", "down 2"]
    assert steps(planner.plan_down(four, to=V("0"))) == ["down 3", "down 2", "down 1"]
    assert steps(planner.plan_down(four, through=V("2"))) == ["down 3", "down 2"]
    plan = planner.plan_down(four)
    assert plan.loses_data
    assert plan.steps[0].direction is Direction.DOWN


def test_down_refusals() -> None:
    """A version that is not applied, one that is unknown, an up that stopped in the middle."""
    with pytest.raises(Refused, match="version 2 is not applied"):
        planner.plan_down(statuses("1:applied 2:pending"), through=V("2"))
    with pytest.raises(UsageError, match="no migration of version 7"):
        planner.plan_down(statuses("1:applied"), to=V("7"))
    with pytest.raises(Refused, match="the up of version 2 stopped in the middle"):
        planner.plan_down(statuses("1:applied 2:partial"))


def test_down_goes_on_with_a_down_that_stopped() -> None:
    """It is still applied, and comes first."""
    assert steps(planner.plan_down(statuses("1:applied 2:partial-down"))) == ["down 2"]


def test_goto_goes_either_way() -> None:
    """Down from above, up from below, nothing where it is; 0 is the empty database."""
    two = statuses("1:applied 2:applied 3:pending")
    assert steps(planner.plan_goto(two, V("1"))) == ["down 2"]
    assert steps(planner.plan_goto(two, V("3"))) == ["up 3"]
    assert steps(planner.plan_goto(two, V("2"))) == []
    assert steps(planner.plan_goto(two, V("0"))) == ["down 2", "down 1"]
    assert steps(planner.plan_goto(statuses("1:pending"), V("0"))) == []
    assert planner.plan_goto(two, V("1")).verb == planner.plan_goto(two, V("3")).verb == "goto"


def test_goto_a_version_zero_that_the_folder_has() -> None:
    """It is a version like another."""
    assert steps(planner.plan_goto(statuses("0:pending 1:pending"), V("000"))) == ["up 0"]
    assert steps(planner.plan_goto(statuses("0:applied 1:applied"), V("0"))) == ["down 1"]


def test_goto_refusals() -> None:
    """Down to a version that is not applied; past one that stopped in the middle."""
    with pytest.raises(Refused, match="version 2 is not applied, and lower than the current version 3"):
        planner.plan_goto(statuses("1:applied 2:out_of_order 3:applied"), V("2"))
    with pytest.raises(Refused, match="stopped in the middle"):
        planner.plan_goto(statuses("1:partial"), V("0"))


def test_redo_goes_down_and_up_again() -> None:
    """The newest one, some, or a version and all above it."""
    three = statuses("1:applied 2:applied 3:pending")
    assert steps(planner.plan_redo(three)) == ["down 2", "up 2"]
    assert steps(planner.plan_redo(three, steps=2)) == ["down 2", "down 1", "up 1", "up 2"]
    assert steps(planner.plan_redo(three, through=V("1"))) == ["down 2", "down 1", "up 1", "up 2"]
    with pytest.raises(Refused, match="version 2 has no file any more"):
        planner.plan_redo(statuses("1:applied 2:missing"))
