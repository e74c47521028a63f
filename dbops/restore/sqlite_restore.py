"""A restore of a SQLite database: a file beside the live one, checked and compared, then in its place by a rename.

Until the swap the live database is only looked at.  Whatever ends the work before it, the side database is removed;
after a kill the next run does it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dbops.config.model import SQLITE_FILE, Setting, Target
from dbops.engines.sqlite import openers, tracking, writing
from dbops.engines.sqlite.connection import connect_alone
from dbops.engines.sqlite.errors import told
from dbops.engines.sqlite.lock import MigrationLock, account
from dbops.errors import DbopsError, ExitCode, Refused
from dbops.events import Listener, Note, StepDone, Warned, format_bytes
from dbops.restore import record, sqlite_swap
from dbops.restore import sqlite_names as names
from dbops.restore.failures import differs, not_migrated
from dbops.restore.plan import FilePlan, Restored, Step, Swapped, Wishes
from dbops.restore.preflight import Problem
from dbops.restore.sqlite_content import FileArchive


@dataclasses.dataclass(frozen=True)
class Work:
    """All that a restore needs.

    :param live: the database's file, without links, whether or not there is one.
    :param migrate: runs pending migrations in a database.
    :param pre_backup: backs the live database up; returns the backup's name.
    :param deadline: seconds to wait for locks and for others who have the file open.
    """

    live: Path
    content: FileArchive
    wishes: Wishes
    listen: Listener
    deadline: float
    tracking_table: str | None
    migrate: Callable[[Target], object]
    pre_backup: Callable[[], str]


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A plan with what stands in its way."""

    plan: FilePlan
    problems: tuple[Problem, ...]


@contextlib.contextmanager
def hold(live: Path, listen: Listener, deadline: float) -> Iterator[None]:
    """Be the one who migrates or restores this database; what a killed one has left is removed.

    :raises LockNotAcquired: with the holder.
    """
    lock = MigrationLock(live, "restore")
    lock.acquire(deadline, listen)
    try:
        names.sweep(live, listen)
        yield
    finally:
        lock.release()


def prepare(work: Work) -> Prepared:
    """Look, and plan; nothing is changed."""
    at = datetime.datetime.now(datetime.UTC)
    live, exists = work.live, os.path.lexists(work.live)
    for other in openers.openers(live):
        work.listen(Note(f"{names.shown(live)} is open, and the swap will wait until it is not: {other}"))
    plan = FilePlan(
        label=work.content.label,
        server=str(live.parent),
        live=names.shown(live),
        exists=exists,
        side=names.shown(names.side(live)),
        displaced=names.shown(names.displaced(live, at)) if exists else None,
        at=at,
        proven=work.content.expected is not None,
        wishes=work.wishes,
    )
    return Prepared(plan, tuple(_problems(work, exists=exists)))


def restore(work: Work, confirm: Callable[[Prepared], None]) -> Restored:
    """Restore.

    :param confirm: asks for consent, once it is known what would be displaced; raises to stop.
    :raises AnswerIsNo: the archive is damaged, or what was restored differs from the proof; live is untouched.
    :raises Refused: something stands in the way.
    :raises LockNotAcquired: a migration, or others who have the file open; live is untouched.
    :raises DbopsError: a step failed; live is untouched.
    """
    began = time.monotonic()
    with hold(work.live, work.listen, work.deadline):
        prepared = prepare(work)
        refuse(prepared.problems, prepared.plan.live)
        confirm(prepared)
        return _Run(work, prepared.plan).run(began)


def refuse(problems: tuple[Problem, ...], live: str) -> None:
    """Return if nothing stands in the way.

    :raises Refused: with all of it.
    """
    if problems:
        raise Refused(
            f"{live} cannot be restored: {problems[0].text}",
            detail="\n".join(one.text for one in problems[1:]) or None,
            hint=problems[0].remedy,
        )


def _problems(work: Work, *, exists: bool) -> Iterator[Problem]:
    live = work.live
    folder = live.parent
    if not folder.is_dir():
        yield Problem(f"there is no folder {folder}", f"mkdir -p {folder}")
        return
    if not os.access(folder, os.W_OK):
        yield Problem(f"this account may not write in {folder}", f"ls -ld {folder}")
    needed, free = work.content.raw_bytes or 0, shutil.disk_usage(folder).free
    if needed > free:
        yield Problem(
            f"{folder} has {format_bytes(free)} free, and the database takes {format_bytes(needed)}",
            "make room: bin/restore discard removes what former restores have displaced",
        )
    if not exists:
        if left := openers.siblings(live):
            shown = names.shown(left[0])
            yield Problem(f"{shown} lies there without its database", f"put it aside: mv {shown} {shown}.old")
        return
    found = os.lstat(live)
    if not stat.S_ISREG(found.st_mode):
        yield Problem(f"{live} is not a file", "check DATABASE_URL")
    elif os.geteuid() not in (0, found.st_uid):
        yield Problem(
            f"{names.shown(live)} belongs to another account, and would belong to this one",
            f"run bin/restore as the account with the number {found.st_uid}, or as root",
        )


class _Run:
    """The steps, while the lock is held."""

    def __init__(self, work: Work, plan: FilePlan) -> None:
        self._work = work
        self._plan = plan
        self._side = names.side(work.live)

    def run(self, began: float) -> Restored:
        work, plan = self._work, self._plan
        with self._step(f"checked {plan.label}"):
            work.content.check(work.wishes.jobs)
        pre_backup = None
        if Step.DUMP in plan.steps:
            with self._step(f"backed {plan.live} up"):
                pre_backup = work.pre_backup()
        try:
            proven = self._made()
            swapped = self._swap()
        except BaseException:
            self._leave()
            raise
        return Restored(plan, swapped, proven, pre_backup, time.monotonic() - began)

    def _made(self) -> str | None:
        """The side database, ready for its name; what it was compared with."""
        work, plan = self._work, self._plan
        with self._step(f"unpacked {plan.label}"):
            try:
                work.content.unpack(self._side)
            except OSError as error:
                raise DbopsError(
                    f"{plan.side} could not be written: {error.strerror}; {plan.live} is untouched",
                    hint=f"df -h {work.live.parent}",
                ) from error
        expected = work.content.expected
        done = "checked it" if expected is None else f"compared with the proof: {expected.summary()}"
        with self._step(done):
            if different := work.content.differences(self._side):
                raise differs(plan, different)
        if Step.MIGRATE in plan.steps:
            self._migrate()
        self._finish()
        return None if expected is None else expected.summary()

    def _migrate(self) -> None:
        with self._step("ran the pending migrations"):
            try:
                self._work.migrate(Target({SQLITE_FILE: Setting(str(self._side), "the restore")}))
            except DbopsError as error:
                if error.exit_code not in {ExitCode.FAILED, ExitCode.PARTLY_APPLIED}:
                    raise
                raise not_migrated(error, self._plan) from error

    def _finish(self) -> None:
        """Say in its event log what it is, leave nothing beside it, and give it owner and permissions of the live one."""
        work, plan = self._work, self._plan
        self._record()
        if left := openers.siblings(self._side):
            raise DbopsError(
                f"{left[0]} was left by SQLite, which should not be; {plan.live} is untouched",
                hint=f"df -h {work.live.parent}",
            )
        if plan.exists:
            found_live = os.stat(work.live)
            os.chmod(self._side, stat.S_IMODE(found_live.st_mode))
            _own(self._side, found_live, work.listen)
        descriptor = os.open(self._side, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _record(self) -> None:
        import sqlite3

        work, plan = self._work, self._plan
        try:
            with contextlib.closing(connect_alone(self._side, read_only=False)) as connection:
                found = tracking.find(connection, work.tracking_table)
                if found.exist:
                    entry = record.entry(plan.label, plan.displaced)
                    writing.write(connection, found.tables, entry, who=account(), milliseconds=0)
        except sqlite3.Error as error:
            raise told(error, Path(plan.side)) from error

    def _swap(self) -> Swapped | None:
        work, plan = self._work, self._plan
        if plan.displaced is None:
            with self._step(f"gave it its name, {plan.live}"):
                sqlite_swap.put_in_place(work.live, self._side)
            return None
        displaced = work.live.with_name(Path(plan.displaced).name)
        done = sqlite_swap.swap(
            work.live, self._side, displaced, plan.at, plan.label, work.listen, work.deadline
        )
        work.listen(done)
        return done

    def _leave(self) -> None:
        if self._work.wishes.keep_side and os.path.lexists(self._side):
            self._work.listen(
                Note(f"kept {self._plan.side}; the next restore of {self._plan.live} removes it")
            )
            return
        try:
            names.remove_side(self._work.live)
        except OSError as error:
            self._work.listen(Warned(f"{self._plan.side} could not be removed ({error.strerror})"))

    @contextlib.contextmanager
    def _step(self, done: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._work.listen(StepDone(done, time.monotonic() - began))


def _own(path: Path, like: os.stat_result, listen: Listener) -> None:
    try:
        os.chown(path, like.st_uid if os.geteuid() == 0 else -1, like.st_gid)
    except PermissionError:
        listen(
            Warned(f"the database gets the group of this account, since it may not give it to {like.st_gid}")
        )
