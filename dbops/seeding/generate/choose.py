"""Which values a column gets: proposals from the most telling to the plainest, each tried against the rules.

A proposal that passes as a whole is taken as it is; of one that passes in part the values that pass are listed.
What the evaluator does not know is asked of the server.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from dbops.engines.catalog import Column, DataType, Table, TypeKind
from dbops.engines.postgres.nodes import strings
from dbops.seeding.draw import longs
from dbops.seeding.generate.expressions import walk
from dbops.seeding.generate.meaning import meanings
from dbops.seeding.generate.patterns import UnknownPattern
from dbops.seeding.generate.pooled import Person
from dbops.seeding.generate.probe import Probe
from dbops.seeding.generate.rules import (
    TIMES,
    Rule,
    constant_texts,
    constants_of,
    domain_rules,
    names_values,
    patterns_of,
)  # fmt: skip
from dbops.seeding.generate.spaces import DAY, SECOND, Dice, Encoded, Listed, Numbers, Pattern, Space, Times
from dbops.seeding.generate.types import arrays, micros, space_of
from dbops.seeding.generate.values import (
    DOCUMENTS,
    FRACTIONS,
    INTEGERS,
    STRINGS,
    UnknownValue,
    fits,
    read,
    write,
)

_SAMPLE = 40
_PEOPLE = 1500  # names differ in length and letters
_ALL = 40_000
_TRIED = 2000
_LISTED = 1000
_TIMES = 4  # so many of the values needed are tried
_GOLDEN = 0x9E3779B97F4A7C15
_SHAPES = (
    "^[a-z]{8}$", "^[A-Z]{3}$", "^[A-Z]{2}$", "^[A-Z0-9]{8}$", "^[0-9]{8}$", "^[a-z][a-z0-9_]{7}$", "^[0-9]{5}$",
    r"^[a-z]{8}@[a-z]{6}\.com$", r"^https://[a-z]{8}\.com/[a-z]{6}$", r"^\+[1-9][0-9]{10}$", "^[0-9a-f]{64}$",
    "^[0-9a-f]{32}$", "^[0-9a-f]{40}$", "^[A-Z]{2}[0-9]{2}[A-Z0-9]{18}$", "^#[0-9a-f]{6}$", "^/[a-z]{5}/[a-z]{5}$",
    r"^[a-z]{6}-[a-z]{6}$", r"^[0-9]\.[0-9]\.[0-9]$", "^[A-Z][a-z]{7}$", r"^[0-9]{3}-[0-9]{3}-[0-9]{4}$",
)  # fmt: skip
_LIMITS = {"int2": 15, "int4": 31, "int8": 63}


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
        judge = _Judge(self, table.name, column.name, column.type, tuple(rules))
        return [text for text, passes in zip(texts, judge.passes(texts), strict=True) if passes]

    def sample(self, space: Space, count: int) -> list[str]:
        """Some of a space's values."""
        return sample(space, count, self.seed)

    def between(self, kind: DataType, rules: Sequence[Rule], name: str, count: int) -> list[str]:
        """Values between and beyond the constants that rules compare a column with."""
        judge = _Judge(self, "t", name, kind, tuple(rules))
        spaces = [space for space in _from_bounds(judge, self.as_of) if space.size]
        return [text for space in spaces[: 4 * count] for text in sample(space, count, self.seed)]

    def any_text(self, kind: DataType) -> str | None:
        """A value of a type, to stand for any."""
        space = self.type(kind)
        return None if space is None or not space.size else self.sample(space, 1)[0]

    def _choose(
        self, kind: DataType, rules: Sequence[Rule], needed: int, table: Table | None, column: Column | None
    ) -> Space | None:
        judge = _Judge(
            self, table.name if table else "t", column.name if column else "value", kind, tuple(rules)
        )
        best: Space | None = None
        for space in self._proposals(judge, needed, table, column):
            if not space.size or (needed and space.size < needed and best is not None):
                continue
            passing = self._passing(space, judge, needed)
            if passing is not None and (best is None or passing.size > best.size):
                best = passing
            if best is not None and best.size >= max(needed, 1) and passing is not None:
                return best
        return best

    def _passing(self, space: Space, judge: _Judge, needed: int) -> Space | None:
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
        self, judge: _Judge, needed: int, table: Table | None, column: Column | None
    ) -> Iterator[Space]:
        kind, wide = judge.kind, needed > 0
        constants = [text for value in judge.constants if (text := write(value)) is not None]
        if constants and judge.names_values:
            yield Listed(tuple(constants))
        if table is not None and column is not None:
            yield from meanings(table, column, self.as_of, needed)
        if column is not None and column.default and kind.base.name in DOCUMENTS and judge.binding:
            yield Listed(_default_texts(column.default))
        yield from _from_patterns(judge)
        yield from _from_bounds(judge, self.as_of)
        plain = space_of(kind, self.as_of, self.type, wide=wide)
        if plain:
            yield plain
        if needed and (widest := space_of(kind, self.as_of, self.type, wide=True)):
            yield widest
        yield from _of_kind(judge, self)
        if constants:
            yield Listed(tuple(constants))
        if column is not None and column.default and (texts := _default_texts(column.default)):
            yield Listed(texts)


def sample(space: Space, count: int, seed: int) -> list[str]:
    """Some of a space's values: the first, the last, and others all over."""
    indices = range(count) if isinstance(space, Person) else _spread(space.size, count)
    return space.texts(indices, Dice(seed, "sample"))


def _default_texts(default: str) -> tuple[str, ...]:
    from dbops.engines.postgres.libpg_query import Refusal
    from dbops.seeding.generate.expressions import read_expression

    try:
        return tuple(constant_texts(read_expression(default).tree))
    except Refusal:
        return ()


def _spread(size: int, count: int) -> list[int]:
    """Indices of a sample: the first, the last, and others all over."""
    if size <= count:
        return list(range(size))
    drawn = ((place * _GOLDEN & (1 << 64) - 1) * size >> 64 for place in range(count - count // 5 - 1))
    return [*range(count // 5), size - 1, *drawn]


@dataclasses.dataclass(frozen=True)
class _Judge:
    """The rules of one column, with those of its type."""

    chooser: Chooser
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
        for place, text in enumerate(texts):
            verdict = self._here(text)
            passed.append(verdict is not False)
            if verdict is None:
                unknown.append(place)
        if unknown:
            self.unknown_to_us.append(True)
        if unknown and self.chooser.probe is not None:
            asked = [texts[place] for place in unknown]
            for place, verdict in zip(unknown, self._there(self.chooser.probe, asked), strict=True):
                passed[place] = verdict
        return passed

    def _here(self, text: str) -> bool | None:
        try:
            value = read(text, self.kind)
        except UnknownValue:
            return None
        if not fits(text, value, self.kind.base):
            return False
        row = {self.name: value, "value": value}
        verdicts = {rule.expression.holds(row) for rule in self.rules}
        return False if False in verdicts else None if None in verdicts else True

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


def _from_patterns(judge: _Judge) -> Iterator[Space]:
    for pattern in patterns_of(judge.rules):
        space = Pattern(pattern, judge.kind.base.length or 24)
        try:
            if space.size:
                yield space
        except UnknownPattern:
            continue


def _from_bounds(judge: _Judge, as_of: datetime) -> Iterator[Space]:
    """Between and beyond the constants that a column is compared with, the widest stretch first."""
    base = judge.kind.base
    bounds = sorted({one for one in judge.constants if _is_bound(one, base)})
    if not bounds:
        return
    if base.name in INTEGERS or base.name in FRACTIONS:
        scale = 0 if base.name in INTEGERS else 2 if base.scale is None else max(base.scale, 0)
        units = [int(Decimal(one).scaleb(scale)) for one in bounds]
        reach = _reach(base, units, scale)
        for low, high in _stretches(units, max(-reach, _least(base)), reach):
            for trimmed in ((low, high), (low + 1, high), (low, high - 1), (low + 1, high - 1)):
                yield Numbers(trimmed[0], trimmed[1], 1, scale)
    else:
        unit, points = (DAY if base.name == "date" else SECOND), [micros(_as_stamp(one)) for one in bounds]
        end = micros(as_of)
        for low, high in _stretches(points, min(points) - 365 * DAY, max(*points, end)):
            yield Times(low + unit, unit, max((high - low) // unit - 1, 0), base.name)


def _is_bound(value: Any, base: DataType) -> bool:
    if base.kind is not TypeKind.BASE:
        return False
    if base.name in INTEGERS or base.name in FRACTIONS:
        return not isinstance(value, Decimal) or value.is_finite()
    return base.name in TIMES and isinstance(value, date)


def _as_stamp(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001


def _reach(base: DataType, units: Sequence[int], scale: int) -> int:
    """How far beyond the last constant numbers go."""
    if base.name in _LIMITS:
        return int(min(max(10_000, 10 * max(map(abs, units))), (1 << _LIMITS[base.name]) - 1))
    usual: int = max(10_000 * 10**scale, 10 * max(map(abs, units)))
    return min(usual, int(10**base.precision) - 1) if base.precision else usual


def _least(base: DataType) -> int:
    return 0 if base.name == "oid" else -(1 << 62)


def _stretches(points: Sequence[int], low: int, high: int) -> list[tuple[int, int]]:
    """Above the last constant first, then between them, then below the first."""
    inner = sorted(pairwise(points), key=lambda pair: pair[0] - pair[1])
    around = [(points[-1], max(high, points[-1])), *inner, (min(low, points[0]), points[0])]
    return [*around, *((point, point) for point in points)]


def _of_kind(judge: _Judge, chooser: Chooser) -> Iterator[Space]:
    """More proposals for rules of a kind that none of the usual values pass."""
    base = judge.kind.base
    if not judge.binding:
        return
    if base.name in STRINGS:
        yield from _other_strings(judge)
    if base.name in TIMES:
        yield from _other_times(judge, base.name)
    if base.name == "bytea":
        texts = {
            text for rule in judge.rules for text in constant_texts(rule.expression.tree) if text.isdigit()
        }
        yield from (
            Encoded("bytea", int(text) + more)
            for text in sorted(texts)
            for more in (0, 1, -1)
            if int(text) + more > 0
        )
    if base.name in ("cidr", "inet"):
        yield Encoded("subnet")
    if base.name in DOCUMENTS:
        yield Listed(_documents(judge, chooser.seed))
    if base.kind is TypeKind.ARRAY and base.element:
        yield from _array_shapes(judge, chooser)
    if base.name in INTEGERS or base.name in FRACTIONS:
        for step in constants_of(judge.rules, judge.name, judge.kind) or constants_of(
            judge.rules, "value", judge.kind
        ):
            if step and abs(step) >= 1:
                yield Numbers(0, int(abs(step)) * 1000, int(abs(step)))
        yield Numbers(-1000, 1000)


def _other_strings(judge: _Judge) -> Iterator[Space]:
    """Strings of the lengths that rules name, and of many usual shapes."""
    lengths = {
        int(one) for rule in judge.rules for one in constant_texts(rule.expression.tree) if one.isdigit()
    }
    shapes = [f"^[{letters}]{{{n + more}}}$" for n in sorted(lengths) for more in (0, 1, -1)
              for letters in ("a-z", "A-Z0-9", "0-9") if 0 < n + more < 1000]  # fmt: skip
    yield from (Pattern(shape) for shape in (*shapes, *_SHAPES))


def _other_times(judge: _Judge, form: str) -> Iterator[Space]:
    """The years that rules name, then all since 1960."""
    texts = {text for rule in judge.rules for text in constant_texts(rule.expression.tree)}
    step = DAY if form == "date" else 60 * SECOND
    for year in sorted(
        int(text) for text in texts if len(text) == 4 and text.isdigit() and text[:2] in ("19", "20")
    ):
        start = micros(datetime(year, 1, 1))  # noqa: DTZ001
        yield Times(start, step, 365 * DAY // step, form)
    yield Times(micros(datetime(1960, 1, 1)), step, 80 * 365 * DAY // step, form)  # noqa: DTZ001


def _array_shapes(judge: _Judge, chooser: Chooser) -> Iterator[Space]:
    base = judge.kind.base
    assert base.element is not None
    texts = [text for rule in judge.rules for text in constant_texts(rule.expression.tree)]
    elements = [
        chooser.type(base.element),
        Listed(tuple(dict.fromkeys(one for one in texts if not one.startswith("{")))),
    ]
    for element in elements:
        if element is None or not element.size:
            continue
        for least, most in ((1, 3), (0, 3), (1, 1), (2, 2), (3, 3), (0, 0), (4, 8)):
            if shape := arrays(base, element, least, most):
                yield shape


_JSON_VALUES = (
    '"text"',
    "1",
    "true",
    "[]",
    "{}",
    '["one", "two"]',
    "null",
    "100",
    '"2026-01-01"',
    '"a@example.com"',
)


_JSON_ACCESS = frozenset({"->", "->>", "?", "?|", "?&", "#>", "#>>"})


def _documents(judge: _Judge, seed: int) -> tuple[str, ...]:
    """Objects whose keys are the words of the rules; arrays, and the rest of what JSON has."""
    words = dict.fromkeys(
        text for rule in judge.rules for name, node in walk(rule.expression.tree)
        if name == "A_Expr" and strings(node["name"])[-1] in _JSON_ACCESS
        for text in constant_texts(node["rexpr"]) if not text.startswith("{")
    )  # fmt: skip
    made = ["{}", "[]", '["one"]', '["one", "two"]', '"text"', "1", "true", "null"]
    for trial in range(400):
        drawn = longs(seed, f"documents/{trial}", 0, len(words))
        keys = [
            (word, number) for word, number in zip(words, drawn, strict=True) if trial < 100 or number & 1
        ]
        members = (f'"{word}": {_JSON_VALUES[(number >> 1) % len(_JSON_VALUES)]}' for word, number in keys)
        made.append("{" + ", ".join(members) + "}")
    return tuple(dict.fromkeys(made))
