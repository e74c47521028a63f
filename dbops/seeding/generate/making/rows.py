"""The rows of a plan, block by block and column by column.

A block of a table refers to one block of each parent: block b of n to block b * m // n of the parent's m.  Every
value follows from the seed, the table, the column and the row's number, so any worker can make any block, and the
columns of a parent that its children need are made again where they are not at hand.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from dbops.engines.catalog import TableName
from dbops.seeding.draw import words
from dbops.seeding.generate.making.itself import earlier
from dbops.seeding.generate.making.linked import link
from dbops.seeding.generate.making.numbers import STRETCH, Numbers, parents_places, unit_of_combination
from dbops.seeding.generate.making.sequels import times_after
from dbops.seeding.generate.making.sieve import sift
from dbops.seeding.generate.model import NULLS, OWN, After, GeneratePlan, How, Own, Reference, TablePlan
from dbops.seeding.generate.spaces.pooled import Person
from dbops.seeding.generate.spaces.space import Dice
from dbops.seeding.generate.spaces.times import moments, written_moments

Texts = Sequence[str | None]

_KEPT_BLOCKS = 48


class CircularValues(Exception):
    """Values that follow from each other in a circle: such tables cannot be filled here."""


class Maker:
    """Makes blocks of the tables of a plan and keeps the latest."""

    def __init__(self, plan: GeneratePlan) -> None:
        self.seed = plan.seed
        self.tables = {table.table: table for table in plan.tables}
        self._blocks: OrderedDict[tuple[TableName, int], Block] = OrderedDict()

    def block(self, table: TableName, number: int) -> Block:
        """Block `number` of a table; its columns are made when they are asked for."""
        place = (table, number)
        made = self._blocks.pop(place, None) or Block(self, self.tables[table], number)
        self._blocks[place] = made
        if len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return made


class Block:
    """Rows `start` to `start + count` of a table (numbered from 0 in this run)."""

    def __init__(self, maker: Maker, plan: TablePlan, number: int) -> None:
        self.maker, self.plan, self.number = maker, plan, number
        self.start = number * plan.block
        self.wanted = max(0, min(plan.block, plan.rows - self.start))
        sieve = plan.sieve
        self.count = (sieve.made or self.wanted * STRETCH) if sieve.needed else self.wanted
        self._making: set[str] = set()
        self._later: dict[str, list[str | None]] = {}
        self._numbers = Numbers(self)
        self._texts: dict[str, Texts] = {}
        self._moments: dict[str, list[int]] = {}
        self._linked: dict[str, list[int]] | None = None
        self._kept: list[int] | None = None
        late_last = sorted(plan.references, key=lambda one: not one.late)
        self._references = {c: one for one in late_last for c in (one.decides if one.late else one.columns)}
        self._tied = {column: one for one in plan.combinations for column in one.columns}

    def column(self, name: str) -> Texts:
        """The raw texts of a column for the rows that are kept."""
        kept = self.kept()
        reference = self._references.get(name)
        if kept is not None and reference is not None and self.to_itself(reference):
            return self._among_kept(reference, name)
        texts = self.candidates(name)
        return texts if kept is None else [texts[place] for place in kept]

    def kept(self) -> list[int] | None:
        """The rows that pass the sieve; None where there is none."""
        if not self.plan.sieve.needed:
            return None
        if self._kept is None:
            self._kept, self._later = sift(self)
        return self._kept

    @property
    def size(self) -> int:
        """How many rows there are in the end."""
        kept = self.kept()
        return self.count if kept is None else len(kept)

    def candidates(self, name: str) -> Texts:
        """The texts of a column for all rows, those that the sieve will leave out, too."""
        if name not in self._texts:
            if name in self._making:
                raise CircularValues(f"{name} depends on itself through foreign keys")
            self._making.add(name)
            self._texts[name] = self._make(name)
            self._making.discard(name)
        return self._texts[name]

    def _make(self, name: str) -> Texts:
        tied = self._tied.get(name)
        if tied is None:
            return self._alone(name)
        place = tied.columns.index(name)
        values = [row[place] for row in tied.rows]
        chosen = list(map(values.__getitem__, self.numbers(unit_of_combination(tied), len(values), tied.how)))
        if OWN not in values:
            return chosen
        own = self._alone(name)
        return [mine if text == OWN else text for text, mine in zip(chosen, own, strict=True)]

    def _alone(self, name: str) -> Texts:
        maker = self.plan.makers.get(name)
        if isinstance(maker, Own):
            return self._with_nulls(name, self._own(name, maker), maker.nulls)
        if isinstance(maker, After):
            return self._with_nulls(name, written_moments(self.moments(name), maker.form), maker.nulls)
        reference = self._references[name]
        return self._with_nulls(reference.name, self._referred(reference, name), reference.nulls)

    def _own(self, name: str, maker: Own) -> list[str]:
        numbers = self.numbers(name, maker.space.size, maker.how)
        # People are the same crowd from run to run: the rows to come are others of it.
        named = (
            f"{'.'.join(self.plan.table)}/{name}" if isinstance(maker.space, Person) else self.stream(name)
        )
        return maker.space.texts(numbers, Dice(self.maker.seed, named))

    def _with_nulls(self, name: str, texts: Texts, nulls: int) -> Texts:
        if not nulls:
            return texts
        below = (nulls << 32) // NULLS
        drawn = words(self.maker.seed, self.stream(name + "/null"), self.number, len(texts))
        return [None if word < below else text for word, text in zip(drawn, texts, strict=True)]

    def moments(self, name: str) -> list[int]:
        """The times of a column in microseconds, NULL or not."""
        if name not in self._moments:
            maker = self.plan.makers[name]
            if isinstance(maker, Own):
                numbers = self.numbers(name, maker.space.size, maker.how)
                self._moments[name] = moments(maker.space, numbers, Dice(self.maker.seed, self.stream(name)))
            else:
                self._moments[name] = times_after(self, name, maker)
        return self._moments[name]

    def stream(self, name: str) -> str:
        """The name of a column's draws."""
        schema, table = self.plan.table
        first = f"+{self.plan.first}" if self.plan.first else ""
        return f"{schema}.{table}{first}/{name}"

    def numbers(self, unit: str, size: int, how: How) -> list[int]:
        """The numbers of a unit, below `size`."""
        return self._numbers.of(unit, size, how)

    def size_of(self, unit: str) -> int:
        """How many numbers a unit has in this block."""
        if (reference := self.named_reference(unit)) is not None:
            if reference.existing:
                return len(reference.keys)
            return sum(block.size for block in self.parent_blocks(reference))
        for one in self.plan.combinations:
            if unit_of_combination(one) == unit:
                return len(one.rows)
        maker = self.plan.makers[unit]
        assert isinstance(maker, Own)
        return maker.space.size

    def named_reference(self, unit: str) -> Reference | None:
        """The reference that a unit is, if it is one."""
        return next((one for one in self.plan.references if one.name == unit), None)

    def parent_blocks(self, reference: Reference) -> list[Block]:
        """The parent's blocks that this one refers to."""
        places = parents_places(self.plan, self.maker.tables[reference.table], self.number)
        return [self.maker.block(reference.table, place) for place in places]

    def parent_column(self, reference: Reference, column: str) -> Texts:
        """The parent's values of a referenced column."""
        if reference.existing:
            place = reference.referenced.index(column)
            return [key[place] for key in reference.keys]
        if reference.table == self.plan.table:
            return self.candidates(column)
        blocks = self.parent_blocks(reference)
        if len(blocks) == 1:
            return blocks[0].column(column)
        return [text for block in blocks for text in block.column(column)]

    def picks(self, reference: Reference) -> list[int]:
        """For each row the place of its parent's row; -1 for none."""
        if reference.linked:
            return self.linked()[reference.name]
        if reference.table == self.plan.table and not reference.existing:
            return earlier(self, reference, self.count)
        size = self.size_of(reference.name)
        if not size:
            return [-1] * self.count
        return self.numbers(reference.name, size, reference.how)

    def to_itself(self, reference: Reference) -> bool:
        """Whether a row's parent is another row of this block."""
        return reference.table == self.plan.table and not reference.existing and not reference.linked

    def _among_kept(self, reference: Reference, name: str) -> Texts:
        """A column that refers to the table itself, where some rows are left out."""
        if name in self._later:
            return self._later[name]
        column = reference.referenced[reference.columns.index(name)]
        values = self.column(column)
        return list(map(values.__getitem__, earlier(self, reference, self.size)))

    def missing(self) -> set[int]:
        """The rows for which a reference that must have one found no parent."""
        required = [one for one in self.plan.references if one.name in self.plan.sieve.required]
        return {place for one in required for place, pick in enumerate(self.picks(one)) if pick < 0}

    def linked(self) -> dict[str, list[int]]:
        """The picks of references that share columns, or that must agree with what else is decided."""
        if self._linked is None:
            self._linked = link(self)
        return self._linked

    def _referred(self, reference: Reference, name: str, seen: tuple[str, ...] = ()) -> Texts:
        """The values of a column from the parents' rows; where one reference has none, those of another that shares it."""
        column = reference.referenced[reference.columns.index(name)]
        values = [*self.parent_column(reference, column), None]  # the last is that of -1
        texts = list(map(values.__getitem__, self.picks(reference)))
        others = [one for one in self._sharing(name) if one.name not in {reference.name, *seen}]
        if reference.linked and None in texts and others:
            theirs = self._referred(others[0], name, (*seen, reference.name))
            return [one if mine is None else mine for mine, one in zip(texts, theirs, strict=True)]
        return texts

    def _sharing(self, name: str) -> list[Reference]:
        return [one for one in self.plan.references if one.linked and not one.late and name in one.columns]
