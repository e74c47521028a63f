"""The timeline's geometry: in order, legible, and true to when locks were held."""

from __future__ import annotations

import itertools

import pytest

from dbops.engines.postgres.effects.model import LockMode
from dbops.safety.trace.model import HeldLock, TracedMigration, TracedStatement
from dbops.safety.trace.timeline import WIDTH, timeline


def _statement(number: int, began: float, seconds: float) -> TracedStatement:
    return TracedStatement(number, number, "SELECT 1", in_transaction=True, began=began, seconds=seconds)


def _migration(*times: tuple[float, float], version: str = "001") -> TracedMigration:
    statements = tuple(_statement(number, *time) for number, time in enumerate(times, start=1))
    began = times[0][0] if times else 0.0
    ended = max((start + seconds for start, seconds in times), default=0.0)
    return TracedMigration(version, "name", "transaction", began, ended - began, statements)


def _lock(began: float, ended: float) -> HeldLock:
    return HeldLock("public.orders", "table", LockMode.SHARE, began, ended)


def test_golden_places() -> None:
    """Two statements of one second with one second between them: the same width, a narrower gap, the whole width."""
    laid = timeline([_migration((0, 1), (2, 1))])
    first, second = laid.statements[0]
    places = [first.left, first.right, second.left, second.right]
    assert [round(place) for place in places] == [15, 398, 562, 945]
    assert laid.width == pytest.approx(WIDTH)


@pytest.mark.parametrize("count", [1, 2, 17, 200])
def test_all_are_legible_and_in_order(count: int) -> None:
    """None of many statements, of which one takes an hour and some no time, is too narrow to be seen, none overlap."""
    seconds = [3600.0 if index == count // 2 else 0.001 * (index % 3) for index in range(count)]
    starts = [0.0, *itertools.accumulate(seconds)]
    laid = timeline([_migration(*zip(starts, seconds, strict=False))])
    spans = laid.statements[0]
    assert all(span.width >= (22 if count < 80 else 8) for span in spans)
    assert all(one.right <= after.left for one, after in itertools.pairwise(spans))
    longest = spans[count // 2]
    assert all(longest.width >= span.width for span in spans)
    assert laid.width < 3000


def test_locks_stand_where_they_were_held() -> None:
    """To the end of the transaction, within one statement, for no time, and beyond the last that was seen."""
    migration = _migration((0, 1), (1, 0), (1, 2), (5, 1))
    laid = timeline([migration])
    spans = laid.statements[0]
    first, empty = migration.statements[0], migration.statements[1]
    assert laid.lock(_lock(0, 1), spans[0], first) == spans[0]
    half = laid.lock(_lock(0, 0.5), spans[0], first)
    assert half.right == pytest.approx((spans[0].left + spans[0].right) / 2)
    to_commit = laid.lock(_lock(0.5, 6), spans[0], first)
    assert to_commit.right == laid.migrations[0].right
    assert laid.lock(_lock(1, 3), spans[1], empty).left >= spans[1].left
    assert laid.lock(_lock(1, 3), spans[1], empty).right == pytest.approx(spans[2].right)
    moment = laid.lock(_lock(0.2, 0.2), spans[0], first)
    assert moment.width == pytest.approx(3)
    assert laid.lock(_lock(0, 99), spans[0], first).right <= laid.width


def test_migrations_without_statements_have_room() -> None:
    """One that failed before its first statement has its column, wide enough for its version; none at all is no error."""
    laid = timeline([_migration(version="20250105120000"), _migration((1, 1), version="2")])
    assert laid.migrations[0].width >= 14 * 7
    assert laid.migrations[0].right == laid.migrations[1].left
    assert laid.statements[0] == ()
    assert timeline([]).width == WIDTH


def test_clocks_that_differ_a_little_do_no_harm() -> None:
    """A statement that seems to begin before the one before it has ended comes behind it all the same."""
    laid = timeline([_migration((0, 1.0), (0.9, 0.05), (0.95, 1))])
    spans = laid.statements[0]
    assert all(one.right <= after.left for one, after in itertools.pairwise(spans))
    assert all(span.width >= 22 for span in spans)
