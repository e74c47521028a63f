"""Compressing a folder while another program writes it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dbops.backups import follow
from dbops.backups.follow import Follower
from dbops.backups.packing import Writer, Written
from dbops.backups.unpacking import open_for_reading
from dbops.errors import DbopsError

PORTION = b"0123456789abcdef" * 4096


class Folder:
    """The two folders, a follower of them, and what it told."""

    def __init__(self, place: Path, *, one_after_another: bool = False, threads: int = 3) -> None:
        self.raw, self.archive = place / "raw", place / "archive"
        self.archive.mkdir()
        self.bytes = 0
        self._lock = threading.Lock()
        self.follower = Follower(
            self.raw, self.archive, threads=threads, level=None, one_after_another=one_after_another,
            on_bytes=self._count,
        )  # fmt: skip

    def _count(self, count: int) -> None:
        with self._lock:
            self.bytes += count

    def content(self, name: str) -> bytes:
        with open_for_reading(self.archive / name) as file:
            return file.read()

    def compressed(self, name: str) -> bool:
        """Whether a file has been dealt with while the writer still works: it is empty then."""
        return (self.raw / name).exists() and not (self.raw / name).stat().st_size


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.follower.give_up()


def until(condition: Callable[[], object]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def by_name(written: list[Written]) -> dict[str, Written]:
    return {one.path.name: one for one in written}


def test_files_that_grow_at_once(folder: Folder) -> None:
    """Two tables written side by side, as by two workers, the folder made late: all bytes of both arrive."""
    folder.raw.mkdir()
    with open(folder.raw / "1.dat", "wb", buffering=0) as one, open(folder.raw / "22.dat", "wb", 0) as two:
        for _ in range(20):
            one.write(PORTION)
            two.write(PORTION * 2)
            time.sleep(0.005)
    (folder.raw / "toc.dat").write_bytes(b"PGDMP the contents")
    found = by_name(folder.follower.finish())
    assert sorted(found) == ["1.dat.zst", "22.dat.zst", "toc.dat"]
    assert folder.content("1.dat.zst") == PORTION * 20
    assert folder.content("22.dat.zst") == PORTION * 40
    assert found["22.dat.zst"].raw_size == len(PORTION) * 40
    assert folder.content("toc.dat") == b"PGDMP the contents"
    assert folder.bytes == len(PORTION) * 60
    assert os.listdir(folder.raw) == []


def test_a_complete_file_is_done_while_others_are_written(folder: Folder) -> None:
    """pg_dump says that an item is finished: its file is compressed and its space given back at once."""
    folder.raw.mkdir()
    (folder.raw / "7.dat").write_bytes(PORTION)
    (folder.raw / "8.dat").write_bytes(PORTION)
    folder.follower.complete(7)
    until(lambda: folder.compressed("7.dat"))
    assert not folder.compressed("8.dat")
    folder.follower.finish()
    assert folder.content("7.dat.zst") == folder.content("8.dat.zst") == PORTION


def test_complete_before_it_was_ever_seen(folder: Folder) -> None:
    """The word that a file is finished may come before the folder is looked at: it is compressed all the same."""
    folder.follower.complete(7)
    folder.raw.mkdir()
    (folder.raw / "7.dat").write_bytes(PORTION)
    assert sorted(by_name(folder.follower.finish())) == ["7.dat.zst"]
    assert folder.content("7.dat.zst") == PORTION


def test_large_objects_and_their_contents(folder: Folder) -> None:
    """Large objects' files are compressed at the end, their table of contents stays plain."""
    folder.raw.mkdir()
    for number in range(50):
        (folder.raw / f"blob_{number}.dat").write_bytes(b"%d" % number * 100)
    (folder.raw / "blobs_12.toc").write_bytes(b"0 blob_0.dat\n")
    (folder.raw / "3.dat").write_bytes(b"")
    found = by_name(folder.follower.finish())
    assert len(found) == 52
    assert folder.content("blob_49.dat.zst") == b"49" * 100
    assert folder.content("3.dat.zst") == b""
    assert (folder.archive / "blobs_12.toc").read_bytes() == b"0 blob_0.dat\n"


def test_one_after_another_each_ends_the_one_before(tmp_path: Path) -> None:
    """One job: a file is complete when a later one was written after it."""
    folder = Folder(tmp_path, one_after_another=True, threads=2)
    folder.raw.mkdir()
    for number in (5, 3, 9):
        (folder.raw / f"{number}.dat").write_bytes(PORTION * number)
        time.sleep(0.03)
    until(lambda: folder.compressed("5.dat") and folder.compressed("3.dat"))
    assert not folder.compressed("9.dat")
    folder.follower.finish()
    assert folder.content("9.dat.zst") == PORTION * 9


def test_one_after_another_within_one_tick_of_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small table and the beginning of a large one have the same time: the large one must not be cut short.

    Which of the two a folder's listing has first says nothing; both orders are tried.
    """
    monkeypatch.setattr(follow, "_PAUSE", 0.002)
    for turn, (small, large) in enumerate([("1.dat", "2.dat"), ("2.dat", "1.dat")]):
        place = tmp_path / str(turn)
        place.mkdir()
        folder = Folder(place, one_after_another=True, threads=2)
        aside = place / "aside"
        aside.mkdir()
        for name in (small, large):
            (aside / name).write_bytes(b"a row\n")
            os.utime(aside / name, ns=(10**18, 10**18))
        aside.rename(folder.raw)
        with open(folder.raw / large, "ab", buffering=0) as file:
            until(lambda folder=folder: folder.bytes == 12)  # type: ignore[misc]
            time.sleep(0.05)
            file.write(PORTION)
            until(lambda folder=folder, small=small: folder.compressed(small))  # type: ignore[misc]
            file.write(PORTION)
        folder.follower.finish()
        assert folder.content(f"{large}.zst") == b"a row\n" + PORTION * 2
        assert folder.content(f"{small}.zst") == b"a row\n"


def test_blocks_given_back_do_not_make_a_file_look_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Giving back the blocks of the first file changes its time: the second, still growing, is not taken for complete."""
    monkeypatch.setattr(follow, "_GIVE_BACK_EVERY", len(PORTION))
    folder = Folder(tmp_path, one_after_another=True, threads=2)
    folder.raw.mkdir()
    (folder.raw / "1.dat").write_bytes(PORTION * 50)
    time.sleep(0.03)
    with open(folder.raw / "2.dat", "wb", buffering=0) as file:
        file.write(b"a row\n")
        until(lambda: folder.compressed("1.dat"))
        time.sleep(0.1)
        file.write(PORTION)
    folder.follower.finish()
    assert folder.content("2.dat.zst") == b"a row\n" + PORTION
    assert folder.content("1.dat.zst") == PORTION * 50


def test_a_file_that_goes_on_after_its_end(folder: Folder) -> None:
    """A file was called complete too early: the archive is refused, not cut short."""
    folder.raw.mkdir()
    with open(folder.raw / "7.dat", "wb", buffering=0) as file:
        file.write(PORTION)
        folder.follower.complete(7)
        until(lambda: folder.compressed("7.dat"))
        file.write(b"one more row")
    with pytest.raises(DbopsError, match=r"wrote on to 7\.dat"):
        folder.follower.finish()


def test_giving_up_ends_at_once(folder: Folder) -> None:
    """pg_dump has failed: no thread waits for the rest of a file."""
    folder.raw.mkdir()
    (folder.raw / "7.dat").write_bytes(PORTION)
    until(lambda: folder.bytes)
    folder.follower.give_up()
    folder.follower.give_up()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("compress", "follow"))]


def test_giving_up_before_anything_was_written(folder: Folder) -> None:
    """pg_dump could not even make its folder."""
    folder.follower.give_up()
    assert folder.follower.failure() is None


def test_a_compressed_file_that_cannot_be_written(folder: Folder) -> None:
    """The disk takes no file (here: the name is taken): known at once, and raised at the end."""
    (folder.archive / "7.dat.zst").mkdir()
    folder.raw.mkdir()
    (folder.raw / "7.dat").write_bytes(PORTION)
    until(folder.follower.failure)
    assert isinstance(folder.follower.failure(), OSError)
    with pytest.raises(FileExistsError):
        folder.follower.finish()
    folder.follower.give_up()


def test_a_full_disk(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compressed file does not fit: the error is known while pg_dump still writes."""

    class Full(Writer):
        def finish(self) -> Written:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(follow, "Writer", Full)
    folder.raw.mkdir()
    (folder.raw / "7.dat").write_bytes(PORTION)
    folder.follower.complete(7)
    until(folder.follower.failure)
    folder.follower.give_up()
    assert "No space left" in str(folder.follower.failure())


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking into the folder fails: no traceback of a thread, the failure is there for whoever asks."""

    def fail(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", fail)
    folder = Folder(tmp_path)
    folder.raw.mkdir()
    until(folder.follower.failure)
    assert isinstance(folder.follower.failure(), PermissionError)
    folder.follower.give_up()


def test_files_are_for_their_owner_alone(folder: Folder) -> None:
    """Whatever the umask, rows are not for others."""
    folder.raw.mkdir()
    before = os.umask(0)
    try:
        (folder.raw / "7.dat").write_bytes(PORTION)
        (folder.raw / "toc.dat").write_bytes(PORTION)
        written = folder.follower.finish()
    finally:
        os.umask(before)
    assert {one.path.stat().st_mode & 0o777 for one in written} == {0o600}
