"""Which backups stay, and why: times of manifests, proven ones only, and never without the last of them."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbops.backups import retention
from dbops.backups.entries import Backup, Damaged, Entry, Unproven
from dbops.backups.retention import Decision, Group, Policy
from dbops.errors import AnswerIsNo, UsageError
from tests.stored import NOON, backup, verification

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def days(count: int, **fields: object) -> list[Backup]:
    """One backup a day at noon, `d0` today, `d1` the day before, and so on."""
    return [backup(f"d{number}", NOON - number * DAY, **fields) for number in range(count)]


def kept(decisions: tuple[Decision, ...]) -> dict[str, tuple[str, ...]]:
    """The reasons of those that stay, by name."""
    return {one.entry.name: one.reasons for one in decisions if one.keep}


def gone(decisions: tuple[Decision, ...]) -> dict[str, tuple[str, ...]]:
    """The reasons of those that go, by name."""
    return {one.entry.name: one.reasons for one in decisions if not one.keep}


def test_the_newest_stay() -> None:
    """--keep-last 2 of four: the two newest, the very newest also as the last proven one."""
    decisions = retention.plan(days(4), Policy(last=2), NOON)
    assert kept(decisions) == {"d1": ("last",), "d0": ("last", "last proven")}
    assert gone(decisions) == {"d3": ("no rule keeps it",), "d2": ("no rule keeps it",)}
    assert [one.entry.name for one in decisions] == ["d3", "d2", "d1", "d0"]


def test_of_each_bucket_the_newest_stays() -> None:
    """Four in one day and one the day before: --keep-daily 2 keeps the newest of each day."""
    entries = [backup(f"h{hour}", NOON - hour * HOUR) for hour in range(4)] + [backup("y", NOON - DAY)]
    assert kept(retention.plan(entries, Policy(daily=2), NOON)) == {
        "y": ("daily",),
        "h0": ("daily", "last proven"),
    }


def test_a_gap_costs_no_bucket() -> None:
    """--keep-daily 3 counts days that have a backup, not days of the calendar."""
    entries = [backup("a", NOON), backup("b", NOON - 40 * DAY), backup("c", NOON - 90 * DAY)]
    assert set(kept(retention.plan(entries, Policy(daily=3), NOON))) == {"a", "b", "c"}


def test_rules_are_added_to_each_other() -> None:
    """Each rule counts for itself; a backup may have several reasons."""
    found = kept(retention.plan(days(60), Policy(daily=2, weekly=2, monthly=2, yearly=2), NOON))
    assert found == {
        "d0": ("daily", "weekly", "monthly", "yearly", "last proven"),
        "d1": ("daily",),
        "d7": ("weekly",),
        "d18": ("monthly", "yearly"),
    }


def test_weeks_are_those_of_the_calendar() -> None:
    """Around New Year a week belongs to one year: Monday 29 December 2025 and Friday 2 January are one bucket."""
    monday = datetime.datetime(2025, 12, 29, tzinfo=datetime.UTC)
    entries = [backup("monday", monday), backup("friday", monday + 4 * DAY), backup("before", monday - DAY)]
    assert set(kept(retention.plan(entries, Policy(weekly=2), NOON))) == {"friday", "before"}


def test_buckets_are_in_utc() -> None:
    """23:30 and 00:30 in UTC are two days, whatever the time zone of the manifest."""
    zone = datetime.timezone(datetime.timedelta(hours=5))
    midnight = NOON.replace(hour=0)
    entries = [backup("a", (midnight - HOUR / 2).astimezone(zone)), backup("b", midnight + HOUR / 2)]
    assert set(kept(retention.plan(entries, Policy(daily=2), NOON))) == {"a", "b"}


def test_within_counts_from_now() -> None:
    """--keep-within 2d keeps what is at most two days old."""
    decisions = retention.plan(days(4), Policy(within=2 * DAY), NOON)
    assert kept(decisions)["d2"] == ("within 2 days",)
    assert set(gone(decisions)) == {"d3"}


def test_the_last_proven_one_stays_whatever_its_age() -> None:
    """A rule that keeps nothing of a database leaves its newest proven backup."""
    old = [backup("old", NOON - 900 * DAY), backup("older", NOON - 901 * DAY)]
    decisions = retention.plan(old, Policy(within=DAY), NOON)
    assert kept(decisions) == {"old": ("last proven",)}


def test_what_is_not_proven_neither_counts_nor_goes() -> None:
    """Newer backups without a proof, or refuted by verify, take no place of a rule, and stay."""
    failed = backup("failed", NOON, verifications=(verification("failed"),))
    unclear = backup("unclear", NOON, problem="verified.json is damaged")
    entries = [failed, unclear, backup("none", NOON, level=None), *days(3)[1:]]
    decisions = retention.plan(entries, Policy(last=1), NOON)
    assert kept(decisions) == {
        "d1": ("last", "last proven"),
        "failed": ("its verify failed: prune leaves it",),
        "none": ("not proven: prune leaves it",),
        "unclear": ("its verified.json cannot be read: prune leaves it",),
    }


def test_include_unproven_takes_what_a_proven_one_has_outdated() -> None:
    """With --include-unproven, older than a proven one goes; newer, or alone in its database, stays."""
    entries = [
        backup("old", NOON - 2 * DAY, level=None),
        backup("proven", NOON - DAY),
        backup("new", NOON, level=None),
        backup("alone", NOON - 9 * DAY, level=None, database="other"),
    ]
    decisions = retention.plan(entries, Policy(last=1), NOON, include_unproven=True)
    assert gone(decisions) == {"old": ("not proven, and a newer one is proven",)}
    assert kept(decisions)["alone"] == ("not proven, and no newer one is proven",)
    within = retention.plan(entries, Policy(within=3 * DAY), NOON, include_unproven=True)
    assert gone(within) == {}
    assert kept(within)["old"] == ("not proven, and within 3 days",)


def test_what_has_no_manifest_stays_always() -> None:
    """Dumps of other tools and damaged entries stay: nothing tells their age or their database."""
    path = Path("backups/x")
    entries: list[Entry] = [
        Unproven("x.sql.gz", path, 5, NOON - 999 * DAY, "plain"),
        Damaged("broken", path, AnswerIsNo("manifest.json is missing")),
        *days(2),
    ]
    found = kept(retention.plan(entries, Policy(last=1), NOON, include_unproven=True))
    assert found["x.sql.gz"] == ("no manifest, so its age is not known: prune leaves it",)
    assert found["broken"] == ("damaged: prune leaves it (manifest.json is missing)",)


def test_each_database_is_judged_for_itself() -> None:
    """Other databases, other clusters and other selections do not take each other's places."""
    entries = [
        backup("a", NOON - 5 * DAY),
        backup("b", NOON - 4 * DAY, database="billing"),
        backup("c", NOON - 3 * DAY, system_identifier="2"),
        backup("d", NOON - 2 * DAY, options=("--table=orders",)),
        backup("e", NOON - DAY, system_identifier=None),
    ]
    found = kept(retention.plan(entries, Policy(last=1), NOON))
    assert found == dict.fromkeys("abcde", ("last", "last proven"))


def test_a_cluster_is_the_same_at_another_address() -> None:
    """What is reached as localhost and by name is one cluster, known by its identifier."""
    assert Group.of(backup("a")) == Group.of(backup("b", server="db.example.com:5432"))


def test_what_comes_from_the_future_stays_and_counts_for_nothing() -> None:
    """A backup of a wrong clock stays, and the newest of the past is still the last proven one."""
    decisions = retention.plan([backup("later", NOON + DAY), *days(2)], Policy(last=1), NOON)
    assert kept(decisions) == {"d0": ("last", "last proven"), "later": ("its time lies in the future",)}


@pytest.mark.parametrize("policy", [Policy(), Policy(last=0, daily=0), Policy(last=-1, daily=3)])
def test_a_policy_without_a_rule_is_refused(policy: Policy) -> None:
    """No rule would mean to remove everything; a negative number means nothing."""
    with pytest.raises(UsageError):
        retention.plan(days(2), policy, NOON)


@pytest.mark.parametrize(
    ("text", "hours"), [("12h", 12), ("30d", 720), ("1W", 168), ("2y", 2 * 365 * 24), (" 1d ", 24)]
)
def test_lengths_of_time(text: str, hours: int) -> None:
    """Hours, days, weeks and years of 365 days."""
    assert retention.within(text) == hours * HOUR


@pytest.mark.parametrize("text", ["", "30", "0d", "-1d", "1m", "1.5d", "d", "1dd", "9999999d", "٣d"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    """Months among them, since `m` could be minutes."""
    with pytest.raises(UsageError, match="not a length of time"):
        retention.within(text)


BACKUPS = st.lists(
    st.builds(
        lambda age, database, level, outcome: (age, database, level, outcome),
        st.integers(-30, 24 * 900),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["full", "counts", None, "invented"]),
        st.sampled_from([(), (verification(),), (verification("failed"),)]),
    ),
    max_size=25,
)
COUNTS = st.integers(0, 4)
POLICIES = st.builds(
    Policy, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS,
    st.none() | st.integers(1, 1000).map(lambda number: number * DAY),
).filter(lambda policy: not policy.keeps_nothing)  # fmt: skip


def made(drawn: list[tuple[int, str, str | None, tuple[object, ...]]]) -> list[Backup]:
    """Backups of drawn ages in hours."""
    return [
        backup(f"b{number}", NOON - age * HOUR, database=database, level=level, verifications=outcome)
        for number, (age, database, level, outcome) in enumerate(drawn)
    ]


@given(BACKUPS, POLICIES, st.booleans())
def test_the_last_proven_one_is_never_removed(
    drawn: list[tuple[int, str, str | None, tuple[object, ...]]], policy: Policy, include: bool
) -> None:
    """Whatever the policy: of each database the newest proven backup stays, every decision has a reason."""
    entries = made(drawn)
    decisions = retention.plan(entries, policy, NOON, include_unproven=include)
    assert sorted(one.entry.name for one in decisions) == sorted(one.name for one in entries)
    assert all(one.reasons and all(one.reasons) for one in decisions)
    for database in "ab":
        proven = [
            one for one in entries
            if one.summary.database == database and one.proven and one.summary.created_at <= NOON
        ]  # fmt: skip
        if proven:
            newest = max(proven, key=lambda one: (one.summary.created_at, one.name))
            assert "last proven" in kept(decisions)[newest.name]
    if not include:
        assert all(isinstance(one.entry, Backup) and one.entry.proven for one in decisions if not one.keep)


@given(BACKUPS, POLICIES, st.booleans())
def test_pruning_twice_removes_nothing_more(
    drawn: list[tuple[int, str, str | None, tuple[object, ...]]], policy: Policy, include: bool
) -> None:
    """What is left after a prune is left again by the same prune, for the same reasons."""
    first = retention.plan(made(drawn), policy, NOON, include_unproven=include)
    left = [one.entry for one in first if one.keep]
    second = retention.plan(left, policy, NOON, include_unproven=include)
    assert gone(second) == {}
    assert kept(second) == kept(first)


@given(BACKUPS, POLICIES)
def test_no_rule_keeps_more_than_its_number(
    drawn: list[tuple[int, str, str | None, tuple[object, ...]]], policy: Policy
) -> None:
    """Of each database a rule is the reason for at most its number, and for all of them where there are enough."""
    entries = made(drawn)
    decisions = retention.plan(entries, policy, NOON)
    for database in "ab":
        here = [
            one
            for one in decisions
            if isinstance(one.entry, Backup) and one.entry.summary.database == database
        ]
        for word in ("last", "hourly", "daily", "weekly", "monthly", "yearly"):
            number = sum(word in one.reasons for one in here)
            assert number <= getattr(policy, word)
        proven = [one.entry for one in here if one.entry.proven and one.entry.summary.created_at <= NOON]  # type: ignore[union-attr]  # backups
        assert sum("last" in one.reasons for one in here) == min(policy.last, len(proven))
