"""Which revisions have to be rendered; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbops.migrations.alembic.files import Pair
    from dbops.migrations.alembic.graph import Graph, Revision


@dataclasses.dataclass(frozen=True)
class Work:
    """What is to be rendered, in order.

    `new` come behind all others; `moved` are among them, with the files that they have now and will not have any more;
    `changed` keep their names.  `warnings` tell of what is left as it is.
    """

    new: tuple[Revision, ...] = ()
    moved: tuple[Pair, ...] = ()
    changed: tuple[Pair, ...] = ()
    warnings: tuple[str, ...] = ()


def plan(
    tree: Graph, existing: Mapping[str, Pair], applied: Collection[str], first: Collection[str] = ()
) -> Work:
    """What has to be rendered; pure.

    :param existing: the pairs that are there, in order of their numbers.
    :param applied: the sort keys of what must stay as it is.
    :param first: revisions that come before the others that are new.
    """
    kept = tree.kept(existing)
    moved, stuck = _misplaced(existing, kept, applied)
    changed, edited = _changed(tree, [pair for pair in existing.values() if pair not in moved])
    stay = existing.keys() - {pair.revision for pair in moved}
    ordered = tree.order(before=kept, first=first)
    new = tuple(tree.revisions[one] for one in ordered if one not in stay)
    return Work(new, tuple(moved), tuple(changed), (*stuck, *edited))


def _misplaced(
    existing: Mapping[str, Pair], kept: Collection[str], applied: Collection[str]
) -> tuple[list[Pair], list[str]]:
    """The pairs that lose their numbers, and warnings of those that cannot."""
    moved, warnings = [], []
    for pair in existing.values():
        if pair.revision in kept:
            continue
        if pair.is_edited or pair.version.key in applied:
            warnings.append(f"{pair.up.path} now comes before a revision that it needs, and keeps its place")
        else:
            moved.append(pair)
    return moved, warnings


def _changed(tree: Graph, pairs: Iterable[Pair]) -> tuple[list[Pair], list[str]]:
    """The pairs whose revisions have changed since, and warnings of those that stay as somebody wrote them."""
    changed, warnings = [], []
    for pair in pairs:
        revision = tree.revisions[pair.revision]
        if pair.up.source in {None, revision.checksum}:
            continue
        if pair.is_edited:
            warnings.append(
                f"{revision.path} has changed since it was rendered; {pair.up.path} was changed by hand and "
                "stays as it is"
            )
        else:
            changed.append(pair)
    return changed, warnings
