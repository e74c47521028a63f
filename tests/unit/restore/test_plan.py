"""What a restore will do, decided without a server."""

from __future__ import annotations

import datetime

import pytest

from dbops.errors import Refused
from dbops.restore import preflight
from dbops.restore.plan import Plan, Step, Wishes, plan
from dbops.restore.preflight import Database, Problem, Role

AT = datetime.datetime(2026, 1, 18, 12, 0, 0, tzinfo=datetime.UTC)
OWNER = Role("o", "o", superuser=False, creates_databases=True, standby=False)
LIVE = Database(
    oid=1, name="live", identifier="live", owner="o", owner_identifier="o", owns=True, gives=True, template=False,
    closed=False, tablespace="pg_default", makes_there=True, prepared=(), subscriptions=(), slots=(), unendable=(),
)  # fmt: skip


def _plan(wishes: Wishes, *, displaced: str | None = "live__displaced", proven: bool = True) -> Plan:
    return plan("b1", "o@h:1", "live", displaced, AT, wishes, proven=proven)


def test_all_steps_in_their_order() -> None:
    """Everything that can be asked for."""
    assert _plan(Wishes(2, migrate=True, pre_backup=True)).steps == tuple(Step)


def test_steps_that_there_is_nothing_for() -> None:
    """No proof: nothing to compare; no live database: nothing to carry over or to back up."""
    assert Step.COMPARE not in _plan(Wishes(1), proven=False).steps
    new = _plan(Wishes(1, pre_backup=True), displaced=None)
    assert {Step.DUMP, Step.CARRY}.isdisjoint(new.steps)
    assert new.steps[-1] is Step.SWAP
    assert new.sentence(Step.SWAP) == "rename it to live"


def test_every_step_says_what_it_does() -> None:
    """With the names of the databases in it."""
    made = _plan(Wishes(2, migrate=True, pre_backup=True))
    assert all(made.sentence(step) for step in made.steps)
    assert "live__displaced" in made.sentence(Step.SWAP)


def test_no_problems() -> None:
    """An owner who may create databases; a superuser who may not even that by name."""
    assert preflight.problems(OWNER, LIVE) == []
    root = Role("p", "p", superuser=True, creates_databases=False, standby=False)
    assert preflight.problems(root, LIVE) == []
    assert preflight.problems(OWNER, None) == []


def test_one_problem_is_the_error_several_are_listed() -> None:
    """Each with its remedy, none twice; a remedy may be in the text."""
    with pytest.raises(Refused) as one:
        preflight.refuse([Problem("first", "do this")], "live")
    assert (one.value.message, one.value.hint) == ("first", "do this")
    with pytest.raises(Refused) as two:
        preflight.refuse([Problem("first", "do this"), Problem("second: do that", "")], "live")
    assert two.value.detail == "  - first\n      do this\n  - second: do that"
    preflight.refuse([], "live")


def test_a_standby_has_one_problem() -> None:
    """That it is one; what the role may do there does not matter."""
    standby = Role("o", "o", superuser=False, creates_databases=False, standby=True)
    (found,) = preflight.problems(standby, LIVE)
    assert "standby" in found.text


def test_slots_stay_only_where_that_is_wanted() -> None:
    """Named with the option that allows it."""
    live = Database(**{**LIVE.__dict__, "slots": ("cdc",)})
    (found,) = preflight.problems(OWNER, live)
    assert "cdc" in found.remedy
    assert "--leave-replication" in found.remedy
    assert preflight.problems(OWNER, live, leave_replication=True) == []
