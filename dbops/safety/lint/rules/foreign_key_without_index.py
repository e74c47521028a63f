"""A foreign key whose rows cannot be found quickly."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.safety.lint.columns import foreign_keys
from dbops.safety.lint.model import Found, Level, Rule
from dbops.safety.lint.reading import File
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    for one in file.up.statements:
        for table, columns in foreign_keys(one.kind, one.node):
            if not around.is_indexed(table, columns):
                names = ", ".join(columns)
                yield Found(
                    file.up, one, f"no index of {table} begins with ({names}), which a foreign key is on"
                )


RULE = Rule(
    "foreign-key-without-index",
    Level.NOTE,
    wrong="Each `DELETE` of a referred row, and each `UPDATE` of its key, reads the whole referring table, with the row "
    "locked meanwhile. It shows when the table has grown. An index of a later migration counts, and so does one that "
    "the database has.",
    safer="`CREATE INDEX` on the columns of the key; where the table is in use, `CONCURRENTLY`, in a file of its own.",
    instead="CREATE INDEX on these columns; on PostgreSQL CONCURRENTLY, where the table is in use",
    check=_check,
)
