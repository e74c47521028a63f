"""References of a table to itself where rows are left out: decided among the rows that are kept so far."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dbops.seeding.draw import words
from dbops.seeding.generate.model import How, Reference

if TYPE_CHECKING:
    from dbops.seeding.generate.making.rows import Block


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
