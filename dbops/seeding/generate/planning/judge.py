"""Whether values pass the rules of a column and of its type: by the evaluator, and by the server where that is not enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from dbops.engines.catalog import DataType
from dbops.seeding.generate.expressions.values import UnknownValue, fits, read
from dbops.seeding.generate.planning.rules import Rule, constants_of, domain_rules, names_values
from dbops.seeding.generate.probing import Probe
from dbops.seeding.generate.spaces.pooled import Person
from dbops.seeding.generate.spaces.space import Dice, Space

_GOLDEN = 0x9E3779B97F4A7C15


def sample(space: Space, count: int, seed: int) -> list[str]:
    """Some of a space's values: the first, the last, and others all over."""
    indices = range(count) if isinstance(space, Person) else _spread(space.size, count)
    return space.texts(indices, Dice(seed, "sample"))


def inner(space: Space, count: int, seed: int) -> list[str]:
    """Some of a space's values, all over: the first few, of which sums can be made, but not the last."""
    size = space.size
    drawn = ((place * _GOLDEN & (1 << 64) - 1) * size >> 64 for place in range(1, count - 2))
    return space.texts(range(size) if size <= count else [0, 1, 2, *drawn], Dice(seed, "sample"))


def _spread(size: int, count: int) -> list[int]:
    """Indices of a sample: the first, the last, and others all over."""
    if size <= count:
        return list(range(size))
    drawn = ((place * _GOLDEN & (1 << 64) - 1) * size >> 64 for place in range(count - count // 5 - 1))
    return [*range(count // 5), size - 1, *drawn]


@dataclasses.dataclass(frozen=True)
class Judge:
    """The rules of one column, with those of its type."""

    probe: Probe | None
    table: str
    name: str
    kind: DataType
    own: tuple[Rule, ...]
    unknown_to_us: list[bool] = dataclasses.field(default_factory=list)

    @property
    def asked_the_server(self) -> bool:
        """Whether there was a value that the evaluator could not judge."""
        return bool(self.unknown_to_us)

    @property
    def rules(self) -> list[Rule]:
        return [*self.own, *domain_rules(self.kind)]

    @property
    def binding(self) -> bool:
        return bool(self.rules)

    @property
    def constants(self) -> list[Any]:
        own = constants_of(self.own, self.name, self.kind)
        return [*own, *constants_of(list(domain_rules(self.kind)), "value", self.kind)]

    @property
    def names_values(self) -> bool:
        """Whether a rule compares with `=`, IN or ANY."""
        return any(map(names_values, self.rules))

    def passes(self, texts: Sequence[str]) -> list[bool]:
        """Which values pass all rules."""
        passed: list[bool] = []
        unknown: list[int] = []
        rules = self.rules  # once: those of a domain are read for it
        for place, text in enumerate(texts):
            verdict = self._here(text, rules)
            passed.append(verdict is not False)
            if verdict is None:
                unknown.append(place)
        if unknown:
            self.unknown_to_us.append(True)
        if unknown and self.probe is not None:
            asked = [texts[place] for place in unknown]
            for place, verdict in zip(unknown, self._there(self.probe, asked), strict=True):
                passed[place] = verdict
        return passed

    def _here(self, text: str, rules: Sequence[Rule]) -> bool | None:
        try:
            value = read(text, self.kind)
        except UnknownValue:
            return None
        if not fits(text, value, self.kind.base):
            return False
        row = {self.name: value, "value": value}
        known = True
        for rule in rules:
            verdict = rule.expression.holds(row)
            if verdict is False:
                return False
            known = known and verdict is not None
        return True if known else None

    def _there(self, probe: Probe, texts: Sequence[str]) -> list[bool]:
        verdicts = [True] * len(texts)
        rows = [(text,) for text in texts]
        asked = [
            ("value", list(domain_rules(self.kind)), self.kind.base),
            (self.name, list(self.own), self.kind.base),
        ]
        for name, rules, kind in asked:
            if rules:
                expressions = list(dict.fromkeys(rule.expression.text for rule in rules))
                found = probe.judge(self.table, [(name, kind.sql)], rows, expressions)
                verdicts = [one and other for one, other in zip(verdicts, found, strict=True)]
        return verdicts
