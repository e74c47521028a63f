"""Who brought a file, and which of several came last, as git knows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dbops.errors import ProgramFailed
from dbops.process import GIT_ENVIRON, run

# Where a project's finished work is, the first that there is.
_MAIN = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def author_of(path: Path) -> str | None:
    """`Jane Doe, 2026-01-18 12:00:00 +0000` of the commit that added the file; None where git does not know."""
    said = _git(path.parent, "log", "--diff-filter=A", "--max-count=1", "--format=%an, %ai", "--", path.name)
    return said.strip() or None if said else None


def by_age(folder: Path, names: Sequence[str]) -> list[str] | None:
    """Files in the order in which they came, the first first; None where git cannot tell.

    What is on the main branch came before what is not, since there it may be applied anywhere; then what an
    earlier commit brought; last what is not committed.

    :param names: relative to the folder.
    """
    on_main = _on_main(folder, names)
    merged = _additions(folder, names, "--first-parent", "-m")
    written = _additions(folder, names)
    if merged is None or written is None:
        return None
    # The newest commit has the number 0, and what is in none is newer than that.
    keys = {name: (name not in on_main, -merged.get(name, -1), -written.get(name, -1)) for name in names}
    if len(set(keys.values())) < len(names):
        return None
    return sorted(names, key=keys.__getitem__)


def _on_main(folder: Path, names: Sequence[str]) -> set[str]:
    """Those of the files that the main branch has."""
    for branch in _MAIN:
        said = _git(folder, "ls-tree", "-z", "--name-only", branch, "--", *names)
        if said is not None:
            return set(said.split("\0"))
    return set()


def _additions(folder: Path, names: Sequence[str], *options: str) -> dict[str, int] | None:
    """How many commits ago, among those that brought one of the files, each of them was brought."""
    said = _git(
        folder, "log", *options, "--diff-filter=A", "--no-renames", "--relative", "--name-only", "-z",
        "--format=%x01", "--", *names,
    )  # fmt: skip
    if said is None:
        return None
    found: dict[str, int] = {}
    for number, commit in enumerate(said.split("\x01")):
        for name in commit.split("\0"):
            if name.strip("\n"):
                found.setdefault(name.strip("\n"), number)
    return found


def _git(folder: Path, *words: str) -> str | None:
    """What git says, asked in the folder; None where it says no, or is not there."""
    try:
        completed = run(["git", *words], environ=GIT_ENVIRON, cwd=folder, timeout=5, check=False)
    except ProgramFailed:
        return None
    return completed.stdout if completed.code == 0 else None
