"""Running pg_dump: into a folder that is compressed while it grows, or as one stream through the compressor."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import select
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from dbops.backups import scope
from dbops.backups.compression import CHUNK, Compression
from dbops.backups.follow import Follower
from dbops.backups.packing import Writer, Written
from dbops.backups.progress import Progress
from dbops.errors import DbopsError, LockNotAcquired
from dbops.events import Listener, Warned
from dbops.process import Completed, Stream, failure
from dbops.programs import Client

ARCHIVE = "archive"
RAW = "raw"
# What pg_dump says with --verbose when a worker has done an entry.  https://www.postgresql.org/docs/current/app-pgdump.html
_FINISHED = re.compile(r"pg_dump: finished item (\d+) ")
_TOLD = re.compile(r"pg_dump: (?:warning|error|detail|hint): ")
_LOCKED = ("could not obtain lock on relation", "canceling statement due to lock timeout")
_WAITED = "canceling statement due to statement timeout"  # which is how pg_dump limits its wait for locks
WHEN_IT_HAS_ENDED = "run it again when that session has ended"
FEWER_SESSIONS = "fewer sessions do it with --jobs 1"
_NO_SESSION = ("too many clients", "too many connections", "remaining connection slots")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TOO_LARGE = {errno.EFBIG: signal.SIGXFSZ}  # what a program gets that grows a file beyond its limit
_LOOK_EVERY = 0.05


@dataclasses.dataclass(frozen=True)
class Dumped:
    """What a run has brought: the files, and the lines that tell what is in a plain one."""

    written: tuple[Written, ...]
    lines: tuple[str, ...] = ()


class TableLocked(LockNotAcquired):
    """Another session's change of the schema waits for a table, and pg_dump would have to wait behind it.

    `named` tells whether the message names that session.
    """

    named = True


class _Unnamed(TableLocked):
    """As pg_dump reports it."""

    named = False


@dataclasses.dataclass(frozen=True)
class Dump:
    """One run of pg_dump.

    `environ` tells it where to connect; `options` are those of the user, as pg_dump has them; `snapshot` is the
    exported snapshot that it reads; `lock_wait` is in seconds.
    """

    client: Client
    environ: Mapping[str, str]
    snapshot: str
    jobs: int
    options: tuple[str, ...]
    lock_wait: float
    threads: int
    level: int | None = None

    def argv(self, *words: str) -> list[str]:
        """The command line; it holds no password."""
        return [
            str(self.client.program("pg_dump")), "--no-password", "--no-sync", "--verbose",
            f"--snapshot={self.snapshot}", f"--lock-wait-timeout={self.lock_wait * 1000:.0f}",
            *self.options, *words,
        ]  # fmt: skip


def into_folder(
    dump: Dump, place: Path, progress: Progress, watch: Callable[[], None], listen: Listener
) -> Dumped:
    """A directory archive in `place`/archive, its data files compressed one by one.

    :param watch: called many times a second; what it raises ends pg_dump.

    :raises TableLocked: see there; run it again, with one job.
    :raises ProgramFailed: pg_dump failed.
    :raises OSError: the disk is full (for pg_dump, too), or the like.  Each leaves files in `place` for whoever removes it.
    """
    raw, archive = place / RAW, place / ARCHIVE
    archive.mkdir(mode=0o700)
    follower = Follower(
        raw, archive, threads=dump.jobs + 1, level=dump.level, one_after_another=dump.jobs == 1,
        on_bytes=progress.add,
    )  # fmt: skip
    said = _Said(listen, progress, follower.complete)
    try:
        argv = dump.argv("--format=directory", "--compress=0", f"--jobs={dump.jobs}", f"--file={raw}")
        with Stream(argv, environ=dump.environ, on_line=said.line) as program:
            while not program.ends_within(_LOOK_EVERY):
                watch()
                if (error := follower.failure()) is not None:
                    raise error
            _judge(program.wait(), said)
        written = follower.finish()
    finally:
        follower.give_up()
    raw.rmdir()
    return Dumped(tuple(written))


def into_file(
    dump: Dump,
    path: Path,
    form: str,
    compression: Compression,
    progress: Progress,
    watch: Callable[[], None],
    listen: Listener,
) -> Dumped:
    """A custom or plain archive in one compressed file.

    :param form: pg_dump's word for it, "custom" or "plain".
    :raises DbopsError: as `into_folder`.
    """
    said = _Said(listen, progress)
    argv = dump.argv(f"--format={form}", "--compress=0")
    with (
        Writer(path, compression, level=dump.level, threads=dump.threads) as sink,
        Stream(argv, environ=dump.environ, stdout=True, on_line=said.line) as program,
    ):
        for portion in _portions(program, watch):
            sink.write(portion)
            progress.add(len(portion))
        _judge(program.wait(), said)
        return Dumped((sink.finish(),), tuple(said.lines))


def _portions(program: Stream, watch: Callable[[], None]) -> Iterator[memoryview]:
    """What the program writes; while it writes nothing, `watch` is called all the same."""
    view, descriptor, poll = memoryview(bytearray(CHUNK)), program.stdout.fileno(), select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        watch()
        if poll.poll(_LOOK_EVERY * 1000):
            if not (count := os.readv(descriptor, [view])):
                return
            yield view[:count]


class _Said:
    """What pg_dump says while it works: warnings go on to the user, finished entries to whoever compresses."""

    def __init__(
        self, listen: Listener, progress: Progress, finished: Callable[[int], None] | None = None
    ) -> None:
        self._listen = listen
        self._progress = progress
        self._finished = finished
        self.told: list[str] = []
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        if match := _FINISHED.match(text):
            if self._finished is not None:
                self._finished(int(match[1]))
        elif _TOLD.match(text):
            self.told.append(text)
            if text.startswith("pg_dump: warning: "):
                self._listen(Warned(text))
        elif table := scope.table_of(text):
            self._progress.table(table)
        if self._finished is None and scope.concerns(text):
            self.lines.append(text)


def _judge(completed: Completed, said: _Said) -> None:
    if completed.code == 0:
        return
    told = [line for line in said.told if not line.startswith("pg_dump: warning: ")]
    waited = any(_WAITED in line for line in told) and any("LOCK TABLE" in line for line in told)
    if waited or any(words in line for line in told for words in _LOCKED):
        raise _Unnamed(
            "a change of the schema in another session waits for a table that the backup reads",
            detail="\n".join(told),
            hint=WHEN_IT_HAS_ENDED,
        )
    own = [line for line in told if "ERROR: " not in line]  # the server's disk may be full, too
    for number in _FULL:
        if any(os.strerror(number) in line for line in own) or -completed.code == _TOO_LARGE.get(number):
            raise OSError(number, os.strerror(number))
    error: DbopsError = failure(completed)
    error.detail = "\n".join(told[:12]) or error.detail
    if any(words in line for line in told for words in _NO_SESSION):
        error.hint = FEWER_SESSIONS
    raise error
