"""Alembic: `alembic_version` holds the heads alone; what is applied are they and all their ancestors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.errors import Refused
from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select, statement

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.config.model import Settings
    from dbops.migrations.alembic.ancestry import Ancestry
    from dbops.migrations.model import MigrationFile


def heads(ask: Ask, table: TableName) -> list[str]:
    """What the table holds."""
    return [row[0] for row in select(ask, "version_num", table, "version_num")]


class Alembic(Tool):
    """Which revisions there are, only the project's own files tell."""

    name = "alembic"
    tables = ("alembic_version",)
    columns = frozenset({"version_num"})
    exactly = True
    keyed_by_name = True

    def __init__(self, ancestry: Ancestry | None = None) -> None:
        self._ancestry = ancestry

    def of_project(self, settings: Settings) -> Tool:
        """With the graph of the project's revisions, as they were rendered.

        :raises ConfigError: where the project has no Alembic, or its revisions make no graph.
        """
        from dbops.migrations.alembic.ancestry import Ancestry

        return Alembic(Ancestry.of(settings))

    def read(self, ask: Ask, table: TableName) -> History:
        """The heads and all their ancestors, the oldest first.

        :raises Refused: where the revisions are not known.
        :raises ConfigError: where one of the heads is none of them.
        """
        graph = self._graph()
        found = graph.ancestors(heads(ask, table))
        return self.history(
            table, sorted((Entry(one, graph.version(one)) for one in found), key=lambda one: one.version.key)
        )

    def holds(self, file: MigrationFile) -> bool:
        """Whether it was rendered from a revision."""
        return self._graph().has(file)

    def id(self, file: MigrationFile) -> str:
        """The revision; of a file that holds none, its version, which is no revision's."""
        return self._graph().revision(file) if self.holds(file) else file.version.text

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
