"""The names of side and displaced databases, and the lines of their comments that say whose they are.

Names end at 63 bytes in PostgreSQL.  A longer one is shortened to its
beginning and a hash of the whole, so that two databases never share one.
What a database is for is told by its comment, never by its name alone.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json

LIMIT = 63
"""Bytes of a name, in UTF-8."""

_RESTORING = "dbops=restoring "
_DISPLACED = "dbops=displaced "


@dataclasses.dataclass(frozen=True)
class Displacement:
    """What the comment of a displaced database says.

    `database` is the live database that it was; `backup` is what took its
    place, None where that was another displaced database (`undo`).
    """

    database: str
    at: datetime.datetime
    backup: str | None


def side(live: str) -> str:
    """The database that a restore loads into."""
    return _ending(live, "__restoring")


def unnamed(live: str) -> str:
    """The side database while it has no mark yet, and, inside the swap, while it has no name: nobody else's."""
    return f"dbops_restoring_{_hash(live, 20)}"


def displaced(live: str, at: datetime.datetime, attempt: int = 0) -> str:
    """The name that the live database gets at the swap.

    :param attempt: a number above 0 where the name is taken.
    """
    again = f"_{attempt}" if attempt else ""
    return _ending(live, f"__displaced_{at.astimezone(datetime.UTC):%Y%m%d_%H%M%S}{again}")


def mark_restoring(live: str) -> str:
    """The comment of a side database."""
    return _RESTORING + json.dumps(live)


def is_restoring(comment: str | None, live: str) -> bool:
    """Whether the comment says that this is the side database of a restore of `live`."""
    return comment is not None and mark_restoring(live) in comment.split("\n")


def mark_displaced(comment: str | None, displacement: Displacement) -> str:
    """The comment of the live database with the line that says what became of it; what stood there stays."""
    fields = {
        "database": displacement.database,
        "at": displacement.at.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        "backup": displacement.backup,
    }
    kept = without_marks(comment)
    line = _DISPLACED + json.dumps(fields)
    return f"{kept}\n{line}" if kept else line


def read_displaced(comment: str | None) -> Displacement | None:
    """What the comment says of a displaced database; None where it is none of ours."""
    for line in (comment or "").split("\n"):
        if line.startswith(_DISPLACED):
            try:
                fields = json.loads(line.removeprefix(_DISPLACED))
                database, backup = fields["database"], fields["backup"]
                at = datetime.datetime.fromisoformat(fields["at"])
            except (ValueError, KeyError, TypeError):
                continue
            if isinstance(database, str) and at.tzinfo is not None:
                return Displacement(database, at, backup if isinstance(backup, str) else None)
    return None


def without_marks(comment: str | None) -> str | None:
    """The comment without the lines that this module writes; None where nothing else is in it."""
    if comment is None:
        return None
    kept = [line for line in comment.split("\n") if not line.startswith((_RESTORING, _DISPLACED))]
    return "\n".join(kept) or None


def _ending(name: str, ending: str) -> str:
    whole = name + ending
    if len(whole.encode()) <= LIMIT:
        return whole
    ending = f"_{_hash(name, 8)}{ending}"
    room = LIMIT - len(ending)
    # A character that would be cut in two is left out.
    return name.encode()[:room].decode(errors="ignore") + ending


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
