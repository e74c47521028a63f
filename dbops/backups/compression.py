"""Compressed files, written while they are hashed and read back by what they are, not by what they are called.

zstd does the work outside pg_dump, so that backups are alike whatever pg_dump
was built with: one frame for each file, with the checksum of its content.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import os
import sys
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, BinaryIO, Protocol, Self

CHUNK = 1 << 20
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_WORKERS = 4  # more threads for one stream need memory and find nothing to do behind one COPY
# A frame says how much memory unpacking it takes; what needs more than this is no frame of a backup tool.
_WINDOW_LOG_MAX = 27


class Compression(enum.Enum):
    """How a file is compressed.  The values are stored in manifests."""

    ZSTD = "zstd"
    GZIP = "gzip"
    NONE = "none"

    @property
    def suffix(self) -> str:
        return {Compression.ZSTD: ".zst", Compression.GZIP: ".gz", Compression.NONE: ""}[self]


@dataclasses.dataclass(frozen=True)
class Written:
    """A file that was written: its size, the sha256 of its bytes, and how many bytes went into it."""

    path: Path
    size: int
    sha256: str
    raw_size: int


class _Packer(Protocol):
    def compress(self, data: bytes | memoryview, /) -> bytes: ...

    def flush(self) -> bytes: ...


def zstd() -> ModuleType:
    """The zstd module: the standard library's from Python 3.14 on, its backport before."""
    if sys.version_info >= (3, 14):
        from compression import zstd as module
    else:
        from backports import zstd as module
    return module


class Writer:
    """A new file of mode 0600 that compresses what is written into it.  Use as a context manager.

    Nothing is synced to disk here; a file that was not closed is left for
    whoever owns the folder.

    :param level: zstd's or gzip's own; None is the quick one that was found best for dumps.
    :param threads: how many may work on this one file.
    :raises FileExistsError: it is there already.
    """

    def __init__(
        self, path: Path, compression: Compression, *, level: int | None = None, threads: int = 1
    ) -> None:
        self._path = path
        self._packer = _packer(compression, level, min(threads, _MOST_WORKERS))
        self._hash = hashlib.sha256()
        self._size = self._raw_size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        self._file = open(os.open(path, flags, 0o600), "wb", buffering=0)  # noqa: SIM115  # closed by __exit__

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes.

        :raises OSError: the disk is full, or the like.
        """
        self._raw_size += len(data)
        self._put(self._packer.compress(data))

    def finish(self) -> Written:
        """End the compressed stream and close the file."""
        self._put(self._packer.flush())
        self._file.close()
        return Written(self._path, self._size, self._hash.hexdigest(), self._raw_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        if isinstance(self._packer, _ParallelGzip):
            self._packer.close()

    def _put(self, data: bytes) -> None:
        self._hash.update(data)
        self._size += len(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]


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

        return _Owning(gzip.GzipFile(fileobj=file), file)  # type: ignore[return-value]
    module = zstd()
    options = {module.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
    return _Owning(module.ZstdFile(file, options=options), file)  # type: ignore[return-value]


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
        return self._reader.read(size)  # type: ignore[no-any-return]

    def readinto(self, buffer: bytearray) -> int:
        return self._reader.readinto(buffer)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._reader.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0)


def _packer(compression: Compression, level: int | None, threads: int) -> _Packer:
    if compression is Compression.NONE:
        return _Plain()
    if compression is Compression.GZIP:
        return _ParallelGzip(6 if level is None else level, threads)
    module = zstd()
    parameter = module.CompressionParameter
    options = {parameter.compression_level: 1 if level is None else level, parameter.checksum_flag: 1}
    if threads > 1:
        options[parameter.nb_workers] = threads
    return module.ZstdCompressor(options=options)  # type: ignore[no-any-return]


def _decoder(compression: Compression) -> Any:
    if compression is Compression.NONE:
        return None
    if compression is Compression.GZIP:
        return zlib.decompressobj(wbits=31)  # gzip's own frame, with its checksum
    module = zstd()
    return module.ZstdDecompressor(options={module.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})


class _Plain:
    def compress(self, data: bytes | memoryview, /) -> bytes:
        return bytes(data)

    def flush(self) -> bytes:
        return b""


class _ParallelGzip:
    """gzip in several threads: one member for each portion, which gunzip reads as one stream (RFC 1952, 2.2)."""

    def __init__(self, level: int, threads: int) -> None:
        self._level = level
        self._pool = ThreadPoolExecutor(threads)
        self._waiting: deque[Future[bytes]] = deque()
        self._most = threads * 2
        self._pending = bytearray()
        self._any = False

    def compress(self, data: bytes | memoryview, /) -> bytes:
        self._pending += data
        done = b""
        while len(self._pending) >= CHUNK:
            self._submit(bytes(self._pending[:CHUNK]))
            del self._pending[:CHUNK]
            if len(self._waiting) > self._most:
                done += self._waiting.popleft().result()
        return done

    def flush(self) -> bytes:
        if self._pending or not self._any:
            self._submit(bytes(self._pending))
        self._pending.clear()
        done = b"".join(part.result() for part in self._waiting)
        self._waiting.clear()
        self.close()
        return done

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, portion: bytes) -> None:
        import gzip

        self._any = True
        self._waiting.append(self._pool.submit(gzip.compress, portion, self._level, mtime=0))
