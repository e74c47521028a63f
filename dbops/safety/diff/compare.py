"""Two databases in, a script out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.schema import reader
from dbops.safety.diff import unseen
from dbops.safety.diff.attempt import Attempt, Effort, attempt
from dbops.safety.diff.likeness import unlike
from dbops.safety.diff.model import Renames, Script, inverted
from dbops.safety.diff.target import Target

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]


def compare(here: Connection, there: Connection, renames: Renames = ()) -> Script:
    """The statements that lead from one schema to the other, and back.

    Both databases are on one server and hold nothing of dbops' own; statements are tried in them in transactions
    that are rolled back.  Both are to be copies through pg_dump, since the server spells what it has read once otherwise
    than its own words.  The connections must be in autocommit mode.

    :raises ProgramFailed: the library that compares is not installed, or cannot compare these.
    """
    before, after = (Target(one, reader.read(one, ())) for one in (here, there))
    if not renames and not unlike(before.schema, after.schema):
        return Script((), ())
    up, down = _best(here, after, renames), _best(there, before, inverted(renames))
    return Script(up.changes, down.changes, unseen.sentences(up, down))


def _best(here: Connection, target: Target, renames: Renames) -> Attempt:
    """The gentlest attempt that reaches the target, else the one that comes closest."""
    attempts: list[Attempt] = []
    for effort in Effort:
        attempts.append(attempt(here, target, renames, effort))
        if not attempts[-1].missed:
            break
    return min(attempts, key=lambda one: one.missed)
