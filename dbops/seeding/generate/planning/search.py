"""Combinations of values that satisfy the checks that tie columns together.

A search from random rows: of a row that breaks rules, one column of a broken rule at a time gets the value that
breaks the fewest, now and then any value; so nearly all of what real schemas ask for is found in a few steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dbops.seeding.draw import longs
from dbops.seeding.generate.expressions.evaluate import Evaluate
from dbops.seeding.generate.expressions.values import UnknownExpression
from dbops.seeding.generate.planning.rules import Rule

_STEPS = 80
_DRY = 40  # rows in a row that bring nothing new end the search
_EVALUATIONS = 150_000
_VALUES = 24  # tried of a column at a time


@dataclasses.dataclass(frozen=True)
class Problem:
    """Columns with the values to choose from, and the rules.

    :param alike: for a column those whose values may be tried in it, too.
    :param singles: rules of one column, which its own values satisfy.
    :param spent: how many rules have been evaluated: the same on every machine, unlike seconds.
    :param derived: columns that follow from the others (generated ones), in the order of evaluation.
    """

    values: Mapping[str, Sequence[Any]]
    rules: Sequence[Rule]
    alike: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    singles: Mapping[str, Sequence[Rule]] = dataclasses.field(default_factory=dict)
    derived: Mapping[str, Evaluate] = dataclasses.field(default_factory=dict)
    spent: list[int] = dataclasses.field(default_factory=lambda: [0])


class _Chance:
    """Numbers from the seed, one after the other."""

    def __init__(self, seed: int, stream: str) -> None:
        self._numbers = self._endless(seed, stream)

    @staticmethod
    def _endless(seed: int, stream: str) -> Iterator[int]:
        block = 0
        while True:
            yield from longs(seed, f"search/{stream}", block)
            block += 1

    def below(self, size: int) -> int:
        return next(self._numbers) * size >> 64

    def one_of(self, values: Sequence[Any]) -> Any:
        return values[self.below(len(values))]


def search(problem: Problem, wanted: int, seed: int, stream: str) -> list[dict[str, Any]]:
    """Up to `wanted` different rows that break no rule, as far as the rules are known; derived columns with them."""
    chance = _Chance(seed, stream)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    dry = 0
    while len(found) < wanted and dry < _DRY and problem.spent[0] < _EVALUATIONS:
        row = _repaired(problem, chance)
        key = tuple(repr(row[name]) for name in problem.values) if row is not None else None
        dry = dry + 1 if key is None or key in found else 0
        if key is not None and row is not None:
            found.setdefault(key, row)
    return list(found.values())


def _repaired(problem: Problem, chance: _Chance) -> dict[str, Any] | None:
    row = {name: chance.one_of(values) for name, values in problem.values.items()}
    _derive(problem, row)
    for _ in range(_STEPS):
        broken = [rule for rule in problem.rules if rule.expression.holds(row) is False]
        if not broken:
            return row
        _step(problem, row, chance.one_of(broken), chance)
    return None


def _derive(problem: Problem, row: dict[str, Any]) -> None:
    for name, evaluate in problem.derived.items():
        try:
            row[name] = evaluate(row)
        except (UnknownExpression, ArithmeticError, ValueError, TypeError, LookupError):
            row.pop(name, None)


def _step(problem: Problem, row: dict[str, Any], rule: Rule, chance: _Chance) -> None:
    columns = [name for name in problem.values if _binds(problem, rule, name)]
    if not columns:
        return
    if chance.below(8) == 0:
        name = chance.one_of(columns)
        row[name] = chance.one_of(problem.values[name])
        _derive(problem, row)
        return
    best: tuple[int, int, str, Any] | None = None
    for name in columns:
        kept, touching = row[name], [one for one in problem.rules if _binds(problem, one, name)]
        broken = sum(one.expression.holds(row) is False for one in touching)
        for value in _tried(problem, row, name, chance):
            row[name] = value
            _derive(problem, row)
            problem.spent[0] += len(touching)
            cost = sum(one.expression.holds(row) is False for one in touching) - broken
            rank = (cost, chance.below(1 << 20), name, value)
            if best is None or rank[:2] < best[:2]:
                best = rank
        row[name] = kept
        _derive(problem, row)
    if best is not None:
        row[best[2]] = best[3]
        _derive(problem, row)


def _binds(problem: Problem, rule: Rule, name: str) -> bool:
    return name in rule.columns or (bool(problem.derived) and not rule.columns.isdisjoint(problem.derived))


def _tried(problem: Problem, row: Mapping[str, Any], name: str, chance: _Chance) -> list[Any]:
    values = problem.values[name]
    if len(values) <= _VALUES:
        tried = list(values)
    else:
        start = chance.below(len(values))
        tried = [values[(start + place) % len(values)] for place in range(_VALUES)]
    others = (row[other] for other in problem.alike.get(name, ()))
    singles = problem.singles.get(name, ())
    for value in others:
        if value is not None and all(rule.expression.holds({name: value}) is not False for rule in singles):
            tried.append(value)
    return tried
