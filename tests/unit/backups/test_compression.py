"""Compressed files: written, read back, and found out where they are damaged."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import random
import subprocess
import threading
import tracemalloc
from pathlib import Path

import pytest

from dbops.backups.compression import CHUNK, Compression, zstd
from dbops.backups.packing import Writer, Written
from dbops.backups.unpacking import Unpacker, compression_of, damaged, open_for_reading

TEXT = b"".join(
    b"%d\tname %d\t\\N\n" % (i, i * 7919) for i in range(200_000)
)  # about 4 MB, as COPY writes it
METHODS = [
    *((Compression.ZSTD, level) for level in (None, 1, 3, 19)),
    *((Compression.GZIP, level) for level in (None, 1, 9)),
    (Compression.NONE, None),
]


def write(
    path: Path, data: bytes, compression: Compression, level: int | None = None, threads: int = 1
) -> Written:
    with Writer(path, compression, level=level, threads=threads) as sink:
        for at in range(0, len(data), 70_001):
            sink.write(memoryview(data)[at : at + 70_001])
        return sink.finish()


def unpack(compression: Compression, data: bytes, portion: int = CHUNK) -> int:
    unpacker = Unpacker(compression)
    for at in range(0, len(data), portion):
        unpacker.feed(memoryview(data)[at : at + portion])
    unpacker.finish()
    return unpacker.raw_size


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("compression", "level"), METHODS)
def test_what_is_written_is_read(
    tmp_path: Path, compression: Compression, level: int | None, threads: int
) -> None:
    """Every method and level, by one thread and several: sizes and hash are true, and all bytes come back."""
    data = TEXT if level != 19 else TEXT[:500_000]
    path = tmp_path / "whatever it is called"
    written = write(path, data, compression, level, threads)
    stored = path.read_bytes()
    assert written == Written(path, len(stored), hashlib.sha256(stored).hexdigest(), len(data))
    assert path.stat().st_mode & 0o777 == 0o600
    assert compression_of(path) is compression
    with open_for_reading(path) as file:
        assert file.read() == data
    assert unpack(compression, stored) == len(data)
    assert unpack(compression, stored, portion=999) == len(data)


@pytest.mark.parametrize("compression", list(Compression))
def test_nothing(tmp_path: Path, compression: Compression) -> None:
    """An empty table: its file is whole and unpacks to nothing."""
    written = write(tmp_path / "f", b"", compression)
    assert written.raw_size == 0
    with open_for_reading(tmp_path / "f") as file:
        assert file.read() == b""
    assert unpack(compression, (tmp_path / "f").read_bytes()) == 0


@pytest.mark.parametrize(
    ("compression", "tool"), [(Compression.GZIP, "gunzip"), (Compression.ZSTD, "unzstd")]
)
def test_the_usual_tools_read_it(tmp_path: Path, compression: Compression, tool: str) -> None:
    """gunzip and unzstd read what several threads wrote; where there is no unzstd, our own module does."""
    path = tmp_path / f"f{compression.suffix}"
    write(path, TEXT, compression, threads=3)
    try:
        read = subprocess.run([tool, "-c", path], capture_output=True, check=True).stdout
    except FileNotFoundError:
        read = zstd().decompress(path.read_bytes())
    assert read == TEXT


@pytest.mark.parametrize("compression", [Compression.ZSTD, Compression.GZIP])
def test_every_flipped_byte_is_noticed(tmp_path: Path, compression: Compression) -> None:
    """Whatever byte of a small file is changed: unpacking fails, or gives the very content (a few bits mean nothing)."""
    write(tmp_path / "f", TEXT[:300], compression)
    stored = bytearray((tmp_path / "f").read_bytes())
    unpacked = gzip.decompress if compression is Compression.GZIP else zstd().decompress
    noticed = 0
    for at in range(len(stored)):
        stored[at] ^= 0x10
        try:
            unpack(compression, bytes(stored))
            assert unpacked(bytes(stored)) == TEXT[:300]
        except damaged():
            noticed += 1
        stored[at] ^= 0x10
    assert noticed > len(stored) * 0.9


@pytest.mark.parametrize("compression", [Compression.ZSTD, Compression.GZIP])
def test_every_cut_is_noticed(tmp_path: Path, compression: Compression) -> None:
    """Cut short anywhere: noticed, by whoever checks and by whoever reads."""
    write(tmp_path / "f", TEXT[:300], compression)
    stored = (tmp_path / "f").read_bytes()
    for length in range(4, len(stored)):
        with pytest.raises(damaged()):
            unpack(compression, stored[:length])
        (tmp_path / "cut").write_bytes(stored[:length])
        with open_for_reading(tmp_path / "cut") as file, pytest.raises(damaged()):
            file.read()


@pytest.mark.parametrize("compression", [Compression.ZSTD, Compression.GZIP])
@pytest.mark.parametrize("portion", [1, 7, CHUNK])
def test_what_follows_the_end(tmp_path: Path, compression: Compression, portion: int) -> None:
    """Bytes behind the compressed stream are no part of it."""
    write(tmp_path / "f", TEXT[:300], compression)
    stored = (tmp_path / "f").read_bytes()
    with pytest.raises(damaged()):
        unpack(compression, stored + b"garbage behind it", portion)


def test_several_members_of_gzip() -> None:
    """gzip files put together are one file (RFC 1952), in portions of any size."""
    stored = gzip.compress(TEXT[:1000]) + gzip.compress(b"") + gzip.compress(TEXT[1000:5000])
    for portion in (1, 13, CHUNK):
        assert unpack(Compression.GZIP, stored, portion) == 5000


@pytest.mark.parametrize("compression", [Compression.ZSTD, Compression.GZIP])
def test_a_bomb_takes_time_and_no_memory(compression: Compression) -> None:
    """A small file that unpacks to 100 MB is unpacked in portions."""
    zeros = bytes(100 << 20)
    stored = gzip.compress(zeros, 1) if compression is Compression.GZIP else zstd().compress(zeros)
    del zeros
    tracemalloc.start()
    try:
        assert unpack(compression, stored) == 100 << 20
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_window_that_no_backup_tool_makes(tmp_path: Path) -> None:
    """A frame that asks for a window of 2 GB is refused, before memory is taken for it."""
    module = zstd()
    parameter = module.CompressionParameter
    packer = module.ZstdCompressor(
        options={parameter.window_log: 31, parameter.enable_long_distance_matching: 1}
    )
    stored = packer.compress(b"x" * 1000) + packer.flush()
    with pytest.raises(damaged()):
        unpack(Compression.ZSTD, stored)
    (tmp_path / "f").write_bytes(stored)
    with open_for_reading(tmp_path / "f") as file, pytest.raises(damaged()):
        file.read()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither for reading nor for writing."""
    write(tmp_path / "f", TEXT[:300], Compression.ZSTD)
    (tmp_path / "link").symlink_to(tmp_path / "f")
    (tmp_path / "nowhere").symlink_to(tmp_path / "new")
    with pytest.raises(OSError, match="symbolic"):
        open_for_reading(tmp_path / "link")
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "nowhere", Compression.NONE)
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "f", Compression.NONE)


def test_a_writer_that_is_left_early(tmp_path: Path) -> None:
    """An exception in the middle: no thread goes on, no descriptor stays open."""
    before = len(os.listdir("/proc/self/fd"))
    for number, compression in enumerate(Compression):
        with (
            contextlib.suppress(ZeroDivisionError),
            Writer(tmp_path / str(number), compression, threads=3) as sink,
        ):
            sink.write(TEXT)
            raise ZeroDivisionError
    assert len(os.listdir("/proc/self/fd")) == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPool")]


def test_random_data_hardly_grows(tmp_path: Path) -> None:
    """What cannot be compressed (images, ciphertexts) takes no more than a thousandth more."""
    data = random.Random(1).randbytes(2 << 20)
    for compression in Compression:
        assert write(tmp_path / compression.value, data, compression).size < len(data) * 1.001
