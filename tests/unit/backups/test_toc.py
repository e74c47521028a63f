"""Tables of contents: what is read from each format version, and that no file can do harm."""

from __future__ import annotations

import contextlib
import datetime
import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dbops.backups import toc, tocbytes
from dbops.errors import DbopsError
from tests.unit.backups.archives import Item, archive, integer, string

ITEMS = [
    Item(1, "ENCODING", "ENCODING", "SET client_encoding = 'UTF8';\n"),
    Item(7, "TABLE", 'odd "é" \udcff', "CREATE TABLE t ();", "public", "alice", oid=4294967295),
    Item(
        9,
        "TABLE DATA",
        "t",
        "",
        "public",
        "alice",
        "data",
        "COPY public.t FROM stdin;\n",
        (7, 8),
        "9.dat",
        1,
        1259,
    ),
]


@pytest.mark.parametrize("version", [(1, 12), (1, 13), (1, 14), (1, 15), (1, 16)])
@pytest.mark.parametrize("custom", [True, False])
def test_reads_every_version(version: tuple[int, int], *, custom: bool) -> None:
    """Header and entries of all versions, from a stream that is left right behind them."""
    data = archive(ITEMS, version, custom=custom)
    stream = io.BytesIO(data + b"rest")
    found = toc.read(stream)
    assert stream.read() == b"rest"
    assert found.length == len(data)
    assert found.header == toc.Header(
        version,
        "custom" if custom else "files",
        "gzip",
        datetime.datetime(2026, 11, 21, 13, 3, 16),  # noqa: DTZ001  # as read: local time
        "shop",
        "15.18",
        "15.18",
    )
    assert [entry.describe() for entry in found.entries] == [
        "ENCODING ENCODING",
        'TABLE public.odd "é" \udcff',
        "TABLE DATA public.t",
    ]
    table, data_entry = found.entries[1:]
    assert (table.owner, table.oid, table.section) == ("alice", 4294967295, toc.Section.PRE_DATA)
    assert table.table_access_method == ("heap" if version >= (1, 14) else "")
    assert table.relkind == ("r" if version >= (1, 16) else "")
    assert data_entry.dependencies == (7, 8)
    assert data_entry.data_file == (None if custom else "9.dat")
    assert [entry.has_data for entry in found.entries] == [False, False, True]


@pytest.mark.parametrize(
    ("said", "major"),
    [("15.18 (Debian 15.18-0+deb12u1)", 15), ("9.6.24", 9), ("18beta1", 18), ("", None), ("x", None)],
)
def test_major_of_the_server(said: str, major: int | None) -> None:
    """The server's own words become a number, or none."""
    assert toc.read(io.BytesIO(archive([], server=said))).header.server_major == major


def test_reads_folder_and_tar(tmp_path: Path) -> None:
    """The folder of a directory archive, its toc.dat, and a tar file that begins with toc.dat give the same."""
    data = archive(ITEMS, custom=False)
    (tmp_path / "toc.dat").write_bytes(data)
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(tmp_path / "toc.dat", "toc.dat")
    found = [toc.read(tmp_path / name) for name in (".", "toc.dat", "x.tar")]
    assert found[0].entries == found[1].entries == found[2].entries


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends"),
        (b"PK\x03\x04 and more", "too early"),
        (b"x" * 600, "does not begin with PGDMP or a tar header"),
        (b"PGDMP\x09\x0e\x00\x04\x08\x01", "format version is 9.14"),
        (b"PGDMP\x01\x0e\x00\x20\x08\x01", "size of its numbers"),
        (b"PGDMP\x01\x0e\x00\x04\x08\x07", "its format is 7"),
        (b"PGDMP\x01\x10\x00\x04\x08\x01\x09", "compression is 9"),
        (archive([])[:-5] + integer(-3), "number of entries is -3"),
        (archive([])[:-5] + integer(2**31 - 1), "number of entries is 2147483647"),
        (archive([])[:-5] + integer(1) + integer(0), "number of an entry is 0"),
        (archive([Item(1, "TABLE", "t"), Item(1, "TABLE", "u")]), "two entries have one number"),
        (archive([])[:-5] + integer(1) + integer(1) + integer(0) + string("-5"), "an oid is '-5'"),
        (archive([])[:-5] + integer(1) + integer(1) + integer(0) + string("٣"), "an oid is '٣'"),
        (archive([Item(1, "TABLE", "t")])[:-1], "too early"),
    ],
)
def test_damaged(tmp_path: Path, data: bytes, words: str) -> None:
    """What no pg_dump writes is refused, with the file's name and the place."""
    path = tmp_path / "hostile.dump"
    path.write_bytes(data)
    with pytest.raises(tocbytes.Damaged, match=words) as raised:
        toc.read(path)
    assert str(path) in raised.value.message
    assert "at byte" in raised.value.message


def test_newer_version_is_named() -> None:
    """The archive of a PostgreSQL to come is told apart from a damaged one."""
    with pytest.raises(DbopsError, match=r"format version 1\.17") as raised:
        toc.read(io.BytesIO(b"PGDMP\x01\x11\x00\x04\x08\x01"))
    assert not isinstance(raised.value, tocbytes.Damaged)


def test_length_that_lies_costs_no_memory() -> None:
    """A string of 255 MB that the file does not have is not allocated."""
    data = archive([])[:-5] + integer(1) + integer(1) + integer(0) + integer(255 * 1024 * 1024) + b"1"
    tracemalloc.start()
    with pytest.raises(tocbytes.Damaged):
        toc.read(io.BytesIO(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


@given(st.binary(max_size=400))
@example(b"PGDMP")
def test_any_bytes(data: bytes) -> None:
    """Whatever is read, the answer is a table of contents or an error for people."""
    with contextlib.suppress(DbopsError):
        assert toc.read(io.BytesIO(data)).length <= len(data)


@given(st.integers(0, len(archive(ITEMS)) - 1), st.integers(0, 255), st.booleans())
def test_changed_and_cut(at: int, value: int, cut: bool) -> None:
    """The same for an archive with one byte changed, or cut anywhere; cut, it is never taken for whole."""
    data = bytearray(archive(ITEMS))
    if cut:
        with pytest.raises(tocbytes.Damaged):
            toc.read(io.BytesIO(bytes(data[:at])))
        return
    data[at] = value
    with contextlib.suppress(DbopsError):
        assert toc.read(io.BytesIO(bytes(data))).length <= len(data)
