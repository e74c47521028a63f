"""What a backup will be, whether it fits, and how far it is."""

from __future__ import annotations

import dataclasses
import datetime
import time
from pathlib import Path
from typing import Any

import pytest

from dbops.backups import space
from dbops.backups.compression import Compression
from dbops.backups.plan import MANY_LARGE_OBJECTS, DumpPlan, Facts, Request, choose_client, plan, plan_file
from dbops.backups.progress import Progress, Working
from dbops.backups.space import Estimate
from dbops.errors import ProgramFailed, Refused, UsageError
from dbops.events import Event, Level, Note, Warned
from dbops.programs import Client

NOW = datetime.datetime(2026, 1, 18, 12, 0, 0, tzinfo=datetime.UTC)


def client(version: str) -> Client:
    return Client(Path(f"/usr/lib/postgresql/{version.partition('.')[0]}/bin"), version)


FACTS = Facts(15, 0, (client("18.4"), client("16.14"), client("15.18")), 4, (), NOW)


def planned(request: Request | None = None, **facts: Any) -> DumpPlan:
    return plan(request or Request(), dataclasses.replace(FACTS, **facts))


def test_what_is_made_by_default() -> None:
    """A directory archive, zstd, a job for each processor, all of it proven, named by the time."""
    made = planned()
    assert (made.name, made.format, made.compression) == (
        "backup_20260118_120000",
        "directory",
        Compression.ZSTD,
    )
    assert (made.jobs, made.proof, made.options, made.warnings) == (4, "full", (), ())
    assert made.client.version == "15.18"
    assert made.has_data
    assert not made.selects
    assert planned(processors=64).jobs == 8
    assert planned(taken=["backup_20260118_120000"]).name == "backup_20260118_120000_2"


def test_the_servers_own_major_version() -> None:
    """Newer programs are there: the one of the server's version is taken all the same."""
    assert choose_client(FACTS.clients, 16) == (client("16.14"), ())
    assert choose_client((client("15.18"), client("15.2")), 15)[0].version == "15.18"


def test_a_newer_one_with_its_warning() -> None:
    """No program of the server's version: the next newer one, with what that means for restoring."""
    chosen, (warning,) = choose_client((client("18.4"), client("17.1"), client("14.9")), 15)
    assert chosen.version == "17.1"
    assert "pg_dump 17.1 dumps this PostgreSQL 15" in warning
    assert "restoring needs pg_restore 17 or newer" in warning
    assert planned(server_major=17).warnings == (planned(server_major=17).warnings[0],)


@pytest.mark.parametrize("found", [(), (client("15.18"), client("16.14"))])
def test_never_an_older_one(found: tuple[Client, ...]) -> None:
    """The server is newer than every program: exit 12 with what is to be installed and what is there."""
    with pytest.raises(ProgramFailed) as caught:
        choose_client(found, 18)
    assert "postgresql-client-18" in str(caught.value.hint)
    assert ("15.18, 16.14" if found else "none") in caught.value.message


def test_many_large_objects() -> None:
    """Each would be a file of its own: one custom archive, unless a directory was asked for."""
    assert planned(large_objects=MANY_LARGE_OBJECTS).format == "directory"
    made = planned(large_objects=MANY_LARGE_OBJECTS + 1)
    assert made.format == "custom"
    assert "large objects" in made.reasons[0]
    assert planned(Request(format="directory"), large_objects=10**6).format == "directory"


def test_compression_by_format() -> None:
    """Plain is gzip, as the original; the others zstd; what was asked for counts."""
    assert planned(Request(format="plain")).compression is Compression.GZIP
    assert planned(Request(format="custom")).compression is Compression.ZSTD
    assert planned(Request(format="plain", compression=Compression.NONE)).compression is Compression.NONE


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (Request(compression=Compression.GZIP), "directory archive is compressed with zstd"),
        (
            Request(format="directory", compression=Compression.NONE),
            "directory archive is compressed with zstd",
        ),
        (Request(format="custom", jobs=2), "--jobs is for the format directory"),
        (Request(name="a/b"), "cannot be called"),
    ],
)
def test_what_does_not_go_together(request_: Request, says: str) -> None:
    """Wrong usage, said before anything is begun."""
    with pytest.raises(UsageError, match=says):
        planned(request_)


def test_definitions_alone_have_no_proof() -> None:
    """--schema-only: no rows, nothing to prove, whatever level was asked for."""
    made = planned(Request(options=("--schema-only",)))
    assert made.proof == "none"
    assert not made.has_data
    assert made.selects


# -- space ---------------------------------------------------------------------------------------------------------


def judged(needed: Estimate) -> list[Event]:
    heard: list[Event] = []
    space.require(needed, Path("backups"), heard.append)
    return heard


def test_what_fits_and_what_does_not() -> None:
    """Enough room: silence; perhaps too little: a warning; too little at best: refused with what makes room."""
    assert judged(Estimate(data=4000, expected=1000, least=300, free=2000)) == []
    (warning,) = judged(Estimate(data=4000, expected=1000, least=300, free=500))
    assert isinstance(warning, Warned)
    assert "may take" in warning.text
    with pytest.raises(Refused, match="200 B free") as caught:
        judged(Estimate(data=4000, expected=1000, least=300, free=200))
    assert "bin/backup prune" in str(caught.value.hint)


def test_the_last_backup_is_the_best_estimate(tmp_path: Path) -> None:
    """Where there was one, its size counts; otherwise the tables' with what compression usually leaves."""
    known = space.estimate(10**9, tmp_path, compressed=True, known=5 * 10**6)
    assert 5 * 10**6 <= known.expected < 7 * 10**6
    assert known.least < known.expected
    guessed = space.estimate(10**9, tmp_path, compressed=True, known=None)
    raw = space.estimate(10**9, tmp_path, compressed=False, known=None)
    assert guessed.least < guessed.expected < raw.expected
    assert raw.expected >= 10**9


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    """The room is that of the disk where it will be."""
    assert space.estimate(1, tmp_path / "a" / "b", compressed=True, known=None).free > 0


# -- progress ------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


def test_a_line_of_progress() -> None:
    """The table, how much of how much, the rate, the time that is left."""
    event = Working("dumping", 50_000_000, 200_000_000, 5.0, "public.trades")
    assert event.sentence() == "dumping public.trades: 50.0 MB of 200 MB, 10.0 MB/s, 15.0 s left"
    assert Working("dumping", 5, None, 0.1).sentence() == "dumping: 5 B"
    assert Working("dumping", 0, 10, 5.0).left is None
    assert Working("reading back", 10, 10, 5.0).sentence() == "reading back: 10 B of 10 B, 2 B/s"


def test_a_few_times_a_second(clock: Clock) -> None:
    """A thousand portions in a second: five lines, with the table that was begun last."""
    heard: list[Any] = []
    told = Progress(heard.append)
    told.begin("dumping", 10**6)
    for number in range(1000):
        clock.now += 0.001
        told.table(f"t{number // 100}")
        told.add(1000)
    assert 4 <= len(heard) <= 5
    assert heard[-1].level is Level.PROGRESS
    assert heard[-1].table.startswith("t")
    assert heard[-1].total == 10**6


def test_more_than_was_expected(clock: Clock) -> None:
    """The dump is larger than the tables (arrays as text): the total is no longer said."""
    heard: list[Any] = []
    told = Progress(heard.append)
    told.begin("dumping", 1000)
    clock.now += 1
    told.add(1500)
    assert heard[-1].total is None


def test_one_line_for_two_kinds_of_work(clock: Clock) -> None:
    """What works beside shows how far it is only when nothing is dumped; its other events always come through."""
    heard: list[Event] = []
    told = Progress(heard.append)
    other = Working("proof", 1, 2, 3.0)
    told.begin("dumping", 1)
    told.beside(other)
    told.beside(Note("said"))
    assert heard == [Note("said")]
    told.end()
    told.beside(other)
    assert heard[-1] == other


def test_laps(clock: Clock) -> None:
    """Seconds since the lap before."""
    told = Progress(lambda event: None)
    clock.now += 3
    assert told.lap() == 3
    clock.now += 2
    assert told.lap() == 2


def test_a_file_is_copied() -> None:
    """Of a SQLite database: one file, zstd, all of it proven, named by the time."""
    made = plan_file(Request(), taken=["backup_20260118_120000"], now=NOW, processors=4)
    assert (made.name, made.format, made.compression) == (
        "backup_20260118_120000_2",
        "file",
        Compression.ZSTD,
    )
    assert (made.proof, made.threads, made.options) == ("full", 4, ())
    assert not isinstance(made, DumpPlan)


@pytest.mark.parametrize(
    "request_",
    [Request(format="plain"), Request(jobs=2), Request(options=("--schema-only",)), Request(name="a/b")],
)
def test_what_a_file_cannot(request_: Request) -> None:
    """What pg_dump alone can do is refused with the reason."""
    with pytest.raises(UsageError):
        plan_file(request_, taken=(), now=NOW, processors=1)
    with pytest.raises(UsageError, match="PostgreSQL"):
        planned(Request(format="file"))
