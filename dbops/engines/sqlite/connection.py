"""The one place that opens connections to SQLite."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.sqlite.errors import code_of, is_locked, told
from dbops.errors import CannotConnect, ConfigError
from dbops.events import Detail, Listener, Warned

if TYPE_CHECKING:
    import sqlite3

# What a new file has where the umask takes nothing away: nothing for those who are neither owner nor of the group.
# SQLite gives its journals the permissions of the database.
NEW_FILE = 0o660


def connect(
    path: Path, *, listen: Listener, deadline: float, create: bool = False, read_only: bool = False
) -> sqlite3.Connection:
    """Open a database file in autocommit mode: who uses it begins and commits.

    Foreign keys are checked, the journal is a WAL (which stays so in the file).  The schema is trusted, as
    applications trust it: SQLite 3.40 refuses `CHECK (json_valid(x))` otherwise.
    SQLite's defensive mode stays off, since migrations may use `PRAGMA writable_schema`.

    :param deadline: seconds that a statement waits for another program's lock.
    :param create: make the file where it is missing; readable by nobody but owner and group.
    :param read_only: nothing can be written, and the journal stays as it is, until `make_writable`.
    :raises ConfigError: `:memory:`.
    :raises CannotConnect: no file, no directory, no permission, not a SQLite database.
    :raises LockNotAcquired: another program held it past the deadline.
    """
    import sqlite3

    path = Path(path)
    _check(path, create=create, listen=listen)
    if not read_only and not os.access(path, os.W_OK):
        raise CannotConnect(f"{path} may not be written to", hint=f"ls -l {path} shows who may write there")
    connection = None
    try:
        # For reading, too: only a connection that may write tidies up what a killed program left beside the file.
        uri = f"{path.absolute().as_uri()}?mode=rw"
        # One thread at a time, but not always the same: `Migrator` in asyncio.to_thread.
        connection = sqlite3.connect(
            uri, uri=True, timeout=deadline, isolation_level=None, check_same_thread=False
        )
        connection.execute("pragma schema_version")  # the first look into the file
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma query_only = on")
        if not read_only:
            make_writable(connection, path, listen=listen, deadline=deadline)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if not isinstance(error, sqlite3.Error):
            raise
        problem = told(error, path)
        if is_locked(error) or code_of(error).startswith(("SQLITE_CORRUPT", "SQLITE_FULL")):
            raise problem from None
        raise CannotConnect(problem.message, hint=problem.hint) from None
    return connection


def make_writable(connection: sqlite3.Connection, path: Path, *, listen: Listener, deadline: float) -> None:
    """End `read_only`: the connection may write, and the journal becomes a WAL.

    :raises sqlite3.Error: another program held the file past the deadline, or it cannot be written to.
    """
    connection.execute("pragma query_only = off")
    _write_ahead(connection, path, listen, deadline)


def stand_in() -> sqlite3.Connection:
    """An empty database in memory, to be read in the place of a file that is not there yet."""
    import sqlite3

    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def _check(path: Path, *, create: bool, listen: Listener) -> None:
    """Name what newcomers meet better than SQLite does, and make the file where it may be made."""
    if str(path) in (":memory:", ".", ""):
        raise ConfigError(
            f"a database {str(path)!r} would be gone at the end of the command",
            hint="name a file: DATABASE_URL=sqlite:///dev.db",
        )
    if not path.parent.is_dir():
        raise CannotConnect(f"there is no directory {path.parent}", hint=f"mkdir -p {path.parent}")
    if path.is_dir():
        raise CannotConnect(f"{path} is a directory", hint="name a file: DATABASE_URL=sqlite:///dev.db")
    if path.exists():
        return
    if not create:
        raise CannotConnect(
            f"there is no database {path}", hint="check DATABASE_URL; bin/migrate up makes a new one"
        )
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, NEW_FILE))
    except OSError as error:
        raise CannotConnect(
            f"cannot make {path}: {error.strerror}", hint=f"ls -ld {path.parent} shows who may write there"
        ) from None
    listen(Detail(f"made {path}"))


def _write_ahead(connection: sqlite3.Connection, path: Path, listen: Listener, deadline: float) -> None:
    """Change the journal to a WAL.  SQLite does not wait for others here, so this polls."""
    import sqlite3

    began, mode = time.monotonic(), ""
    while not mode:
        try:
            mode = connection.execute("pragma journal_mode").fetchone()[0]
            if mode != "wal":
                mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() - began >= deadline:
                raise
            time.sleep(random.uniform(0.02, 0.1))  # noqa: S311  # jitter, not a secret
            mode = ""
    if mode != "wal":
        listen(
            Warned(
                f"{path} keeps its journal in {mode.upper()} mode, since its file system refuses a WAL: "
                "readers and the writer wait for one another"
            )
        )


def connect_alone(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open a file as it is: one that nobody else knows, or that is about to be taken from those who do.

    Its journal stays what it is; text that is no UTF-8 is taken byte by byte.

    :param read_only: nobody changes it while it is open, so that nothing is locked and nothing made beside it; else it
        is made where it is missing.
    :raises sqlite3.Error: it cannot be opened.
    """
    import sqlite3

    how = "mode=ro&immutable=1" if read_only else "mode=rwc"
    uri = f"{Path(path).absolute().as_uri()}?{how}"
    connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")
    connection.execute("pragma trusted_schema = off")
    return connection
