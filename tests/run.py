"""Run pytest as `bin/test` does: from the project's root, with none of the user's database settings.

What a developer has exported, or has in an ordinary shell of production, must neither
change what the tests find nor be what they write to.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# PYTEST_ADDOPTS and the like stay: they are about pytest, and whoever sets them means it.
_DATABASE_SETTINGS = re.compile(r"(.+_)?DATABASE_URL|POSTGRES_DSN|(DB_|PG|DBOPS_).*")
_MOST_WORKERS = 8  # each has some sessions at a time, and a server lets a hundred in
_PYTEST = ("-m", "pytest", "--dist", "worksteal")


def without_database_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment less every variable that says which database to use, and how."""
    return {name: value for name, value in environ.items() if not _DATABASE_SETTINGS.fullmatch(name)}


def workers(cores: int | None) -> int:
    """How many run tests at once: a test waits for a server or a process for about half of its time."""
    return min(2 * (cores or 1), _MOST_WORKERS)


def main() -> None:
    """Become pytest: its summary is the last line, its exit code ours."""
    os.chdir(ROOT)
    argv = [sys.executable, "-I", *_PYTEST, "-n", str(workers(os.cpu_count())), *sys.argv[1:]]
    os.execve(sys.executable, argv, without_database_settings(os.environ))


if __name__ == "__main__":
    main()
