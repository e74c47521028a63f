"""Run pytest as `bin/test` does: from the project's root, with none of the user's database settings.

What a developer has exported, or has in an ordinary shell of production, must neither
change what the tests find nor be what they write to.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# PYTEST_ADDOPTS and the like stay: they are about pytest, and whoever sets them means it.
_DATABASE_SETTINGS = re.compile(r"(.+_)?DATABASE_URL|POSTGRES_DSN|(DB_|PG|DBOPS_).*")
_PYTEST = ("-m", "pytest", "-n", "2", "--dist", "worksteal")


def without_database_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment less every variable that says which database to use, and how."""
    return {name: value for name, value in environ.items() if not _DATABASE_SETTINGS.fullmatch(name)}


def main() -> None:
    """Become pytest: its summary is the last line, its exit code ours."""
    os.chdir(ROOT)
    # What a shell starts in the background ignores Ctrl-C, and so would all that the tests start and interrupt.
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(sign, signal.SIG_DFL)
    argv = [sys.executable, "-I", *_PYTEST, *sys.argv[1:]]
    os.execve(sys.executable, argv, without_database_settings(os.environ))


if __name__ == "__main__":
    main()
