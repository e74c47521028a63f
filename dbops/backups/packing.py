"""Compressed files, written while they are hashed.

zstd does the work outside pg_dump, so that backups are alike whatever pg_dump was built with: one frame for each file,
with the checksum of its content.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from dbops.backups.compression import CHUNK, Compression, zstd

_MOST_WORKERS = 4  # more threads for one stream need memory and find nothing to do behind one COPY


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
    return module.ZstdCompressor(options=options)  # type: ignore[no-any-return]  # a _Packer


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
