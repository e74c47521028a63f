"""Rows that are in the way of what migrations to come ask for: found before the migration fails on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from psycopg import errors, sql

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.live import LiveCatalog
from dbops.engines.postgres.effects.model import Cost
from dbops.engines.postgres.effects.statements import created, effects
from dbops.engines.postgres.libpg_query import Refusal, parse
from dbops.engines.postgres.nodes import Node
from dbops.events import plural
from dbops.safety.checkup.asking import Asker, NotKnown, not_known
from dbops.safety.checkup.broken import Broken, broken
from dbops.safety.checkup.model import Finding, Level
from dbops.safety.checkup.requirements import requirements

if TYPE_CHECKING:
    from dbops.migrations.prepare import Prepared

MOST = 1000
"""As many broken rows are counted; more of them are not worth the time."""

_CODE = frozenset({"DoStmt", "CallStmt"})
_CHANGES_ROWS = frozenset({Cost.ROWS, Cost.REWRITE})


def look(ask: Asker, coming: Iterable[Prepared]) -> Iterator[Finding]:
    """What the rows of now would break, of migrations in the order in which they will run.

    Where an earlier one of them changes the rows of that table it may mend them: then it is a hint.
    """
    walk = _Walk(ask)
    for prepared in coming:
        version = prepared.step.version.text
        if prepared.code is not None:
            walk.mended_by_code = f"the code of {version}"
        for statement in prepared.script.statements:
            yield from walk.statement(statement.text, version)


class _Walk:
    """Remembers what the statements so far have made and changed."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask
        self._live = LiveCatalog(ask.connection)
        self._made: set[str] = set()
        self._changed: dict[QualifiedName, str] = {}
        self.mended_by_code = ""

    def statement(self, text: str, version: str) -> Iterator[Finding]:
        try:
            nodes = parse(text.encode())
        except Refusal:
            return
        for ((kind, node),) in (one["stmt"].items() for one in nodes):
            yield from self._asked(kind, node, version)
            if kind in _CODE:
                self.mended_by_code = f"a block of code in {version}"
        self._made |= {name.name for name in created(text)}
        for effect in effects(text, self._live):
            if (effect.cost in _CHANGES_ROWS or effect.destroys) and (table := self._there(effect.relation)):
                self._changed.setdefault(table, version)

    def _there(self, name: QualifiedName) -> QualifiedName | None:
        found = None if name.name in self._made else self._live.relation(name)
        return found.name if found else None

    def _asked(self, kind: str, node: Node, version: str) -> Iterator[Finding]:
        for one in requirements(kind, node):
            table = self._there(one.table)
            found = broken(one, table, self._ask) if table else None
            if table and found:
                mended = self._changed.get(table) or self.mended_by_code
                yield from _told(self._ask, found, version, mended)


def _told(ask: Asker, found: Broken, version: str, mended: str) -> Iterator[Finding]:
    shown = found.rows.as_string(ask.connection)
    about = f"{found.about}, coming with {version},"
    limited = sql.SQL("select count(*) from ({} limit {}) as found").format(found.rows, MOST)
    try:
        ((count,),) = ask.rows(limited)
    except NotKnown as reason:
        yield not_known(found.check, about, reason, shown)
        return
    except (errors.UndefinedColumn, errors.UndefinedTable, errors.UndefinedFunction, errors.UndefinedObject):
        return  # of an earlier one of these migrations: there are no rows of it yet
    if count:
        many = f"{plural(count, found.unit)}{' or more' if count == MOST else ''}"
        said = f"{found.said.format(many)}{f', unless {mended} mends that first' if mended else ''}"
        yield Finding(
            found.check, Level.HINT if mended else Level.PROBLEM, about, said, shown, found.mend(ask)
        )
