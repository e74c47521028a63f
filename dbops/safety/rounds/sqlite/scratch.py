"""The scratch files that rounds run in: in a temporary folder that is held by a lock, gone whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dbops.backups import temporary
from dbops.config.model import SQLITE_FILE, Setting, Settings, Target
from dbops.engines.sqlite.throwaway import Throwaway
from dbops.events import ignore
from dbops.safety.rounds.looking import Looker
from dbops.safety.rounds.rows import Rows
from dbops.safety.rounds.scratch import Copy, Scratch, made_ready
from dbops.safety.rounds.sqlite.tables import Reading, Tables


@contextmanager
def made(settings: Settings) -> Iterator[Scratch[Throwaway]]:
    """A scratch database; those that a killed run has left are removed first.

    :raises DbopsError: there is no place for temporary files, or no room in it.
    """
    with temporary.folder() as folder:
        files = _Files(settings, folder)
        with contextlib.closing(Scratch(files.opened, files.copied)) as scratch:
            yield scratch


class _Files:
    """The template, and copies of it each in a folder of its own, with what SQLite and the lock keep beside them."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._template = _new(folder / "template.db")

    def opened(self) -> Throwaway:
        """A session in the template."""
        return self._opened(self._template)

    @contextmanager
    def copied(self) -> Iterator[Copy[Throwaway]]:
        """A copy; its session is also what looks at it, since some PRAGMAs want no other connection to the file."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            path = _new(Path(folder) / "copy.db")
            shutil.copyfile(self._template, path)  # whose session has ended, and with it the WAL
            with self._opened(path) as session:
                looker = Looker(Reading(session))
                yield Copy(session, looker, Rows(Tables(session), looker))

    def _opened(self, path: Path) -> Throwaway:
        target = Target({SQLITE_FILE: Setting(str(path), "the scratch database")})
        settings = dataclasses.replace(self._settings, target=target)
        return made_ready(Throwaway(settings, "migrate verify", ignore))


def _new(path: Path) -> Path:
    """An empty file, for this account alone."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    return path
