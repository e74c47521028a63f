"""Reading an archive back: whatever is not as it was written is found and named."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from dbops.backups import archive
from dbops.backups.compression import Compression
from dbops.backups.manifest import ArchiveInfo, Member
from dbops.backups.packing import Writer
from dbops.errors import AnswerIsNo

ROWS = b"".join(b"%d\ta row\n" % i for i in range(40))
FILES = {"archive/1.dat.zst": ROWS, "archive/2.dat.zst": b"", "archive/toc.dat": b"PGDMP and so on"}


def written(place: Path) -> ArchiveInfo:
    """A small directory archive and what its manifest says."""
    (place / "archive").mkdir()
    members = []
    for name, content in FILES.items():
        compression = Compression.ZSTD if name.endswith(".zst") else Compression.NONE
        with Writer(place / name, compression) as sink:
            sink.write(content)
            one = sink.finish()
        members.append(Member(name, one.size, one.sha256))
    return ArchiveInfo("directory", "zstd", tuple(members), sum(map(len, FILES.values())), ())


def check(place: Path, info: ArchiveInfo) -> int:
    return archive.check(place, info, threads=2)


def refused(place: Path, info: ArchiveInfo, says: str) -> None:
    with pytest.raises(AnswerIsNo, match=says) as caught:
        check(place, info)
    assert place.name in caught.value.message
    assert caught.value.hint


def test_a_whole_archive(tmp_path: Path) -> None:
    """All of it is read, and as many bytes come out as went in."""
    info = written(tmp_path)
    counted: list[int] = []
    assert archive.check(tmp_path, info, threads=3, on_bytes=counted.append) == info.raw_bytes
    assert sum(counted) == info.bytes


def test_every_flipped_bit_is_caught(tmp_path: Path) -> None:
    """Each byte of each file in turn, one bit changed: the file is named."""
    info = written(tmp_path)
    for member in info.members:
        path = tmp_path / member.path
        whole = path.read_bytes()
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            refused(tmp_path, info, member.path)
        path.write_bytes(whole)
    assert check(tmp_path, info) == info.raw_bytes


def test_every_cut_is_caught(tmp_path: Path) -> None:
    """Cut short by any number of bytes, or longer."""
    info = written(tmp_path)
    for member in info.members:
        path = tmp_path / member.path
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            refused(tmp_path, info, member.path)
        path.write_bytes(whole + b"\0")
        refused(tmp_path, info, member.path)
        path.write_bytes(whole)


def test_a_missing_file(tmp_path: Path) -> None:
    """A data file was deleted, which pg_restore --list does not notice."""
    info = written(tmp_path)
    (tmp_path / "archive" / "1.dat.zst").unlink()
    refused(tmp_path, info, "it is missing")


def test_the_folder_is_missing(tmp_path: Path) -> None:
    """All data files are gone."""
    info = written(tmp_path)
    for member in info.members:
        (tmp_path / member.path).unlink()
    (tmp_path / "archive").rmdir()
    refused(tmp_path, info, "archive")


def test_one_file_too_many(tmp_path: Path) -> None:
    """A file that nobody wrote might be taken for data: pg_restore prefers 1.dat to 1.dat.zst."""
    info = written(tmp_path)
    (tmp_path / "archive" / "1.dat").write_bytes(b"other rows")
    refused(tmp_path, info, r"archive/1\.dat: the manifest does not name it")


def test_a_link_to_the_very_file(tmp_path: Path) -> None:
    """A link is none of our files, even where what it leads to is."""
    info = written(tmp_path)
    path = tmp_path / "archive" / "1.dat.zst"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    refused(tmp_path, info, r"1\.dat\.zst")


def test_a_link_to_the_very_folder(tmp_path: Path) -> None:
    """The folder of data files is a link out of the backup."""
    place = tmp_path / "b"
    place.mkdir()
    info = written(place)
    (place / "archive").rename(tmp_path / "elsewhere")
    (place / "archive").symlink_to(tmp_path / "elsewhere")
    refused(place, info, "archive")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_something_else_in_place_of_a_file(tmp_path: Path, make: object) -> None:
    """A FIFO is not waited for, and a folder is no file."""
    info = written(tmp_path)
    (tmp_path / "archive" / "1.dat.zst").unlink()
    make(tmp_path / "archive" / "1.dat.zst")  # type: ignore[operator]
    before = len(os.listdir("/proc/self/fd"))
    refused(tmp_path, info, "it is not a file")
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_first_damage_ends_it(tmp_path: Path) -> None:
    """No thread goes on after the error."""
    info = written(tmp_path)
    (tmp_path / "archive" / "toc.dat").write_bytes(b"")
    refused(tmp_path, info, "toc.dat")
    assert threading.active_count() == 1 or not [t for t in threading.enumerate() if "ThreadPool" in t.name]


def test_syncing(tmp_path: Path) -> None:
    """Files and folders are brought to disk; one that is not there is an error, a link is not followed."""
    info = written(tmp_path)
    archive.sync([tmp_path / member.path for member in info.members] + [tmp_path / "archive"], 2)
    with pytest.raises(FileNotFoundError):
        archive.sync([tmp_path / "nowhere"], 2)
    (tmp_path / "link").symlink_to(tmp_path / "archive" / "toc.dat")
    with pytest.raises(OSError, match="symbolic"):
        archive.sync([tmp_path / "link"], 1)
