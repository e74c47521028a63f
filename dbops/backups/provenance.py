"""Which commit of the project a backup was made beside."""

from __future__ import annotations

from pathlib import Path

from dbops.errors import ProgramFailed
from dbops.process import GIT_ENVIRON, run


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out in a folder, None where git does not know."""
    try:
        said = run(
            ["git", "rev-parse", "--verify", "HEAD"], environ=GIT_ENVIRON, cwd=folder, timeout=5, check=False
        )
    except ProgramFailed:
        return None
    return said.stdout.strip() or None if said.code == 0 else None
