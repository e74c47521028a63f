"""Pieces of SQL, with every name quoted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def name(identifier: str) -> str:
    """A name in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: Iterable[str]) -> str:
    """Names with commas between them."""
    return ", ".join(map(name, identifiers))


def select(what: str, table: str, rest: str = "") -> str:
    """A query of one table.

    :param what: columns or expressions; `rest` is what follows the table.  Their names are quoted already.
    """
    return f"select {what} from {name(table)} {rest}"  # noqa: S608  # see above


def insert(table: str, columns: Sequence[str]) -> str:
    """An INSERT of one row, a parameter for each column."""
    if not columns:
        return f"insert into {name(table)} default values"  # quoted
    return f"insert into {name(table)} ({names(columns)}) values ({', '.join('?' * len(columns))})"  # noqa: S608  # quoted


def equal(identifiers: Iterable[str]) -> str:
    """The condition that these columns have the values of as many parameters."""
    return " and ".join(f"{name(one)} = ?" for one in identifiers)
