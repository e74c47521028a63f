"""What a path is, told by its content."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from dbops.backups.compression import Compression, zstd
from dbops.backups.source import Kind, recognise
from dbops.backups.tocbytes import Damaged
from dbops.errors import DbopsError, UsageError
from tests.unit.backups.archives import Item, archive

ITEMS = [Item(1, "TABLE DATA", "t", "", "public", "app", "data", data_file="1.dat")]
CUSTOM = archive(ITEMS)
SQL = b"--\n-- PostgreSQL database dump\n--\n"


def tar(*names: str) -> bytes:
    """A tar archive as pg_dump makes it."""
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as made:
            for name in names:
                content = archive(ITEMS, custom=False) if name == "toc.dat" else b"1\n" * 2000
                member = tarfile.TarInfo(name)
                member.size = len(content)
                made.addfile(member, io.BytesIO(content))
        return file.getvalue()


@pytest.mark.parametrize("wrapped", ["none", "gzip", "zstd"])
@pytest.mark.parametrize(
    ("content", "kind"), [(CUSTOM, Kind.CUSTOM), (tar("toc.dat", "1.dat"), Kind.TAR), (SQL, Kind.PLAIN)]
)
def test_files(tmp_path: Path, content: bytes, kind: Kind, wrapped: str) -> None:
    """Custom, tar and plain, compressed or not, whatever they are called, also through a link to them."""
    path = tmp_path / "dump.jpg"
    packed = {"none": bytes, "gzip": gzip.compress, "zstd": zstd().compress}[wrapped](content)
    path.write_bytes(packed)
    link = tmp_path / "link"
    link.symlink_to(path)
    found = recognise(link)
    assert (found.path, found.archive, found.kind, found.compression) == (
        path,
        path,
        kind,
        Compression(wrapped),
    )
    if kind is not Kind.PLAIN:
        assert [entry.tag for entry in found.toc.entries] == ["t"]
    with found.open() as stream:
        assert stream.read(3) == content[:3]


def test_folders(tmp_path: Path) -> None:
    """A directory archive, a backup's folder around one, and a backup's folder with one file."""
    inner = tmp_path / "backup" / "archive"
    inner.mkdir(parents=True)
    (inner / "toc.dat").write_bytes(archive(ITEMS, custom=False))
    assert recognise(inner).kind is Kind.DIRECTORY
    found = recognise(tmp_path / "backup")
    assert (found.archive, found.kind) == (inner, Kind.DIRECTORY)
    other = tmp_path / "other"
    other.mkdir()
    (other / "manifest.json").write_text("{}")
    (other / "archive.dump.zst").write_bytes(zstd().compress(CUSTOM))
    assert recognise(other).kind is Kind.CUSTOM


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "nothing that pg_dump made"),
        (b"\0\1\2", "nothing that pg_dump made"),
        (b"PK\x03\x04", "zip"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"-- PostgreSQL database cluster dump\n", "whole cluster"),
        (tar("folder/toc.dat"), "not one of pg_dump"),
    ],
)
def test_nothing_to_restore(tmp_path: Path, content: bytes, words: str) -> None:
    """Anything else is refused for what it is."""
    path = tmp_path / "x.dump"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        recognise(path)


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, empty, broken, a FIFO, a folder whose archive is a link: an error each, and nothing hangs."""
    with pytest.raises(UsageError, match="not there"):
        recognise(tmp_path / "missing")
    with pytest.raises(UsageError, match="no backup"):
        recognise(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Damaged, match="no regular file"):
        recognise(tmp_path / "fifo")
    (tmp_path / "broken.gz").write_bytes(gzip.compress(SQL * 99)[:20])
    with pytest.raises(DbopsError):
        recognise(tmp_path / "broken.gz")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "toc.dat").symlink_to("/dev/zero")
    with pytest.raises(Damaged, match="no regular file"):
        recognise(tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "archive").symlink_to(tmp_path / "b")
    with pytest.raises(UsageError, match="no backup"):
        recognise(tmp_path / "c")


@pytest.mark.parametrize("cut", [0, 600, 12_000, 13_000])
def test_tar_is_read_through(tmp_path: Path, cut: int) -> None:
    """A tar archive that is cut short anywhere is seen before pg_restore would never end over it."""
    path = tmp_path / "x.tar"
    content = tar("toc.dat", "1.dat", "restore.sql")
    path.write_bytes(content[: len(content) - cut] if cut < 13000 else tar("toc.dat", "1.dat"))
    found = recognise(path)
    if cut in (0, 600):  # the end of the padding may be missing
        found.check_tar()
    else:
        with pytest.raises(Damaged):
            found.check_tar()
