"""The marks of a database: a line of its comment says `environment=development` or `environment=production`.

dbops writes the first; the second is its owner's to write, and keeps test data out whatever is confirmed.  Where an
engine keeps the comment is its own matter.
"""

from __future__ import annotations

MARK = "environment=development"
PRODUCTION = "environment=production"


def is_development(comment: str | None) -> bool:
    """Whether a database's comment has the mark as a line of its own, exactly."""
    return comment is not None and MARK in comment.split("\n")


def is_production(comment: str | None) -> bool:
    """Whether a database's comment says, on a line of its own, that it is production."""
    return comment is not None and PRODUCTION in comment.split("\n")


def add_mark(comment: str | None) -> str:
    """The comment with the mark; what stood there stays."""
    if not comment:
        return MARK
    return comment if is_development(comment) else f"{comment}\n{MARK}"
