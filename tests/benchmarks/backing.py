"""What the benchmarks of backup and restore share: dbops' own commands, and runs with the server's part measured."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.contestants import PYTHON, environ
from tests.benchmarks.ground import Database, Ground
from tests.benchmarks.measure import Command, Contestant, Taken, timed

_MODULE = (PYTHON, "-I", "-m", "dbops")


@dataclasses.dataclass(frozen=True)
class Project:
    """A project folder without migrations, configured for a database."""

    folder: Path
    database: Database

    @property
    def backups(self) -> Path:
        """Where `dbops backup` puts them."""
        return self.folder / "backups"

    def command(self, *words: str) -> Command:
        """`dbops WORDS`."""
        variables = environ(self.folder, DBOPS_PROJECT=str(self.folder), DATABASE_URL=self.database.url())
        return Command((*_MODULE, *words), variables, self.folder)

    def backup(self, name: str, *options: str) -> Command:
        return self.command("backup", name, *options)

    def restore(self, name: str, *options: str) -> Command:
        """Into the live name, by a swap; the displaced database stays."""
        return self.command("restore", name, "--yes", "--confirm", self.database.name, *options)

    def drop_displaced(self) -> None:
        """Remove what swaps have put aside, so that one run's disk is not the next one's."""
        for name in self.database.displaced():
            dataclasses.replace(self.database, name=name).drop()


def project(place: Ground, database: Database) -> Project:
    """Make one."""
    folder = place.folder / f"project-{database.name}-{secrets.token_hex(3)}"
    (folder / "migrations").mkdir(parents=True)
    return Project(folder, database)


def help_of(command: str) -> str | None:
    """What `dbops COMMAND --help` says; None where this clone has no such command."""
    variables = environ(Path("/"), COLUMNS="200")
    asked = subprocess.run(
        [*_MODULE, command, "--help"], env=variables, capture_output=True, text=True, check=False
    )
    return asked.stdout if asked.returncode == 0 else None


def row(
    name: str,
    place: Ground,
    prepare: Callable[[], Command],
    *,
    left: Callable[[], int] | None = None,
    after: Callable[[], None] | None = None,
) -> Contestant:
    """A contestant that starts with nothing waiting to be written, neither the server's nor the disk's.

    :param prepare: makes ready what the command needs, outside the clock, and returns it.
    :param left: bytes that the command has left on the disk.
    :param after: checks the outcome and clears up, outside the clock.
    """

    def run() -> Taken:
        command = prepare()
        place.checkpoint()
        os.sync()
        before = place.processor()
        taken = timed(command)
        time.sleep(0.3)  # until the postmaster knows that the sessions have ended
        now = place.processor()
        if before is not None and now is not None:
            taken = dataclasses.replace(taken, server=now - before)
        if left is not None:
            taken = dataclasses.replace(taken, size=left())
        if after is not None:
            after()
        return taken

    return Contestant(name, run)


def emptied(folder: Path) -> Path:
    """The folder, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def print_verdict(what: str, value: float, bound: float, *, aim: float | None = None) -> None:
    """One bound below the table.  `value` must not be above it."""
    also = f" (aim {aim:g}: {'reached' if value <= aim else 'not reached'})" if aim is not None else ""
    print(f"{what}: {value:.2f}, bound {bound:g}: {'kept' if value <= bound else 'MISSED'}{also}")


def best(contestants: Sequence[Contestant]) -> Contestant:
    """The quickest by its minimum."""
    return min(contestants, key=lambda one: one.least)
