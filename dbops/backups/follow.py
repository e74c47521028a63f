"""A folder that pg_dump writes, compressed while it grows.

pg_dump writes the data of each table into a file of its own.  One thread for
each file that grows reads behind it, compresses, and gives the disk blocks
back as it goes (where the system can), so that the raw data need never be on
disk as a whole.  Whatever is left when pg_dump has ended is finished then.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from dbops.backups.compression import CHUNK, Compression, Writer, Written

# https://www.postgresql.org/docs/current/app-pgdump.html, -F directory; the tables of contents are small and stay plain.
_TABLE = re.compile(r"\d+\.dat")
_DATA = re.compile(r"(?:blob_)?\d+\.dat")
_PAUSE = 0.01
_MOST_PAUSE = 0.5
_GIVE_BACK_EVERY = 16 << 20


class Follower:
    """Compresses the data files of `raw` into `archive` while another program writes them.

    :param one_after_another: the files are written one by one, so that the next one ends the one before it.
    :param on_bytes: told, from several threads, how many more raw bytes have been read.

    :raises OSError: from `finish`, where the disk was full or a file could not be read.
    """

    def __init__(
        self,
        raw: Path,
        archive: Path,
        *,
        threads: int,
        level: int | None,
        one_after_another: bool,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._raw = raw
        self._archive = archive
        self._level = level
        self._one_after_another = one_after_another
        self._on_bytes = on_bytes
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="compress")
        self._futures: dict[str, Future[Written]] = {}
        self._complete: set[str] = set()
        self._dump_ended = threading.Event()
        self._given_up = threading.Event()
        self._gives_back = True
        self._watch = threading.Thread(target=self._look_for_files, name="follow", daemon=True)
        self._watch.start()

    def complete(self, dump_id: int) -> None:
        """The file of this entry has all its bytes."""
        self._complete.add(f"{dump_id}.dat")

    def finish(self) -> list[Written]:
        """pg_dump has ended well: compress what is left, move the rest; returns all files of the archive."""
        self._dump_ended.set()
        self._watch.join()
        self._take_up(_DATA)
        written = [future.result() for future in self._futures.values()]
        self._pool.shutdown()
        return written + [self._moved(entry.name) for entry in sorted(os.scandir(self._raw), key=_name)]

    def give_up(self) -> None:
        """Stop all threads; what they have written stays for whoever removes the folder."""
        self._given_up.set()
        self._dump_ended.set()
        self._watch.join()
        self._pool.shutdown(cancel_futures=True)

    def failure(self) -> BaseException | None:
        """Why a file could not be compressed, as soon as that is known."""
        for future in list(self._futures.values()):
            if future.done() and not future.cancelled() and (error := future.exception()) is not None:
                return error
        return None

    def _look_for_files(self) -> None:
        pause = _PAUSE
        while not self._dump_ended.wait(pause):
            began = time.monotonic()
            if self._raw.is_dir():
                self._take_up(_TABLE)
            # a folder of 100,000 files is not looked through a hundred times a second
            pause = min(max(_PAUSE, 10 * (time.monotonic() - began)), _MOST_PAUSE)

    def _take_up(self, kind: re.Pattern[str]) -> None:
        entries = [entry for entry in os.scandir(self._raw) if kind.fullmatch(entry.name)]
        new = sorted((e for e in entries if e.name not in self._futures), key=lambda e: e.stat().st_ctime_ns)
        for entry in new:
            if self._one_after_another:
                self._complete.update(self._futures)
            self._futures[entry.name] = self._pool.submit(self._compress, entry.name)

    def _compress(self, name: str) -> Written:
        raw = self._raw / name
        target = self._archive / f"{name}{Compression.ZSTD.suffix}"
        with (
            open(raw, "rb", buffering=0) as source,
            Writer(target, Compression.ZSTD, level=self._level) as sink,
        ):
            self._copy(source, sink, name)
            written = sink.finish()
        raw.unlink()
        return written

    def _copy(self, source: BinaryIO, sink: Writer, name: str) -> None:
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        done = given_back = 0
        while not self._given_up.is_set():
            ended = (
                self._dump_ended.is_set() or name in self._complete
            )  # asked first: then the end is the end
            count = source.readinto(buffer)  # type: ignore[attr-defined]  # a raw file has it
            if count:
                sink.write(view[:count])
                done += count
                self._on_bytes(count)
            elif ended:
                return
            else:
                time.sleep(_PAUSE)
            if done - given_back >= _GIVE_BACK_EVERY:
                self._gives_back = self._gives_back and _give_back(
                    source.fileno(), given_back, done - given_back
                )
                given_back = done

    def _moved(self, name: str) -> Written:
        """A table of contents, which stays as it is."""
        with (
            open(self._raw / name, "rb", buffering=0) as source,
            Writer(self._archive / name, Compression.NONE) as sink,
        ):
            while portion := source.read(CHUNK):
                sink.write(portion)
            written = sink.finish()
        (self._raw / name).unlink()
        return written


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


# https://man7.org/linux/man-pages/man2/fallocate.2.html
_PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01


def _give_back(descriptor: int, offset: int, length: int) -> bool:
    """Free the disk blocks of a part of a file that was read; False where the system or file system cannot."""
    fallocate = getattr(ctypes.CDLL(None), "fallocate64", None)
    if fallocate is None:
        return False
    off_t = ctypes.c_int64
    return bool(fallocate(descriptor, _PUNCH_HOLE_KEEP_SIZE, off_t(offset), off_t(length)) == 0)
