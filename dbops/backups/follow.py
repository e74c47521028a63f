"""A folder that pg_dump writes, compressed while it grows.

pg_dump writes the data of each table into a file of its own.  One thread for
each file that grows reads behind it, compresses, and gives the disk blocks
back as it goes (where the system can), so that the raw data need never be on
disk as a whole.  Whatever is left when pg_dump has ended is finished then.

A file that was taken for complete too early would be cut short, and nobody
would notice before it is restored.  So what was compressed is emptied and
stays: where it has grown again when pg_dump has ended, the archive is refused.
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

from dbops.backups.compression import CHUNK, Compression
from dbops.backups.packing import Writer, Written
from dbops.errors import DbopsError
from dbops.process.worker import Worker

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
    :raises DbopsError: from `finish`, where a file went on after its end.
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
        self._last_written: dict[str, int] = {}
        self._touched: set[str] = set()
        self._error: BaseException | None = None
        self._dump_ended = threading.Event()
        self._given_up = threading.Event()
        self._gives_back = True
        self._watch = Worker(self._look_for_files, "follow")

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
        for name in self._futures:
            self._remove_emptied(self._raw / name)
        with os.scandir(self._raw) as left:
            return written + [self._moved(name) for name in sorted(entry.name for entry in left)]

    def give_up(self) -> None:
        """Stop all threads; what they have written stays for whoever removes the folder."""
        self._given_up.set()
        self._dump_ended.set()
        self._watch.join()
        self._pool.shutdown(cancel_futures=True)

    def failure(self) -> BaseException | None:
        """Why a file could not be compressed, as soon as that is known."""
        return self._error

    def _look_for_files(self) -> None:
        pause = _PAUSE
        while not self._dump_ended.wait(pause):
            began = time.monotonic()
            try:
                if self._raw.is_dir():
                    self._take_up(_TABLE)
            except OSError as error:
                self._error = error
                return
            # a folder of 100,000 files is not looked through a hundred times a second
            pause = min(max(_PAUSE, 10 * (time.monotonic() - began)), _MOST_PAUSE)

    def _take_up(self, kind: re.Pattern[str]) -> None:
        """Begin with the files that are new, in the order in which they were written last."""
        with os.scandir(self._raw) as found:
            growing = [e for e in found if self._is_open(e.name) and kind.fullmatch(e.name)]
        written = {entry.name: entry.stat().st_mtime_ns for entry in growing}
        new = [name for name in written if name not in self._futures]
        for name in sorted(new, key=written.__getitem__):
            self._futures[name] = self._pool.submit(self._compress, name)
            self._futures[name].add_done_callback(self._note_failure)
        if self._one_after_another:
            self._complete_before_others(written)

    def _is_open(self, name: str) -> bool:
        """Whether a file is new, or may have to wait for a later one to be known as complete."""
        return name not in self._futures or (self._one_after_another and name not in self._complete)

    def _complete_before_others(self, written: dict[str, int]) -> None:
        """Of files that are written one by one, each is complete that was last written before another one was.

        Where two were written in one tick of the clock, nothing is known yet.  Of those that we have changed
        ourselves the time from before counts.
        """
        for name, when in written.items():
            if name not in self._touched or name not in self._last_written:
                self._last_written[name] = when
        latest = max((self._last_written[name] for name in written), default=0)
        self._complete.update(name for name in written if self._last_written[name] < latest)

    def _note_failure(self, future: Future[Written]) -> None:
        if not future.cancelled() and self._error is None:
            self._error = future.exception()

    def _compress(self, name: str) -> Written:
        raw = self._raw / name
        target = self._archive / f"{name}{Compression.ZSTD.suffix}"
        with (
            open(raw, "rb", buffering=0) as source,
            Writer(target, Compression.ZSTD, level=self._level) as sink,
        ):
            self._copy(source, sink, name)
            written = sink.finish()
        self._touched.add(name)
        os.truncate(raw, 0)
        return written

    def _remove_emptied(self, path: Path) -> None:
        if path.stat().st_size:
            raise DbopsError(
                f"pg_dump wrote on to {path.name} after its end had been seen; the backup was not kept",
                hint="was this machine's clock set back meanwhile? run it again",
            )
        path.unlink()

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
                self._touched.add(name)
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


# https://man7.org/linux/man-pages/man2/fallocate.2.html
_PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01


def _give_back(descriptor: int, offset: int, length: int) -> bool:
    """Free the disk blocks of a part of a file that was read; False where the system or file system cannot."""
    fallocate = getattr(ctypes.CDLL(None), "fallocate64", None)
    if fallocate is None:
        return False
    off_t = ctypes.c_int64
    return bool(fallocate(descriptor, _PUNCH_HOLE_KEEP_SIZE, off_t(offset), off_t(length)) == 0)
