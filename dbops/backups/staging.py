"""A directory archive as any pg_restore can read it, without unpacking it onto the disk.

In a temporary folder, `toc.dat` and the lists of large objects are copies, what pg_restore reads by itself is linked,
and each data file that is compressed in a way it may not know is a FIFO, into which the content is written once
pg_restore opens it.  Small files are unpacked for good, as long as they are small together as well.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from dbops.backups import unpacking
from dbops.backups.compression import Compression
from dbops.backups.toc import TOC_FILE, Toc
from dbops.backups.tocbytes import Damaged
from dbops.process.worker import Worker

_DATA = re.compile(r"(\d{1,10}\.dat|blob_\d{1,10}\.dat)(?:\.(?:gz|zst|lz4))?")
_LIST = re.compile(r"(blobs(?:_\d{1,10})?\.toc)(?:\.(?:gz|zst))?")
_SMALL = 64 * 1024
_MOST_SMALL = 128 * 1024 * 1024
_PIPE_SIZE = 1024 * 1024
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05
_COMPRESSION_BYTE = 11  # of toc.dat from version 1.15 on; 0 is "none"


@dataclasses.dataclass(frozen=True)
class Member:
    """A data file: what pg_restore calls it, where it is, and how it is compressed."""

    name: str
    path: Path
    compression: Compression
    size: int


def members(folder: Path) -> tuple[dict[str, Member], dict[str, Member]]:
    """The data files and the lists of large objects in a directory archive, by the names that pg_restore knows.

    Only names that pg_dump gives count, and only regular files.

    :raises Damaged: one is a link or no file, or there twice.
    :raises OSError: the folder cannot be read.
    """
    data: dict[str, Member] = {}
    lists: dict[str, Member] = {}
    with os.scandir(folder) as scanned:
        entries = [entry.name for entry in scanned]
    for name in entries:
        for pattern, found in ((_DATA, data), (_LIST, lists)):
            if match := pattern.fullmatch(name):
                member = _member(folder / name, match[1])
                if found.setdefault(member.name, member) is not member:
                    raise Damaged(f"{folder} holds {member.name} twice, once compressed")
    return data, lists


def _member(path: Path, name: str) -> Member:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise Damaged(f"{path} is no regular file, and an archive holds nothing else")
    return Member(name, path, unpacking.compression_of(path), found.st_size)


class Staging:
    """A folder that pg_restore reads while threads of ours feed it.  Use as a context manager.

    Begin feeding with `start` once the folder is complete; leaving ends all threads, whether or not pg_restore ever
    opened their files.  The folder goes with its parent, which is the caller's.

    :param parent: an empty folder of mode 0700 on a local disk.
    :param jobs: how many files pg_restore may have open at once.
    :raises Damaged: as `members` does, and where a data file that the table of contents names is not there.
    """

    def __init__(self, archive: Path, toc: Toc, parent: Path, *, jobs: int) -> None:
        self.folder = parent / "archive"
        self.folder.mkdir(mode=0o700)
        self.bytes_read = 0
        self._small_left = _MOST_SMALL
        self._pool = ThreadPoolExecutor(jobs + 1, thread_name_prefix="feed")
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._on_failure: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._watch: Worker | None = None
        self._lanes = self._make(archive, toc)

    def start(self, on_failure: Callable[[], None]) -> None:
        """Begin to feed; `on_failure` is called from a thread where a file turns out to be damaged."""
        self._on_failure = on_failure
        self._watch = Worker(self._look_for_readers, "feed")

    def check(self) -> None:
        """Raise what went wrong in the threads, if anything did.

        :raises Damaged: a data file is cut short or not whole.
        """
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._watch is not None:
            self._watch.join()
        self._pool.shutdown()

    def _make(self, archive: Path, toc: Toc) -> list[deque[Member]]:
        """Fill the folder; returns FIFOs to serve, in lanes of which only the first can be opened next."""
        data, lists = members(archive)
        self._copy_toc(archive, toc)
        named = [entry.data_file for entry in toc.entries if entry.data_file]
        lanes: list[deque[Member]] = []
        for name in named:
            if name in lists:
                lanes.append(self._large_objects(lists[name], data))
            elif name not in data:
                raise Damaged(f"{archive} has no {name}, which its table of contents names")
            elif self._is_fifo(data[name]):
                lanes.append(deque([data[name]]))
        return [lane for lane in lanes if lane]

    def _copy_toc(self, archive: Path, toc: Toc) -> None:
        content = bytearray((archive / TOC_FILE).read_bytes())
        if toc.header.version >= (1, 15) and content[:5] == b"PGDMP" and toc.header.compression == "zstd":
            content[_COMPRESSION_BYTE] = 0  # the files come unpacked, so no pg_restore needs to know how
        self._write(TOC_FILE, bytes(content))

    def _large_objects(self, listed: Member, data: dict[str, Member]) -> deque[Member]:
        """The files of one list in its order, which is the order in which pg_restore opens them."""
        lane: deque[Member] = deque()
        with unpacking.open_for_reading(listed.path) as file:
            content = file.read()
        self._write(listed.name, content)
        for line in content.decode("ascii", "replace").splitlines():
            name = line.partition(" ")[2]
            if name not in data or not name.startswith("blob_"):
                raise Damaged(f"{listed.path} names {name[:40]!r}, which is not there")
            if self._is_fifo(data[name]):
                lane.append(data[name])
        return lane

    def _is_fifo(self, member: Member) -> bool:
        """Put a data file into the folder; whether it is a FIFO there."""
        if member.compression is not Compression.ZSTD:
            suffix = ".gz" if member.compression is Compression.GZIP else member.path.name[len(member.name) :]
            os.symlink(os.path.abspath(member.path), self.folder / (member.name + suffix))
            return False
        if member.size <= min(_SMALL, self._small_left) and self._unpack(member):
            return False
        os.mkfifo(self.folder / member.name, 0o600)
        return True

    def _unpack(self, member: Member) -> bool:
        """Unpack a small file for good; False where it is not small after all."""
        try:
            with unpacking.open_for_reading(member.path) as file:
                content = file.read(_PIPE_SIZE + 1)
        except unpacking.damaged() as error:
            raise _not_whole(member, error) from error
        if len(content) > min(_PIPE_SIZE, self._small_left):
            return False
        self._small_left -= len(content)
        self._write(member.name, content)
        return True

    def _write(self, name: str, content: bytes) -> None:
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)

    def _look_for_readers(self) -> None:
        """Open each FIFO once somebody reads it.  Trying never blocks, so that nothing has to be released."""
        pause = _SHORTEST_PAUSE
        while self._lanes and not self._stop.wait(pause):
            began = time.monotonic()
            found = [lane for lane in self._lanes if self._serve(lane)]
            self._lanes = [lane for lane in self._lanes if lane]
            took = time.monotonic() - began
            # thousands of files must not be looked at without a pause
            pause = (
                _SHORTEST_PAUSE if found else min(max(pause * 1.5, took * 4), max(_LONGEST_PAUSE, took * 4))
            )

    def _serve(self, lane: deque[Member]) -> bool:
        try:
            descriptor = os.open(self.folder / lane[0].name, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return False
            self._fail(error)
            lane.clear()
            return False
        self._pool.submit(self._feed, lane.popleft(), descriptor)
        return True

    def _feed(self, member: Member, descriptor: int) -> None:
        """Write a file's content into its FIFO.  What fails is told before the FIFO is closed: an early end
        of the data would look like their end."""
        try:
            os.set_blocking(descriptor, True)
            _widen(descriptor)
            self._pump(member, descriptor)
        except BrokenPipeError:
            pass  # pg_restore ended: its own words say why
        except unpacking.damaged() as error:
            self._fail(_not_whole(member, error))
        finally:
            os.close(descriptor)

    def _pump(self, member: Member, descriptor: int) -> None:
        with unpacking.open_for_reading(member.path) as source:
            for portion in unpacking.chunks(source):
                left = portion
                while left:
                    left = left[os.write(descriptor, left) :]
                with self._lock:
                    self.bytes_read += len(portion)
                if self._stop.is_set():
                    return

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._stop.set()
        if self._on_failure is not None:
            self._on_failure()


def _not_whole(member: Member, error: BaseException) -> Damaged:
    return Damaged(
        f"{member.path} is damaged: {error}",
        hint="bin/backup verify NAME shows what else is; restore another backup",
    )


def _widen(descriptor: int) -> None:
    """Fewer, longer portions; where the system cannot, the pipe stays as it is."""
    import contextlib
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
