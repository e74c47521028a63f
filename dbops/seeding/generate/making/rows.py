"""The rows of a plan, block by block and column by column.

A block of a table refers to one block of each parent: block b of n to block b * m // n of the parent's m.  Every
value follows from the seed, the table, the column and the row's number, so any worker can make any block, and the
columns of a parent that its children need are made again where they are not at hand.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from operator import add

from dbops.engines.catalog import TableName
from dbops.seeding.draw import words
from dbops.seeding.generate.making.numbers import STRETCH, Numbers, parents_places, unit_of_combination
from dbops.seeding.generate.model import NULLS, OWN, After, GeneratePlan, How, Own, Reference, TablePlan
from dbops.seeding.generate.spaces.pooled import Person
from dbops.seeding.generate.spaces.space import Dice
from dbops.seeding.generate.spaces.times import SECOND, Times, moments, written_moments

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

    # -- what others see -------------------------------------------------------------------------------

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
            from dbops.seeding.generate.making.sieve import sift

            self._kept, self._later = sift(self)
        return self._kept

    @property
    def size(self) -> int:
        """How many rows there are in the end."""
        kept = self.kept()
        return self.count if kept is None else len(kept)

    # -- columns ---------------------------------------------------------------------------------------

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
                self._moments[name] = self._after(name, maker)
        return self._moments[name]

    def _after(self, name: str, maker: After) -> list[int]:
        if maker.otherwise is not None:
            return self._after_parents(name, maker, maker.otherwise)
        before = [self.moments(column) for column in maker.columns]
        return self._soon(name, maker, before[0] if len(before) == 1 else list(map(max, *before)))

    def _soon(self, name: str, maker: After, latest: Sequence[int]) -> list[int]:
        drawn = words(self.maker.seed, self.stream(name), self.number, self.count)
        unit, room = SECOND, maker.most - maker.least + 1
        # Most follow soon: the square of an even number is small more often.
        waits = [((word * word >> 32) * room >> 32) + maker.least for word in drawn]
        return list(map(add, latest, [wait * unit for wait in waits]))

    def _after_parents(self, name: str, maker: After, otherwise: Times) -> list[int]:
        """From the parents' times on until the last that may be, sooner more often."""
        own = otherwise.moments(self.numbers(name, otherwise.size, How.DRAWN))
        drawn = words(self.maker.seed, self.stream(f"{name}/after"), self.number, self.count)
        last, least = otherwise.moments((otherwise.size - 1,))[0], maker.least * SECOND
        parents = [self._of_parents(*pair) for pair in maker.parents]
        made = []
        for mine, word, row in zip(own, drawn, zip(*parents, strict=True), strict=True):
            latest = max((one for one in row if one is not None), default=None)
            if latest is None:
                made.append(mine)
                continue
            room = max(last - latest, maker.most * SECOND) - least
            made.append(latest + least + ((word * word >> 32) * room >> 32) // SECOND * SECOND)
        return made

    def _of_parents(self, name: str, column: str) -> Sequence[int | None]:
        """The times of the parents' rows; None where there is no parent."""
        reference = self._named_reference(name)
        if reference is None:  # its table got no rows
            return [None] * self.count
        times: list[int | None] = []
        for block in self._parents(reference):
            made, kept = block.moments(column), block.kept()
            times += made if kept is None else map(made.__getitem__, kept)
        return list(map([*times, None].__getitem__, self.picks(reference)))

    # -- numbers ---------------------------------------------------------------------------------------

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
        if (reference := self._named_reference(unit)) is not None:
            if reference.existing:
                return len(reference.keys)
            return sum(block.size for block in self._parents(reference))
        for one in self.plan.combinations:
            if unit_of_combination(one) == unit:
                return len(one.rows)
        maker = self.plan.makers[unit]
        assert isinstance(maker, Own)
        return maker.space.size

    # -- parents ---------------------------------------------------------------------------------------

    def _named_reference(self, unit: str) -> Reference | None:
        return next((one for one in self.plan.references if one.name == unit), None)

    def _parents(self, reference: Reference) -> list[Block]:
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
        blocks = self._parents(reference)
        if len(blocks) == 1:
            return blocks[0].column(column)
        return [text for block in blocks for text in block.column(column)]

    def picks(self, reference: Reference) -> list[int]:
        """For each row the place of its parent's row; -1 for none."""
        if reference.linked:
            return self.linked()[reference.name]
        if reference.table == self.plan.table and not reference.existing:
            return self._earlier(reference, self.count)
        size = self.size_of(reference.name)
        if not size:
            return [-1] * self.count
        return self.numbers(reference.name, size, reference.how)

    def to_itself(self, reference: Reference) -> bool:
        """Whether a row's parent is another row of this block."""
        return reference.table == self.plan.table and not reference.existing and not reference.linked

    def _earlier(self, reference: Reference, count: int) -> list[int]:
        """Rows of the table itself: each refers to one before it; the first to none, to itself or to the next."""
        if reference.how in (How.UNIQUE, How.KEY):  # a ring: every row is referred to once
            return [(place + 1) % count for place in range(count)]
        drawn = words(self.maker.seed, self.stream(reference.name), self.number, count)
        if reference.late or reference.agreeing:
            return self._earlier_alike(reference, drawn)
        picked = [((word * word >> 32) * place) >> 32 for place, word in enumerate(drawn)]
        if picked:
            picked[0] = -1 if reference.nulls else 0 if reference.itself else 1 % count
        return picked

    def _earlier_alike(self, reference: Reference, drawn: Sequence[int]) -> list[int]:
        """The same, of rows that agree in the columns that are decided: of one tenant, one project."""
        texts = self.candidates
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

    def _among_kept(self, reference: Reference, name: str) -> Texts:
        """A column that refers to the table itself, where some rows are left out."""
        if name in self._later:
            return self._later[name]
        column = reference.referenced[reference.columns.index(name)]
        values = self.column(column)
        return list(map(values.__getitem__, self._earlier(reference, self.size)))

    def missing(self) -> set[int]:
        """The rows for which a reference that must have one found no parent."""
        required = [one for one in self.plan.references if one.name in self.plan.sieve.required]
        return {place for one in required for place, pick in enumerate(self.picks(one)) if pick < 0}

    def linked(self) -> dict[str, list[int]]:
        """The picks of references that share columns, or that must agree with what else is decided."""
        if self._linked is None:
            from dbops.seeding.generate.making.linked import link

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
