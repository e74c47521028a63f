"""Compressed files read back by what they are, not by what they are called."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

from dbops.backups.compression import CHUNK, Compression, zstd

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
# A frame says how much memory unpacking it takes; what needs more than this is no frame of a backup tool.
_WINDOW_LOG_MAX = 27


def compression_of(path: Path) -> Compression:
    """By the first bytes of a regular file.

    :raises OSError: it cannot be read, or is a link.
    """
    with _open(path) as file:
        start = file.read(4)
    if start == _ZSTD_MAGIC:
        return Compression.ZSTD
    return Compression.GZIP if start[:2] == _GZIP_MAGIC else Compression.NONE


def open_for_reading(path: Path) -> BinaryIO:
    """The uncompressed content of a file, whatever its name; no link is followed.

    Reading raises `damaged()` where the compressed data is cut short or not whole.
    """
    found = compression_of(path)
    file = _open(path)
    if found is Compression.NONE:
        return file
    if found is Compression.GZIP:
        import gzip

        return _Owning(gzip.GzipFile(fileobj=file), file)  # type: ignore[return-value]  # as much of one as is used
    module = zstd()
    options = {module.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
    return _Owning(module.ZstdFile(file, options=options), file)  # type: ignore[return-value]  # the same


class Unpacker:
    """Unpacks what it is fed, to see that it is whole; what comes out is only counted.

    For a check that hashes the compressed bytes in the same pass.
    """

    def __init__(self, compression: Compression) -> None:
        self._compression = compression
        self._decoder = _decoder(compression)
        self.raw_size = 0

    def feed(self, data: memoryview) -> None:
        """More of the file, in order.

        :raises Exception: one of `damaged()`.
        """
        if self._decoder is None:
            self.raw_size += len(data)
        elif self._compression is Compression.ZSTD:
            self._feed_zstd(data)
        else:
            self._feed_gzip(data)

    def finish(self) -> None:
        """The file has ended.

        :raises EOFError: but the compressed stream has not.
        """
        if self._decoder is not None and not self._decoder.eof:
            raise EOFError("it is cut short")

    def _feed_zstd(self, data: memoryview) -> None:
        if self._decoder.eof and data:
            raise EOFError("something follows its end")
        self.raw_size += len(self._decoder.decompress(data, CHUNK))
        while not self._decoder.needs_input and not self._decoder.eof:
            self.raw_size += len(self._decoder.decompress(b"", CHUNK))
        if self._decoder.eof and self._decoder.unused_data:
            raise EOFError("something follows its end")

    def _feed_gzip(self, data: memoryview) -> None:
        rest: bytes | memoryview = data
        while rest:
            if self._decoder.eof:
                self._decoder = _decoder(self._compression)
            self.raw_size += len(self._decoder.decompress(rest, CHUNK))
            rest = self._decoder.unconsumed_tail or self._decoder.unused_data


def damaged() -> tuple[type[Exception], ...]:
    """What reading compressed data raises where it is not whole."""
    module = zstd()
    return (EOFError, zlib.error, module.ZstdError, OSError)


def chunks(stream: BinaryIO) -> Iterator[memoryview]:
    """What is left of a stream, in portions; each is overwritten by the next."""
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    while count := stream.readinto(buffer):  # type: ignore[attr-defined]  # all that is opened here has it
        yield view[:count]


class _Owning:
    """A reader that closes the file under it, too, which gzip and zstd do not where they were given one."""

    def __init__(self, reader: Any, file: BinaryIO) -> None:
        self._reader = reader
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._reader.read(size)  # type: ignore[no-any-return]  # bytes

    def readinto(self, buffer: bytearray) -> int:
        return self._reader.readinto(buffer)  # type: ignore[no-any-return]  # a number

    def close(self) -> None:
        self._reader.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0)


def _decoder(compression: Compression) -> Any:
    if compression is Compression.NONE:
        return None
    if compression is Compression.GZIP:
        return zlib.decompressobj(wbits=31)  # gzip's own frame, with its checksum
    module = zstd()
    return module.ZstdDecompressor(options={module.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})
