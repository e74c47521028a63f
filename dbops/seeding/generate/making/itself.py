"""References of a table to itself: each row refers to one before it; where rows are left out, to one that is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.seeding.draw import words
from dbops.seeding.generate.model import How, Reference

if TYPE_CHECKING:
    from dbops.seeding.generate.making.rows import Block


def earlier(block: Block, reference: Reference, count: int) -> list[int]:
    """Rows of the table itself: each refers to one before it; the first to none, to itself or to the next."""
    if reference.how in (How.UNIQUE, How.KEY):  # a ring: every row is referred to once
        return [(place + 1) % count for place in range(count)]
    drawn = words(block.maker.seed, block.stream(reference.name), block.number, count)
    if reference.late or reference.agreeing:
        return _earlier_alike(block, reference, drawn)
    picked = [((word * word >> 32) * place) >> 32 for place, word in enumerate(drawn)]
    if picked:
        picked[0] = -1 if reference.nulls else 0 if reference.itself else 1 % count
    return picked


def _earlier_alike(block: Block, reference: Reference, drawn: Sequence[int]) -> list[int]:
    """The same, of rows that agree in the columns that are decided: of one tenant, one project."""
    texts = block.candidates
    pairs = dict(zip(reference.columns, reference.referenced, strict=True))
    alike = [texts(column) for column in reference.agreeing]
    own = zip(*(texts(column) for column in reference.fixed), *alike, strict=True)
    theirs = zip(*(texts(pairs[column]) for column in reference.fixed), *alike, strict=True)
    before: dict[tuple[str | None, ...], list[int]] = {}
    picked = []
    for place, (word, wanted, offered) in enumerate(zip(drawn, own, theirs, strict=True)):
        found = before.get(wanted, ())
        nobody = -1 if reference.nulls or not reference.itself else place
        picked.append(found[(word * word >> 32) * len(found) >> 32] if found else nobody)
        before.setdefault(offered, []).append(place)
    return picked


class Among:
    """For each row that may be kept a parent among those before it, of the same tenant where that is asked for."""

    def __init__(self, block: Block) -> None:
        refer = [one for one in block.plan.references if block.to_itself(one)]
        self.references = [one for one in refer if one.how not in (How.UNIQUE, How.KEY)]
        self.texts: dict[str, list[str | None]] = {
            name: [] for one in self.references for name in one.decides
        }
        self._block = block
        self._drawn = {
            one.name: words(block.maker.seed, block.stream(one.name), block.number, block.count)
            for one in self.references
        }
        self._before: dict[str, dict[tuple[str | None, ...], list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def choose(self, place: int) -> dict[str, str | None]:
        """The values of the columns for a row."""
        chosen: dict[str, str | None] = {}
        for reference in self.references:
            chosen.update(self._values(reference, place))
        return chosen

    def none(self) -> dict[str, str | None] | None:
        """NULL in all of them; None where one must not be."""
        optional = all(one.optional for one in self.references)
        return dict.fromkeys(self.texts, None) if self.references and optional else None

    def keep(self, place: int, chosen: dict[str, str | None]) -> None:
        """The row is kept with these values, and may be a parent."""
        for name, text in chosen.items():
            self.texts[name].append(text)
        for reference in self.references:
            pairs = dict(zip(reference.columns, reference.referenced, strict=True))
            columns = (*map(pairs.__getitem__, reference.fixed), *reference.agreeing)
            offered = tuple(self._block.candidates(column)[place] for column in columns)
            self._before[reference.name][offered].append(place)

    def _values(self, reference: Reference, place: int) -> dict[str, str | None]:
        block = self._block
        if any(block.candidates(column)[place] is None for column in reference.decides):
            return dict.fromkeys(reference.decides)
        columns = (*reference.fixed, *reference.agreeing)
        wanted = tuple(block.candidates(column)[place] for column in columns)
        before = self._before[reference.name].get(wanted, ())
        if not before and (reference.optional or reference.agreeing or not reference.itself):
            return dict.fromkeys(reference.decides)
        word = self._drawn[reference.name][place]
        parent = before[(word * word >> 32) * len(before) >> 32] if before else place
        pairs = dict(zip(reference.columns, reference.referenced, strict=True))
        return {column: block.candidates(pairs[column])[parent] for column in reference.decides}
