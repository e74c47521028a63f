"""From an error to an exit code: the one place where a command ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from dbops.cli import streams
from dbops.cli.output import Output
from dbops.errors import DbopsError, ExitCode
from dbops.interrupts import Interrupts


class CommandModule(Protocol):
    """What a module of `dbops.cli` offers as an entry point."""

    def main(self, argv: list[str], out: Output) -> int:
        """Run the command; returns its exit code or raises a `DbopsError`."""


def run(command: str, argv: list[str], load: Callable[[], object]) -> int:
    """Run one command and return its exit code; no traceback leaves here.

    :param command: the command's name as users type it, "migrate".
    :param load: imports the command's module, inside the guard, so that a broken installation is reported too.
    """
    streams.prepare()
    out, interrupts = Output.from_argv(command, argv), Interrupts()
    try:
        interrupts.heed()
        code = out.close(_ended(command, argv, load, out))
        interrupts.over()
    except KeyboardInterrupt:
        interrupts.over()
        out.error(DbopsError("interrupted; what was not finished has been undone"), code=ExitCode.INTERRUPTED)
        code = out.close(ExitCode.INTERRUPTED)
    return int(code)


def _ended(command: str, argv: list[str], load: Callable[[], object], out: Output) -> int:
    """Run it, and tell of its error."""
    try:
        module: CommandModule = load()  # type: ignore[assignment]  # a module is checked against the protocol by its call
        return int(module.main(argv, out))
    except DbopsError as error:
        out.error(error)
        return error.exit_code
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    except Exception as error:  # noqa: BLE001  # the last resort: a bug becomes exit 70 and a file, never a traceback
        out.error(_bug(error, command), code=ExitCode.BUG)
        return ExitCode.BUG


def _bug(error: Exception, command: str) -> DbopsError:
    """Write the traceback to a file of mode 0600 and say where it is."""
    import platform
    import tempfile
    import traceback

    from dbops import __version__

    descriptor, path = tempfile.mkstemp(prefix="dbops-bug-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as log:
        log.write(
            f"dbops {__version__}, {command}, Python {platform.python_version()}, {platform.platform()}\n\n"
        )
        traceback.print_exception(error, file=log)
    return DbopsError(
        f"this is a bug in dbops ({type(error).__name__}); details are in {path}",
        hint="please report it with that file, after a look that it holds nothing private",
    )
