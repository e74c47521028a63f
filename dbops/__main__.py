"""`python -m dbops COMMAND ...`, and the `dbops` console script."""

from __future__ import annotations

import gc
import signal
import sys

COMMANDS = {
    "setup-dev-db": "dbops.cli.setup_dev_db",
    "migrate": "dbops.cli.migrate",
    "backup": "dbops.cli.backup",
    "restore": "dbops.cli.restore",
    "seed-test-data": "dbops.cli.seed_test_data",
}

USAGE = f"""usage: dbops COMMAND ...

commands: {", ".join(COMMANDS)}
`dbops COMMAND --help` tells more of each."""


def main() -> int:
    """Run the command that argv names and return its exit code."""
    # Until `app.run` heeds it there is nothing to undo, and a traceback of the imports helps nobody.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # A short command ends before garbage matters, and a start makes many objects that stay.
    gc.set_threshold(100_000, 20, 20)
    arguments = sys.argv[1:]
    if arguments and arguments[0] in COMMANDS:
        import importlib

        from dbops.cli import app

        name = arguments[0]
        code = app.run(name, arguments[1:], lambda: importlib.import_module(COMMANDS[name]))
        gc.freeze()  # else the interpreter looks through all objects for cycles before it ends: a sixth of the time
        return code
    if arguments and arguments[0] in {"-h", "--help"}:
        print(USAGE)
        return 0
    if arguments == ["--version"]:
        from dbops import __version__

        print(f"dbops {__version__}")
        return 0
    print(USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
