"""Alembic: `alembic_version` holds the heads alone; what is applied are they and all their ancestors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from dbops.errors import Refused
from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select, statement
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile


class Ancestry(Protocol):
    """The graph of revisions, as the files tell it."""

    def parents(self, revision: str) -> Sequence[str]:
        """What a revision comes directly after; empty for the first.

        :raises KeyError: where there is no such revision.
        """

    def children(self, revision: str) -> Sequence[str]:
        """What comes directly after a revision.

        :raises KeyError: where there is no such revision.
        """

    def version(self, revision: str) -> Version:
        """The version that a revision has here.

        :raises KeyError: where it has none.
        """

    def revision(self, file: MigrationFile) -> str:
        """The revision that a file holds.

        :raises KeyError: where it holds none.
        """


class Alembic(Tool):
    """Which revisions there are, only the project's own files tell."""

    name = "alembic"
    tables = ("alembic_version",)
    columns = frozenset({"version_num"})
    exactly = True
    keyed_by_name = True

    def __init__(self, ancestry: Ancestry | None = None) -> None:
        self._ancestry = ancestry

    def read(self, ask: Ask, table: TableName) -> History:
        """The heads and all their ancestors, the oldest first.

        :raises Refused: where the revisions are not known.
        """
        heads = [row[0] for row in select(ask, "version_num", table, "version_num")]
        graph = self._graph()
        found = ancestors(graph, heads)
        return self.history(
            table, sorted((Entry(one, graph.version(one)) for one in found), key=lambda one: one.version.key)
        )

    def id(self, file: MigrationFile) -> str:
        """The revision; of a file that holds none, its version, which is no revision's."""
        try:
            return self._graph().revision(file)
        except KeyError:
            return file.version.text

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """A new head in the place of those that it follows; nothing of a file that holds no revision."""
        if not self._is_revision(one):
            return []
        parents = list(self._graph().parents(one.id))
        gone = statement("delete from {table} where version_num = any({parents})", one.table, parents=parents)
        new = statement("insert into {table} (version_num) values ({id})", one.table, id=one.id)
        return [gone, new] if parents else [new]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """Those that it follows are heads again, unless another branch that is applied follows them, too."""
        if not self._is_revision(one):
            return []
        graph = self._graph()
        gone = statement("delete from {table} where version_num = {id}", one.table, id=one.id)
        text = """
            insert into {table} (version_num) select {parent} where not exists (
                select from {ours} where version = any({children}) and version <> {version})
        """
        back = [
            statement(
                text,
                one.table,
                parent=parent,
                ours=one.ours,
                children=[graph.version(child).text for child in graph.children(parent)],
                version=one.version.text,
            )
            for parent in graph.parents(one.id)
        ]
        return [gone, *back]

    def _is_revision(self, one: Mirrored) -> bool:
        try:
            self._graph().parents(one.id)
        except KeyError:
            return False
        return True

    def _graph(self) -> Ancestry:
        if self._ancestry is None:
            raise Refused(
                "what is applied cannot be told: the revisions of Alembic are not among the files",
                hint="run it in the project that has alembic.ini",
            )
        return self._ancestry


def ancestors(graph: Ancestry, heads: Iterable[str]) -> set[str]:
    """The heads and everything that they come after.

    :raises Refused: where a head has no file.
    """
    found: set[str] = set()
    waiting = list(heads)
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        try:
            waiting += graph.parents(one)
        except KeyError:
            raise Refused(
                f"the database is at revision {one} of Alembic, and there is no file of it",
                hint="bring the file back: what is applied before it, only the files tell",
            ) from None
        found.add(one)
    return found
