"""Processes that make the blocks, each every n-th one; what they have made waits in pipes until it is its turn.

A pipe holds a megabyte, and a process whose pipe is full waits, so that nobody is further ahead than that and the
memory is the same for any number of blocks.  New interpreters, not forks: a fork would hold the session's socket and
the other pipes open.  They take no signals, since Ctrl-C reaches all processes of a terminal: whoever reads the pipes
ends them, and where that is killed itself, they find their pipe closed.  One starts in 40 ms.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import signal
import traceback
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import get_context, resource_tracker
from typing import TYPE_CHECKING

from dbops import interrupts
from dbops.errors import DbopsError
from dbops.seeding.fill.model import Part, Source

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_PIPE = 1 << 20  # bytes; more needs a privilege


class WorkerFailed(DbopsError):
    """A process that makes rows has ended before its time."""


@dataclasses.dataclass(frozen=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.process.close()
        self.pipe.close()


@contextlib.contextmanager
def made(source: Source, jobs: int) -> Iterator[Iterator[Sequence[Part]]]:
    """The blocks in ascending order, made by so many processes; with one, by this process itself.

    Leaving it ends the processes.  What `make` raises is raised where the block is asked for.

    :raises WorkerFailed: a process was killed.
    """
    if jobs < 2:
        yield map(source.make, range(source.blocks))
        return
    workers: list[_Worker] = []
    try:
        resource_tracker.ensure_running()  # which a first start would do, and let the signals in again
        jobs = min(jobs, source.blocks)
        for number in range(jobs):
            with interrupts.held_back(), _signals_held_back():
                workers.append(_start(source, number, jobs))
        yield _received(workers, source.blocks)
    finally:
        with interrupts.held_back():
            for worker in workers:
                worker.end()


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """What is started within takes none of them for its whole life."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, interrupts.SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(source: Source, first: int, step: int) -> _Worker:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with theirs:
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(PermissionError):  # this account's pipes hold a lot already
                fcntl.fcntl(theirs.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        process = context.Process(target=_work, args=(source, first, step, theirs), daemon=True)
        process.start()
    return _Worker(process, ours)


def _received(workers: Sequence[_Worker], blocks: int) -> Iterator[Sequence[Part]]:
    for block in range(blocks):
        worker = workers[block % len(workers)]
        try:
            yield _receive(worker.pipe)
        except (EOFError, OSError):  # at the end of a message, or within one
            raise _died(worker.process) from None


def _receive(pipe: Connection) -> Sequence[Part]:
    heads = pipe.recv()
    if isinstance(heads, BaseException):
        raise heads
    return [(index, rows, pipe.recv_bytes()) for index, rows in heads]


def _died(process: SpawnProcess) -> WorkerFailed:
    process.join()
    code = process.exitcode or 0
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    hint = "where memory was short, --jobs 1 needs least" if code == -signal.SIGKILL else None
    return WorkerFailed(f"a process that makes rows was ended {how}", hint=hint)


def _work(source: Source, first: int, step: int, pipe: Connection) -> None:
    """What a process does from beginning to end."""
    try:
        for block in range(first, source.blocks, step):
            _send(pipe, source.make(block))
    except BrokenPipeError:  # nobody wants them any more
        return
    except BaseException as error:
        pipe.send(_told(error))
        raise SystemExit(1) from error


def _send(pipe: Connection, parts: Iterable[Part]) -> None:
    parts = tuple(parts)
    pipe.send([(index, rows) for index, rows, _ in parts])
    for _, _, text in parts:
        pipe.send_bytes(text)


def _told(error: BaseException) -> BaseException:
    """An error that another process can read: one of ours as it is, any other as its text."""
    if isinstance(error, DbopsError):
        return error
    told = RuntimeError(f"{type(error).__name__}: {error}")
    told.add_note("".join(traceback.format_exception(error)))
    return told
