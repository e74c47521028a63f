"""Where the project keeps its private server, and the lock under which one command at a time works on it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dbops.devdb import account as accounts
from dbops.devdb import record
from dbops.devdb.record import Record
from dbops.errors import ConfigError, Refused
from dbops.events import Listener, Note

ROOTS_BASE = Path("/var/lib/dbops")


@dataclasses.dataclass(frozen=True)
class Places:
    """`folder` is the project's `.dbops/`, `base` what holds the cluster: the same, but for root."""

    folder: Path
    base: Path

    @classmethod
    def of(cls, project: Path) -> Places:
        folder = project.resolve() / record.FOLDER
        if os.geteuid() != 0:
            return cls(folder, folder)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", project.resolve().name)[:30].strip("-") or "project"
        digest = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:10]
        return cls(folder, ROOTS_BASE / f"{name}-{digest}")

    def load(self) -> Record | None:
        """The record; root finds it beside its cluster too, when `.dbops/` was cleaned away.

        :raises ConfigError: it is damaged or another account's.
        """
        found = record.load(self.folder)
        return record.load(self.base) if found is None and self.base != self.folder else found

    def original(self, found: Record) -> Path | None:
        """The project to which a record really belongs, where ours is a copy of it; None where it is our own.

        A project that was moved is none: its former folder is gone.
        """
        of, ours = found.project, self.folder.parent
        if of is None or of == ours:
            return None
        there = of if self.base != self.folder else record.path_in(of / record.FOLDER)
        if not os.path.exists(there) or os.path.samefile(of, ours):
            return None
        return of

    def own(self, found: Record) -> Record:
        """The record, if it is this project's.

        :raises Refused: the project is a copy of the one whose server the record describes.
        """
        if (of := self.original(found)) is not None:
            first = "rm .env && " if (self.folder.parent / ".env").is_file() else ""
            raise Refused(
                f"the private server on port {found.port} belongs to {of}, of which this project is a copy",
                hint=f"to give the copy a server of its own: {first}bin/setup-dev-db --server private",
            )
        return found

    def save(self, saved: Record) -> None:
        """Write the record; root's beside the cluster too, which is elsewhere after the project was moved."""
        beside = (self.base, saved.home.parent) if self.base != self.folder else ()
        for place in dict.fromkeys((*beside, self.folder)):
            if place.is_dir():
                record.save(place, saved)

    def make_folder(self) -> None:
        """Make `.dbops/`, mode 0700; it keeps itself out of git."""
        with suppress(FileExistsError):
            accounts.make_folder(self.folder, None)
        ignored = self.folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n")

    def make_base(self) -> None:
        """Make, for root, the folders above the cluster; others must pass through them, and nothing lies there."""
        if self.base != self.folder:
            for path in (ROOTS_BASE, self.base):
                try:
                    accounts.make_folder(path, None, 0o755)
                except FileExistsError:
                    if not any(path.iterdir()):  # of a run that was killed before it could set the mode
                        path.chmod(0o755)


@contextmanager
def exclusive(places: Places, listen: Listener) -> Iterator[None]:
    """One at a time works on the private server and the set-up; the second waits, and says so.

    The lock is the file's, so it is freed with the process, however that ends.
    A `.dbops/` in which nothing came of the work is removed again.

    :raises ConfigError: the folder belongs to another account.
    """
    existed = places.folder.exists()
    try:
        with _lock_file(places, listen):
            try:
                yield
            finally:
                _remove_if_unused(places.folder)
    except BaseException:
        if not existed:  # interrupted before the lock was held
            _remove_if_abandoned(places.folder)
        raise


@contextmanager
def _lock_file(places: Places, listen: Listener) -> Iterator[None]:
    import fcntl

    path = places.folder / "lock"
    while True:
        try:
            places.make_folder()
            file = open(path, "a", encoding="ascii")  # noqa: SIM115  # closed by the with below
        except FileNotFoundError:
            if not places.folder.parent.is_dir():
                raise
            continue  # removed by another between the two lines
        except PermissionError as error:
            raise ConfigError(
                f"{error.filename} cannot be written by the account that runs this",
                hint=f"run the command as the account that owns it: ls -ld {shlex.quote(str(places.folder))}",
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                listen(Note("another setup-dev-db is at work in this project: waiting for it"))
                fcntl.flock(file, fcntl.LOCK_EX)
            if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                continue  # its holder removed the folder while we waited
            yield
            return


def _remove_if_unused(folder: Path) -> None:
    """Remove `.dbops/` where nothing came of the work: only what `make_folder` and `exclusive` put there."""
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= {".gitignore", "lock"}:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_abandoned(folder: Path) -> None:
    """The same without holding the lock: not while another holds it."""
    import fcntl

    path = folder / "lock"
    if not path.exists():
        _remove_if_unused(folder)
        return
    with suppress(OSError), path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove_if_unused(folder)
