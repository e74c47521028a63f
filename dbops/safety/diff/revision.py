"""The schema that the migrations folder made at a revision of its git repository."""

from __future__ import annotations

import dataclasses
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.backups import temporary
from dbops.config.model import Setting, Settings, Target
from dbops.errors import DbopsError, ProgramFailed, UsageError
from dbops.migrations import discovery
from dbops.migrations.planner import Work
from dbops.process import GIT_ENVIRON, Completed, run
from dbops.safety.rounds.model import Wishes
from dbops.safety.rounds.section import run as run_section

if TYPE_CHECKING:
    from dbops.events import Listener

_SECONDS = 60.0


def checked(revision: str) -> str:
    """:raises UsageError: it is no revision, whatever the repository has."""
    if not revision or revision.startswith("-") or not revision.isprintable():
        raise UsageError(f"{revision!r} is no revision", hint="--to git:main, git:HEAD~3, or git:v1.2")
    return revision


@dataclasses.dataclass(frozen=True)
class Commit:
    """A revision as it was named, and the commit that it is."""

    name: str
    sha: str


def found(folder: Path, revision: str) -> Commit:
    """:raises DbopsError: the folder is in no repository, or git does not know the revision there."""
    answer = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if answer.code == 0:
        return Commit(revision, answer.stdout.strip())
    within = _git(folder, "rev-parse", "--git-dir")
    if within.code != 0:
        why = within.stderr.strip().removeprefix("fatal: ") or "git does not answer"
        raise DbopsError(f"{folder} is in no git repository that can be read: {why}")
    raise DbopsError(f"git knows no revision {revision!r} in {folder}", hint="git log --oneline")


def make(settings: Settings, commit: Commit, target: Target, listen: Listener) -> list[str]:
    """Run all migrations that the folder had then, in an empty scratch database; nothing is left out.

    :raises DbopsError: the folder was not there then, or one does not run.
    :raises Refused: one reaches beyond the scratch database.
    """
    folder = settings.migrations_dir.value
    with temporary.folder() as place:
        unpacked = place / "migrations"
        _unpack(folder, commit, place / "archive.tar", unpacked)
        try:
            _run(settings, unpacked, target, listen)
        except DbopsError as error:
            error.message = error.message.replace(str(unpacked), f"{commit.name}:{folder}")
            error.args = (error.message,)
            raise
    return []


def _unpack(folder: Path, commit: Commit, archive: Path, unpacked: Path) -> None:
    """The folder's files as they were; those of folders below it, too."""
    made = _git(folder, "archive", "--format=tar", f"--output={archive}", commit.sha, "--", ".")
    if made.code != 0:
        said = made.stderr.strip().removeprefix("fatal: ")
        raise DbopsError(f"{folder} cannot be had as it was at {commit.name}: {said}")
    unpacked.mkdir(mode=0o700)
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            content = packed.extractfile(member) if member.isfile() else None
            if content is not None:
                path = unpacked / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())


def _git(folder: Path, *words: str) -> Completed:
    if not folder.is_dir():
        raise DbopsError(
            f"the migrations folder {folder} does not exist", hint="--migrations-dir names another"
        )
    try:
        return run(["git", *words], environ=GIT_ENVIRON, cwd=folder, timeout=_SECONDS, check=False)
    except ProgramFailed as error:
        raise ProgramFailed(
            error.message, hint="install git, or name a schema file: --to schema.sql"
        ) from None


def _run(settings: Settings, unpacked: Path, target: Target, listen: Listener) -> None:
    from dbops.engines.postgres.session import Session

    folder = Setting(unpacked, settings.migrations_dir.origin)
    found = discovery.discover(folder, settings.migration_format, settings.variables)
    wishes = Wishes(
        every=True, with_rows=False, twice=False, own_server=False, deadline=settings.deadline.value
    )
    with Session.open(dataclasses.replace(settings, target=target), "migrate diff", listen) as session:
        session.acquire_lock()
        session.initialise()
        for file in found.files:
            run_section(session, file, Work.RUN_UP, wishes)
