"""Data that would be gone for good."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.safety.lint.model import Found, Level, Matters, Rule
from dbops.safety.lint.reading import File
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    if around.backs_up:
        return
    for one in file.up.statements:
        lost = [effect for effect in around.effects(file, one) if effect.destroys]
        lost = [effect for effect in lost if not around.is_new(effect.relation, file, one)]
        if lost:
            what = ", ".join(effect.destroys for effect in lost)
            tables = tuple(effect.relation for effect in lost)
            yield Found(
                file.up, one, f"it takes {what} away, and no backup is asked for", tables, Matters.FILLED
            )


RULE = Rule(
    "destructive-without-backup",
    Level.WARNING,
    wrong="`DROP TABLE`, `DROP COLUMN`, `TRUNCATE` and `DELETE` take rows or values with them, and no down section "
    "brings them back.",
    safer="Set `backup-before-migrate` under `[tool.dbops]`: then `up` takes a backup first, and this rule is silent. Or "
    "rename what is not needed any more, and drop it a release later.",
    instead="backup-before-migrate under [tool.dbops], or rename it now and drop it a release later",
    check=_check,
)
