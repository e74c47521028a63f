"""What is said when a restore stops, whatever the engine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from dbops.errors import AnswerIsNo, DbopsError
from dbops.events import plural
from dbops.restore.plan import Plan

_SHOWN = 20
"""Differences that are shown; the others are counted."""


def not_migrated(error: DbopsError, made: Plan) -> DbopsError:
    """A migration failed: nothing of it is left, whatever the migrator says of a database that it does not know to be dropped."""
    return DbopsError(
        error.message,
        detail=error.detail,
        hint=f"mend the file, then run bin/restore {shlex.quote(made.label)} --migrate again; "
        + (f"{made.live} is untouched" if made.exists else f"no {made.live} was made"),
    )


def differs(made: Plan, different: Sequence[str]) -> AnswerIsNo:
    """What was restored is not what was backed up."""
    lines = [f"  - {sentence}" for sentence in different[:_SHOWN]]
    if len(different) > _SHOWN:
        lines.append(f"  and {len(different) - _SHOWN} more")
    return AnswerIsNo(
        f"what was restored from {made.label} differs from its proof in {plural(len(different), 'place')}; "
        + (f"{made.live} is untouched" if made.exists else f"no {made.live} was made"),
        detail="\n".join(lines),
        hint="restore another backup: bin/restore lists them; --keep-side keeps it for a look",
    )
