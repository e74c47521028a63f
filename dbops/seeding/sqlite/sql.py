"""Pieces of SQL, with every name quoted."""

from __future__ import annotations

from collections.abc import Iterable


def name(identifier: str) -> str:
    """A name in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: Iterable[str]) -> str:
    """Names with commas between them."""
    return ", ".join(map(name, identifiers))


def marks(count: int) -> str:
    """So many question marks with commas between them."""
    return ", ".join("?" * count)


def equal(identifiers: Iterable[str]) -> str:
    """The condition that these columns have the values of as many parameters."""
    return " and ".join(f"{name(one)} = ?" for one in identifiers)
