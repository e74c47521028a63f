"""The folder of backups: what is in it, and how an entry comes and goes.

An entry is a folder that appears by one rename and disappears by one rename, so whatever is killed, no name stands for
half a backup.  What is being made or removed has a name that begins with a dot; it is swept by its lock, never by age.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import difflib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from dbops.backups import manifest as manifests
from dbops.backups import names, removal
from dbops.backups.disk import sync_folder, write_file
from dbops.backups.entries import Backup, Damaged, Entry, Unproven, read_entry
from dbops.backups.locks import cannot, holding
from dbops.backups.manifest import Engine, Verification
from dbops.backups.partial import LOCK, PREFIX, Partial, is_alive, name_of
from dbops.backups.removal import FOLDER_LOCK
from dbops.errors import AnswerIsNo, ConfigError, DbopsError, Refused, UsageError
from dbops.events import Detail, Listener, Note, Warned, ignore

_VERIFICATIONS_KEPT = 50


class Store:
    """The backups in one folder."""

    def __init__(self, folder: Path, listen: Listener = ignore) -> None:
        self.folder = folder
        self._listen = listen

    # -- looking -------------------------------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """All entries, by name; without the manifests' large parts, one after the other in memory.

        A folder that does not exist has none.

        :raises ConfigError: it is no folder, or may not be read.
        """
        found = (read_entry(self.folder / name) for name in self._names())
        return [entry for entry in found if entry is not None]

    def find(self, name: str) -> Entry:
        """The entry of that name, damaged or not.

        :raises UsageError: there is none.
        """
        present = self._names()
        entry = read_entry(self.folder / name) if name in present else None
        if entry is None and name in present:
            raise UsageError(
                f"{self.folder / name} is nothing that can be restored", hint="bin/backup list shows all"
            )
        if entry is None:
            near = difflib.get_close_matches(name, present, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"there is no backup {name!r} in {self.folder}", hint=f"{meant}bin/backup list shows all"
            )
        return entry

    def backup(self, name: str) -> Backup:
        """The backup of that name, which must be one with a manifest and all of its files.

        :raises UsageError: there is none, or it is a dump without a manifest.
        :raises AnswerIsNo: it is damaged.
        """
        entry = self.find(name)
        if isinstance(entry, Damaged):
            raise entry.error
        if isinstance(entry, Unproven):
            raise UsageError(
                f"{entry.path} is a dump without a manifest: nothing is known of what it should hold",
                hint=f"bin/restore {entry.name} --to NAME restores it beside, for a look",
            )
        return entry

    def named(self, name: str, database: str | None, engine: Engine | None = None) -> Backup:
        """The backup of that name; `latest` is the newest of a database.

        :raises UsageError: there is none.
        :raises AnswerIsNo: it is damaged.
        """
        if name != names.LATEST:
            return self.backup(name)
        if (found := self.latest(database, engine)) is None:
            of = f" of {database}" if database else ""
            raise UsageError(f"{self.folder} has no backup{of}", hint="bin/backup list shows all")
        return found

    def latest(self, database: str | None = None, engine: Engine | None = None) -> Backup | None:
        """The newest backup (of a database, by name, and of an engine) that no verify has refuted; None where there is none.

        A warning names each that is newer and was passed over.
        """
        entries = self.entries()
        for damaged in entries:
            if isinstance(damaged, Damaged):
                self._listen(Warned(f"{damaged.name} is not considered: {damaged.reason}"))
        backups = [entry for entry in entries if isinstance(entry, Backup)]
        wanted = [
            entry
            for entry in backups
            if database in {None, entry.summary.database} and engine in {None, entry.summary.engine}
        ]
        for backup in sorted(
            self.past(wanted), key=lambda one: (one.summary.created_at, one.name), reverse=True
        ):
            if backup.refuted is None:
                return backup
            self._listen(Warned(f"{backup.name} is passed over: its last verify failed"))
        return None

    def past(self, backups: Iterable[Backup]) -> list[Backup]:
        """Those that a clock may have dated; a warning names each whose time lies in the future, as prune sees it, too."""
        now, found = datetime.datetime.now(datetime.UTC), []
        for backup in backups:
            if backup.summary.created_at <= now:
                found.append(backup)
            else:
                self._listen(Warned(f"{backup.name} is passed over: its time lies in the future"))
        return found

    def taken(self) -> set[str]:
        """The names that a new backup cannot have, those of backups that are being made included."""
        present = self._names(hidden=True)
        partials = {name_of(name) for name in present if name.startswith(PREFIX)}
        return {name for name in present if name[0] != "."} | partials

    # -- making --------------------------------------------------------------------------------------------------------

    def begin(self, name: str) -> Partial:
        """Begin a backup: an empty folder under a temporary name, for this account alone, held by a lock.

        Sweeps first.  Use it as a context manager: what is not published is removed.

        :raises UsageError: a backup cannot have this name.
        :raises Refused: the name is taken, also by a backup that is being made.
        :raises ConfigError: the file system has no locks, or the folder is none.
        """
        names.check(name)
        self._make_folder()
        self.sweep()
        with holding(self.folder / FOLDER_LOCK):
            self.refuse_taken(name)
            return Partial.make(self.folder, name, self._publish)

    def _publish(self, partial: Partial) -> Backup:
        """The one rename.  Under the folder's lock, since a rename would replace an empty folder of that name."""
        target = self.folder / partial.name
        with holding(self.folder / FOLDER_LOCK):
            if os.path.lexists(target):
                raise _taken(target)
            try:
                (partial.path / LOCK).unlink()
                sync_folder(partial.path)
                os.rename(partial.path, target)
                sync_folder(self.folder)
            except OSError as error:
                raise cannot("publish", target, error) from error
        published = read_entry(target)
        if not isinstance(published, Backup):
            raise published.error if isinstance(published, Damaged) else DbopsError(f"{target} has vanished")
        return published

    def refuse_taken(self, name: str) -> None:
        """Return if a backup can have this name now.

        :raises Refused: it is taken, also by a backup that is being made.
        """
        target = self.folder / name
        if os.path.lexists(target):
            raise _taken(target)
        for partial in self._names(hidden=True):
            if partial.startswith(PREFIX) and name_of(partial) == name and is_alive(self.folder / partial):
                raise Refused(
                    f"another backup called {name} is being made right now", hint="give this one another name"
                )

    def _make_folder(self) -> None:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                self.folder.mkdir(mode=0o700)
                self.folder.chmod(0o700)
                sync_folder(self.folder.parent)
            mode = stat.S_IMODE(os.stat(self.folder).st_mode)
        except OSError as error:
            raise cannot("make", self.folder, error) from error
        if not self.folder.is_dir():
            raise _not_a_folder(self.folder)
        if mode & 0o022:
            self._listen(Warned(
                f"other accounts may write in {self.folder} (mode {mode:04o}) and could replace backups: "
                f"chmod 700 {self.folder}"
            ))  # fmt: skip
        elif mode & 0o055:
            self._listen(Detail(f"other accounts see the names in {self.folder}, not what is in the backups"))

    # -- keeping and removing ------------------------------------------------------------------------------------------

    def lock_shared(self, entry: Entry) -> contextlib.AbstractContextManager[None]:
        """Keep an entry from being pruned, for as long as it is read; others may read it, too.

        :raises LockNotAcquired: it is being removed right now.
        :raises UsageError: it is no longer there.
        :raises ConfigError: the file system has no locks.
        """
        return removal.lock_shared(entry)

    def remove(self, entry: Entry) -> bool:
        """Remove an entry for good; False, and nothing done, where somebody is reading it.

        One rename takes it away; if the rest is interrupted, the next sweep goes on.

        :raises UsageError: it is no longer there.
        :raises DbopsError: it cannot be removed; then it is either whole or gone by its name.
        """
        return removal.remove(self.folder, entry)

    def record(self, backup: Backup, verification: Verification) -> Backup:
        """Add what a verify found to the backup's side file, written whole or not at all.

        :returns: the backup as it is now.
        :raises DbopsError: the file cannot be written; then it is as it was.
        """
        with holding(self.folder / FOLDER_LOCK):
            now = self.backup(backup.name)
            if now.summary.self_sha256 != backup.summary.self_sha256:
                raise AnswerIsNo(f"{backup.path} was replaced by another backup meanwhile")
            kept = (*now.verifications, verification)[-_VERIFICATIONS_KEPT:]
            text = manifests.verifications_to_json(kept, now.summary.self_sha256)
            write_file(backup.path / manifests.VERIFIED, [text])
        return dataclasses.replace(now, verifications=kept, verifications_problem=None)

    def sweep(self) -> tuple[str, ...]:
        """Remove what killed commands left; what is still being made stays.

        :returns: the names of the backups that were never finished.
        """
        if not removal.has_leftovers(self._names(hidden=True)):
            return ()
        swept = removal.sweep(self.folder)
        for name in swept:
            self._listen(Note(f"removed what an interrupted backup left: {name}"))
        return swept

    def _names(self, *, hidden: bool = False) -> list[str]:
        try:
            found = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            raise _not_a_folder(self.folder) from None
        except OSError as error:
            raise ConfigError(
                f"{self.folder} cannot be read: {error.strerror}", hint=f"ls -ld {self.folder}"
            ) from error
        return sorted(name for name in found if hidden or name[0] != ".")


def _taken(target: Path) -> Refused:
    return Refused(
        f"{target} exists already, and a backup is never replaced", hint="give this one another name"
    )


def _not_a_folder(path: Path) -> ConfigError:
    return ConfigError(f"{path} is not a folder", hint="name a folder: --backups-dir DIR")
