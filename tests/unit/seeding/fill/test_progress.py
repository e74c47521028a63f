"""What is counted and told while rows are written."""

from __future__ import annotations

from dbops.events import Event
from dbops.seeding.fill import Filling
from dbops.seeding.fill.progress import Progress

A, B = ("public", "a"), ("other", "b")


class _Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _progress(*expected: int) -> tuple[Progress, _Clock, list[Filling]]:
    clock, told = _Clock(), list[Filling]()

    def listen(event: Event) -> None:
        assert isinstance(event, Filling)
        told.append(event)

    return Progress(dict(zip((A, B), expected, strict=False)), listen, clock), clock, told


def test_five_times_a_second_at_most() -> None:
    """A hundred blocks in a second give five events, with the rate and the time left of all tables."""
    progress, clock, told = _progress(2_000, 1_000)
    for _ in range(100):
        clock.now += 1 / 128
        progress.written(A, 10)
    assert len(told) == 3
    assert told[-1].rate == 1280
    assert told[-1].seconds_left == (2_000 + 1_000 - told[-1].rows) / 1280
    assert told[-1].sentence() == f"{told[-1].rows:,} of 3,000 rows, 1,280 rows/s, 1.7 s left (a)"


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """A slow beginning is forgotten."""
    progress, clock, told = _progress(100_000)
    for rows in [10] * 50 + [1_000] * 50:
        clock.now += 1 / 8
        progress.written(A, rows)
    assert told[-1].rate == 8_000


def test_seconds_go_to_the_table_that_they_were_spent_on() -> None:
    """Writing and building again both count; the tables stand in the order in which they were expected."""
    progress, clock, _ = _progress(5, 5)
    clock.now += 1
    progress.written(B, 10)
    clock.now += 2
    progress.written(A, 20)
    clock.now += 4
    progress.spent(B)
    report = progress.report()
    assert [(one.table, one.rows, one.seconds) for one in report.tables] == [(A, 20, 2), (B, 10, 5)]
    assert (report.rows, report.seconds, report.rate) == (30, 7, 30 / 7)
    assert report.tables[0].rate == 10


def test_waiting_is_shared_by_rows() -> None:
    """What the first block took to come is not the first table's alone: each row has its share of all waiting."""
    progress, clock, _ = _progress(10, 30)
    clock.now += 40
    progress.waited()
    clock.now += 1
    progress.written(A, 10)
    clock.now += 2
    progress.written(B, 30)
    clock.now += 4
    progress.waited()
    report = progress.report()
    assert [(one.table, one.seconds) for one in report.tables] == [(A, 12), (B, 35)]
    assert report.seconds == 47


def test_more_rows_than_expected() -> None:
    """An estimate that was too low gives no negative time."""
    progress, clock, told = _progress(5)
    clock.now += 1
    progress.written(A, 10)
    assert told[-1].sentence() == "10 of 10 rows, 10 rows/s, 0 ms left (a)"
    clock.now += 1
    progress.written(B, 1)
    assert told[-1].sentence() == "11 of 11 rows, 6 rows/s, 0 ms left (other.b)"


def test_nothing_took_no_time() -> None:
    """A report of nothing has a rate, too."""
    progress, _, _ = _progress(5)
    assert progress.report().rate == 0
    assert progress.report().tables[0].rate == 0
