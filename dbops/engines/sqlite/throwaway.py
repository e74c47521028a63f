"""A session in a file that is thrown away: quick, and kept from all other files."""

from __future__ import annotations

import sqlite3

from dbops.engines.schema import Schema
from dbops.engines.sqlite.schema import read
from dbops.engines.sqlite.session import Session

_ITS_OWN = ("", ":memory:")


class Throwaway(Session):
    """As any session, but that a crash of the machine may damage the file, and that it can open no other one.

    Neither by what a migration in Python runs, which nobody has read before.
    """

    def schema(self) -> Schema:
        """With the definitions in one form, so that it can be held against another."""
        return one_form(self)

    def _connect(self, *, for_reading: bool = False) -> sqlite3.Connection:
        connection = super()._connect(for_reading=for_reading)
        connection.execute("pragma synchronous = off")
        connection.set_authorizer(_only_here)
        return connection


def one_form(session: Session) -> Schema:
    """The schema of any file, as a `Throwaway` tells its own.

    :raises DbopsError: it cannot be read.
    """
    own = session.tables.table
    with session.told():
        return read(session.connection, (own, f"{own}_events"))


def _only_here(action: int, file: str | None, *_: str | None) -> int:
    """What SQLite may do; VACUUM attaches a nameless file of its own."""
    return (
        sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH and file not in _ITS_OWN else sqlite3.SQLITE_OK
    )
