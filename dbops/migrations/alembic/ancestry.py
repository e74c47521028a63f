"""What comes from what among the rendered revisions, and which version each has: for Alembic's own table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Self

from dbops.migrations.alembic import files, graph, project
from dbops.migrations.alembic.update import required

if TYPE_CHECKING:
    from dbops.config.model import Settings
    from dbops.migrations.alembic.files import Pair
    from dbops.migrations.alembic.graph import Graph
    from dbops.migrations.model import MigrationFile
    from dbops.migrations.version import Version


class Ancestry:
    """The graph of a project's revisions together with the pairs that they were rendered into."""

    def __init__(self, tree: Graph, pairs: Mapping[str, Pair]) -> None:
        self._tree = tree
        self._pairs = pairs
        self._revisions = {pair.version: one for one, pair in pairs.items()}
        self._children: dict[str, list[str]] = {one: [] for one in tree.revisions}
        for one in tree.revisions:
            for parent in tree.needs(one):
                self._children[parent].append(one)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read from the project and its migrations folder; runs nothing.

        :raises ConfigError: there is no Alembic project, or its revisions make no graph.
        """
        tree = graph.read(project.sources(required(settings)))
        return cls(tree, files.pairs(settings.migrations_dir.value, tree.revisions))

    def ancestors(self, heads: Iterable[str]) -> frozenset[str]:
        """These and all that they come after or depend on.

        :raises ConfigError: one of them is not in the project.
        """
        return self._tree.ancestors(heads)

    def parents(self, revision: str) -> tuple[str, ...]:
        """What a revision comes directly after, or depends on; Alembic's table has none of them beside it.

        :raises KeyError: where there is no such revision.
        """
        return self._tree.needs(revision)

    def children(self, revision: str) -> list[str]:
        """What comes directly after a revision, or depends on it.

        :raises KeyError: where there is no such revision.
        """
        return self._children[revision]

    def version(self, revision: str) -> Version:
        """The version of the pair that a revision was rendered into.

        :raises KeyError: where there is none.
        """
        return self._pairs[revision].version

    def has(self, file: MigrationFile) -> bool:
        """Whether a file was rendered from a revision."""
        return file.version in self._revisions

    def revision(self, file: MigrationFile) -> str:
        """The revision that a file was rendered from.

        :raises KeyError: where it was rendered from none.
        """
        return self._revisions[file.version]
