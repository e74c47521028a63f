"""Who brought a file, as git knows it."""

from __future__ import annotations

from pathlib import Path

from dbops.errors import ProgramFailed
from dbops.process import GIT_ENVIRON, run


def author_of(path: Path) -> str | None:
    """`Jane Doe, 2026-01-18 12:00:00 +0000` of the commit that added the file; None where git does not know."""
    argv = ["git", "log", "--diff-filter=A", "--max-count=1", "--format=%an, %ai", "--", path.name]
    try:
        completed = run(argv, environ=GIT_ENVIRON, cwd=path.parent, timeout=5, check=False)
    except ProgramFailed:
        return None
    return completed.stdout.strip() or None
