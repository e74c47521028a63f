"""Rows of a SQLite database that a unique index of migrations to come would hit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dbops.engines.effects import Cost
from dbops.engines.sqlite.ddl import read_index
from dbops.engines.sqlite.effects import effects
from dbops.engines.sqlite.tracking import quoted
from dbops.engines.sqlite.words import Words
from dbops.events import plural
from dbops.safety.checkup.model import Finding, Level
from dbops.safety.checkup.on_sqlite import tables_of

if TYPE_CHECKING:
    import sqlite3

    from dbops.migrations.prepare import Prepared

_MOST = 1000
"""As many groups of equal rows are counted."""


def look(connection: sqlite3.Connection, coming: Iterable[Prepared]) -> Iterator[Finding]:
    """Of tables that are there; a hint where an earlier statement changes rows of that table, and so may mend it."""
    tables, changed = tables_of(connection), set[str]()
    for prepared in coming:
        for statement in prepared.script.statements:
            words = Words(statement.text)
            if (table := words.after("ON")) in tables and words.has("CREATE", "UNIQUE", "INDEX"):
                index = _Index(table, *read_index(statement.text, collated=True))
                yield from _hit(connection, index, prepared.step.version.text, mended=table in changed)
            changed |= {effect.relation.name for effect in effects(words) if effect.cost is not Cost.BUILD}


@dataclasses.dataclass(frozen=True)
class _Index:
    """One to come: its entries and its WHERE, as they are written."""

    table: str
    entries: list[str]
    where: str | None

    @property
    def listed(self) -> str:
        return ", ".join(self.entries)

    @property
    def rows(self) -> str:
        """The table and the rows that count: NULL is equal to nothing."""
        conditions = [f"({one}) IS NOT NULL" for one in self.entries] + (
            [f"({self.where})"] if self.where else []
        )
        return f"{quoted(self.table)} WHERE {' AND '.join(conditions)}"

    @property
    def query(self) -> str:
        places = ", ".join(str(place) for place in range(1, len(self.entries) + 1))
        return f"SELECT {self.listed}, count(*) FROM {self.rows} GROUP BY {places} HAVING count(*) > 1"  # noqa: S608  # quoted

    @property
    def mend(self) -> str:
        chosen = f"SELECT min(rowid) FROM {self.rows} GROUP BY {self.listed}"  # noqa: S608  # the migration's own words
        return f"/* keeps the first of each */ DELETE FROM {self.rows} AND rowid NOT IN ({chosen});"  # noqa: S608  # quoted


def _hit(connection: sqlite3.Connection, index: _Index, version: str, *, mended: bool) -> Iterator[Finding]:
    import sqlite3

    query = f"SELECT count(*) FROM ({index.query} LIMIT {_MOST})"  # noqa: S608  # the migration's own words
    try:
        (count,) = connection.execute(query).fetchone()
    except sqlite3.OperationalError:
        return  # a column that comes with these migrations: there are no values of it yet
    if count:
        about = f"the unique index on {index.table} ({index.listed}), coming with {version},"
        many = f"{plural(count, 'group')}{' or more' if count == _MOST else ''} of duplicate rows"
        said = f"would be hit by {many}{', unless an earlier statement mends that first' if mended else ''}"
        mend = index.mend if _has_rowid(connection, index.table) else "delete all but one of each"
        level = Level.HINT if mended else Level.PROBLEM
        yield Finding("duplicates-coming", level, about, said, index.query, mend)


def _has_rowid(connection: sqlite3.Connection, table: str) -> bool:
    import sqlite3

    query = "select 1 from pragma_table_list where name = ? collate nocase and schema = 'main' and not wr"
    try:
        return connection.execute(query, [table]).fetchone() is not None
    except sqlite3.OperationalError:
        return False  # SQLite before 3.37 does not tell
