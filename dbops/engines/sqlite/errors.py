"""What SQLite says of a failure, as the errors that users see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbops.errors import CannotConnect, DbopsError, LockNotAcquired

if TYPE_CHECKING:
    import sqlite3


def code_of(error: Exception) -> str:
    """SQLite's name of the error (`SQLITE_BUSY_SNAPSHOT`); empty where the driver itself complains."""
    name = getattr(error, "sqlite_errorname", None) or ""
    return "" if name == "unknown" else name  # newer than the driver's list


def is_locked(error: Exception) -> bool:
    """Whether another connection is in the way, so that trying again may help."""
    return code_of(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def told(error: sqlite3.Error, path: Path) -> DbopsError:
    """The error for users, of a failure that no SQL of theirs is to blame for.

    :param path: the database file.
    """
    code = code_of(error)
    if is_locked(error):
        return LockNotAcquired(
            f"{path} is locked by another program: {error}",
            hint=f"end what writes to it (fuser {path} names it) and try again, or give it longer with --deadline",
        )
    if code.startswith("SQLITE_NOTADB"):
        return CannotConnect(
            f"{path} is not a SQLite database", hint="check DATABASE_URL; an encrypted one cannot be read"
        )
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return CannotConnect(
            f"cannot open {path}: {error}",
            hint=f"ls -ld {path} {path.parent} shows who may read and write there",
        )
    if code.startswith("SQLITE_READONLY"):
        return DbopsError(
            f"{path} cannot be written to: {error}",
            hint=f"ls -ld {path} {path.parent}: both must be writable, for SQLite keeps its journal beside the file",
        )
    if code == "SQLITE_FULL":
        return DbopsError(f"no space left for {path}: {error}", hint=f"df {path.parent}")
    if code.startswith("SQLITE_CORRUPT"):
        return DbopsError(f"{path} is damaged: {error}", hint="bin/restore shows the backups that there are")
    if code.startswith("SQLITE_IOERR"):
        return DbopsError(
            f"{path} cannot be read or written: {error}", hint="look at the disk and its file system"
        )
    return DbopsError(f"{path}: {error}")
