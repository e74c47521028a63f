"""No way back."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.safety.lint.model import Found, Level, Rule
from dbops.safety.lint.reading import File
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    if file.file.version.repeatable:
        return
    first = next(iter(file.up.statements), None)
    if file.down is None:
        yield Found(file.up, first, "there is no down section: this migration cannot be undone")
    elif not file.down.statements and file.down.section.code is None:
        yield Found(file.up, first, "the down section holds no statement: it undoes nothing")


RULE = Rule(
    "down-missing",
    Level.WARNING,
    wrong="After a bad release there is no way back but a backup: `down` and `goto` stop here.",
    safer="Write the statements that undo it behind `-- DOWN Migration`. Where nothing can undo it, say so with "
    "`-- dbops: ignore down-missing` above the first statement, so that a reader knows that it was meant.",
    instead="write what undoes it behind -- DOWN Migration",
    check=_check,
)
