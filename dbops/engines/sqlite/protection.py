"""Where a SQLite database keeps its marks: in a text file beside it, for SQLite has no COMMENT.

As on PostgreSQL, a mark belongs to the database that is in use, not to its
data: neither a backup nor a copy carries it to another one, and a restore leaves it.
"""

from __future__ import annotations

import os
from pathlib import Path

ENDING = ".dbops-marks"


def marks_path(database: Path) -> Path:
    """The file with the marks; one for all the names that symbolic links give the database."""
    real = Path(os.path.realpath(database))  # resolve() raises for a link to itself
    return real.with_name(real.name + ENDING)


def read_comment(database: Path) -> str | None:
    """What stands in it, a mark a line, as in the comment of a PostgreSQL database; None where there is none."""
    try:
        return marks_path(database).read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except FileNotFoundError:
        return None


def write_comment(database: Path, comment: str) -> None:
    """Write the marks anew."""
    marks_path(database).write_text(f"{comment}\n", encoding="utf-8")
