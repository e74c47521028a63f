"""The graph of an Alembic project's revisions, read from their files without running them."""

from __future__ import annotations

import ast
import dataclasses
import heapq
import re
from collections.abc import Collection, Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.errors import ConfigError

if TYPE_CHECKING:
    from dbops.migrations.alembic.project import Source

_NAMES = ("revision", "down_revision", "branch_labels", "depends_on")
_DATE = re.compile(r"^Create Date:\s*(.+?)\s*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Revision:
    """One revision: `parents` are its down_revision, `depends_on` ids or branch labels, as its file has them."""

    id: str
    path: Path
    parents: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    description: str = ""
    date: str = ""
    checksum: str = dataclasses.field(default="", compare=False)


class Graph:
    """All revisions of a project.

    :raises ConfigError: two files have one id or one label, one needs another that is not there, or two need
        each other; with the files.
    """

    def __init__(self, revisions: Iterable[Revision]) -> None:
        self.revisions: dict[str, Revision] = {}
        for one in revisions:
            if one.id in self.revisions:
                raise _double(f"revision {one.id}", self.revisions[one.id], one)
            self.revisions[one.id] = one
        self._labels = self._labelled()
        self._needs = {one.id: self._needed_by(one) for one in self.revisions.values()}
        self._refuse_cycles()

    def needs(self, revision: str) -> tuple[str, ...]:
        """The revisions that must run before one: its parents and what it depends on."""
        return self._needs[revision]

    def ancestors(self, heads: Iterable[str]) -> frozenset[str]:
        """What is applied where the database says it is at `heads`: these, and all that they need.

        :raises ConfigError: one of them is not in the project.
        """
        found: set[str] = set()
        waiting = list(heads)
        for head in waiting:
            if head not in self.revisions:
                raise ConfigError(
                    f"the database is at revision {head}, and no file of the project has it",
                    hint="bring the revision's file: git log --all -- '*" + head + "*'",
                )
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting.extend(self._needs[one])
        return frozenset(found)

    def order(self, *, before: Sequence[str] = (), first: Collection[str] = ()) -> tuple[str, ...]:
        """Every revision after all that it needs, and always in the same order.

        :param before: what has its place already, in order; what it cannot have any more is put behind.
        :param first: what comes before the rest, as far as that can be.
        """
        kept = self.kept(before)
        sorter = TopologicalSorter({one: set(needs) for one, needs in self._needs.items()})
        sorter.prepare()
        place = {one: index for index, one in enumerate(kept)}
        waiting: list[tuple[int, bool, str, str]] = []
        ordered: list[str] = []
        while sorter.is_active():
            for one in sorter.get_ready():
                key = (place.get(one, len(place)), one not in first, self.revisions[one].date, one)
                heapq.heappush(waiting, key)
            one = heapq.heappop(waiting)[-1]
            ordered.append(one)
            sorter.done(one)
        return tuple(ordered)

    def kept(self, ordered: Iterable[str]) -> tuple[str, ...]:
        """Of revisions in order, those that still come after all that they need."""
        kept: dict[str, None] = {}
        for one in ordered:
            if one in self._needs and all(need in kept for need in self._needs[one]):
                kept[one] = None
        return tuple(kept)

    def _labelled(self) -> dict[str, Revision]:
        found: dict[str, Revision] = {}
        for one in self.revisions.values():
            for label in one.labels:
                if other := found.get(label) or self.revisions.get(label):
                    raise _double(f"the name {label}", other, one)
                found[label] = one
        return found

    def _needed_by(self, one: Revision) -> tuple[str, ...]:
        missing = next((name for name in one.parents if name not in self.revisions), None)
        depends = [self._labels[name].id if name in self._labels else name for name in one.depends_on]
        missing = missing or next((name for name in depends if name not in self.revisions), None)
        if missing is not None:
            raise ConfigError(
                f"{one.path}: revision {one.id} needs {missing}, and no file has that",
                hint="bring the file of that revision, or mend down_revision and depends_on",
            )
        return tuple(dict.fromkeys((*one.parents, *depends)))

    def _refuse_cycles(self) -> None:
        try:
            TopologicalSorter({one: set(needs) for one, needs in self._needs.items()}).prepare()
        except CycleError as error:
            names = list(dict.fromkeys(error.args[1]))
            files = ", ".join(str(self.revisions[name].path) for name in names)
            raise ConfigError(
                f"the revisions {', '.join(names)} need each other: {files}",
                hint="mend down_revision or depends_on in one of them",
            ) from None


def read(sources: Iterable[Source]) -> Graph:
    """The graph of these files; a file that sets no `revision` is none of them.

    :raises ConfigError: as `Graph` does, or for a file whose revision cannot be told without running it.
    """
    found = (_revision(source) for source in sources)
    return Graph(one for one in found if one is not None)


def _revision(source: Source) -> Revision | None:
    try:
        tree = ast.parse(source.content, str(source.path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise ConfigError(f"{source.path}:{line}: cannot be read as Python: {error.args[0]}") from None
    values = dict(_assigned(tree, source.path))
    if not values.get("revision"):
        return None
    text = ast.get_docstring(tree) or ""
    date = _DATE.search(text)
    return Revision(
        id="".join(values["revision"]),
        path=source.path,
        parents=values.get("down_revision", ()),
        depends_on=values.get("depends_on", ()),
        labels=values.get("branch_labels", ()),
        description=" ".join(text.partition("\n\n")[0].split()),
        date=date[1] if date else "",
        checksum=source.checksum,
    )


def _assigned(tree: ast.Module, path: Path) -> Iterable[tuple[str, tuple[str, ...]]]:
    """What a module sets of the names that make the graph, at its top level."""
    for node in tree.body:
        targets: Sequence[ast.expr] = ()
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in _NAMES:
                assert isinstance(node, ast.Assign | ast.AnnAssign)
                yield target.id, _names(node.value, path, target.id)


def _names(node: ast.expr | None, path: Path, name: str) -> tuple[str, ...]:
    assert node is not None
    try:
        value = ast.literal_eval(node)
    except ValueError:
        raise ConfigError(
            f"{path}:{node.lineno}: {name} is not a text, and this file is read without running it",
            hint=f"write {name} as a text in quotes, or as a tuple of texts",
        ) from None
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value or ())


def _double(what: str, first: Revision, second: Revision) -> ConfigError:
    return ConfigError(
        f"two files have {what}: {first.path} and {second.path}", hint="take one away, or give it another id"
    )
