"""Which values a column gets: proposals from the most telling to the plainest, each tried against the rules.

A proposal that passes as a whole is taken as it is; of one that passes in part the values that pass are listed.
What the evaluator does not know is asked of the server.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import datetime

from dbops.engines.catalog import Column, DataType, Table
from dbops.seeding.generate.expressions.values import DOCUMENTS, write
from dbops.seeding.generate.planning.judge import Judge, sample
from dbops.seeding.generate.planning.meaning import meanings
from dbops.seeding.generate.planning.proposals import from_bounds, from_patterns, of_kind
from dbops.seeding.generate.planning.rules import Rule, constant_texts
from dbops.seeding.generate.planning.types import space_of
from dbops.seeding.generate.probing import Probe
from dbops.seeding.generate.spaces.plain import Listed
from dbops.seeding.generate.spaces.pooled import Person
from dbops.seeding.generate.spaces.space import Space

_SAMPLE = 40
_PEOPLE = 1500  # names differ in length and letters
_ALL = 40_000
_TRIED = 2000
_LISTED = 1000
_ENOUGH = 20  # of the values of a proposal that passes in part: the next may pass as a whole
_TIMES = 4  # so many of the values needed are tried


@dataclasses.dataclass(frozen=True)
class Chooser:
    """Chooses the values of columns and types.

    :param probe: the database; None to do without.
    """

    seed: int
    as_of: datetime
    probe: Probe | None = None

    def column(self, table: Table, column: Column, rules: Sequence[Rule], needed: int = 0) -> Space | None:
        """The values of a column; None where nothing passes.

        :param rules: those that speak of this column alone.
        :param needed: different values that there must be, 0 for any number.
        """
        return self._choose(column.type, rules, needed, table, column)

    def type(self, kind: DataType) -> Space | None:
        """The values of a type that something else is made of: an element, a field."""
        return self._choose(kind, (), 0, None, None)

    def passing(self, table: Table, column: Column, rules: Sequence[Rule], texts: Sequence[str]) -> list[str]:
        """The texts that pass the column's rules and those of its type."""
        judge = Judge(self.probe, table.name, column.name, column.type, tuple(rules))
        return [text for text, passes in zip(texts, judge.passes(texts), strict=True) if passes]

    def sample(self, space: Space, count: int) -> list[str]:
        """Some of a space's values."""
        return sample(space, count, self.seed)

    def between(self, kind: DataType, rules: Sequence[Rule], name: str, count: int) -> list[str]:
        """Values between and beyond the constants that rules compare a column with."""
        judge = Judge(self.probe, "t", name, kind, tuple(rules))
        spaces = [space for space in from_bounds(judge, self.as_of) if space.size]
        return [text for space in spaces[: 4 * count] for text in sample(space, count, self.seed)]

    def any_text(self, kind: DataType) -> str | None:
        """A value of a type, to stand for any."""
        space = self.type(kind)
        return None if space is None or not space.size else self.sample(space, 1)[0]

    def _choose(
        self, kind: DataType, rules: Sequence[Rule], needed: int, table: Table | None, column: Column | None
    ) -> Space | None:
        judge = Judge(
            self.probe, table.name if table else "t", column.name if column else "value", kind, tuple(rules)
        )
        best: Space | None = None
        for space in self._proposals(judge, needed, table, column):
            if not space.size or (needed and space.size < needed and best is not None):
                continue
            passing = self._passing(space, judge, needed)
            if passing is not None and (best is None or passing.size > best.size):
                best = passing
            if (
                best is not None
                and passing is not None
                and best.size >= max(needed, 1 if passing is space else _ENOUGH)
            ):
                return best
        return best

    def _passing(self, space: Space, judge: Judge, needed: int) -> Space | None:
        """The space if a sample of it passes, the values that pass if only some do, None if none does."""
        if not judge.binding:
            return space
        passed = judge.passes(self.sample(space, _PEOPLE if isinstance(space, Person) else _SAMPLE))
        if all(passed):
            return space
        if not any(passed) and judge.asked_the_server:
            return None  # where each try costs, only what passes at least sometimes is gone into
        tried = max(_TRIED, needed * _TIMES if needed < 50_000 else 0)
        texts = self.sample(space, space.size if needed and space.size <= _ALL else tried)
        good = [text for text, passes in zip(texts, judge.passes(texts), strict=True) if passes]
        listed = tuple(dict.fromkeys(good))[: max(_LISTED, needed)]
        return Listed(listed) if listed else None

    def _proposals(
        self, judge: Judge, needed: int, table: Table | None, column: Column | None
    ) -> Iterator[Space]:
        kind, wide = judge.kind, needed > 0
        constants = [text for value in judge.constants if (text := write(value)) is not None]
        if constants and judge.names_values:
            yield Listed(tuple(constants))
        if table is not None and column is not None:
            yield from meanings(table, column, self.as_of, needed)
        if column is not None and column.default and kind.base.name in DOCUMENTS and judge.binding:
            yield Listed(_default_texts(column.default))
        yield from from_patterns(judge)
        yield from from_bounds(judge, self.as_of)
        plain = space_of(kind, self.as_of, self.type, wide=wide)
        if plain:
            yield plain
        if needed and (widest := space_of(kind, self.as_of, self.type, wide=True)):
            yield widest
        yield from of_kind(judge, self.seed, self.type)
        if constants:
            yield Listed(tuple(constants))
        if column is not None and column.default and (texts := _default_texts(column.default)):
            yield Listed(texts)


def _default_texts(default: str) -> tuple[str, ...]:
    from dbops.engines.postgres.libpg_query import Refusal
    from dbops.seeding.generate.expressions.expression import read_expression

    try:
        return tuple(constant_texts(read_expression(default).tree))
    except Refusal:
        return ()
