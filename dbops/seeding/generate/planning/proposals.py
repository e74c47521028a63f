"""Values that a column's rules suggest: from patterns, between constants, of the lengths and keys that they name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from dbops.engines.catalog import DataType, TypeKind
from dbops.engines.postgres.nodes import strings
from dbops.seeding.draw import longs
from dbops.seeding.generate.expressions.casts import midnight
from dbops.seeding.generate.expressions.tree import walk
from dbops.seeding.generate.expressions.values import DOCUMENTS, FRACTIONS, INTEGERS, STRINGS
from dbops.seeding.generate.planning.judge import Judge
from dbops.seeding.generate.planning.rules import TIMES, constant_texts, constants_of, patterns_of
from dbops.seeding.generate.planning.types import Part, arrays
from dbops.seeding.generate.spaces.patterns import UnknownPattern
from dbops.seeding.generate.spaces.plain import Encoded, Listed, Numbers
from dbops.seeding.generate.spaces.space import Space
from dbops.seeding.generate.spaces.strings import Pattern
from dbops.seeding.generate.spaces.times import DAY, SECOND, Times, micros

_SHAPES = (
    "^[a-z]{8}$", "^[A-Z]{3}$", "^[A-Z]{2}$", "^[A-Z0-9]{8}$", "^[0-9]{8}$", "^[a-z][a-z0-9_]{7}$", "^[0-9]{5}$",
    r"^[a-z]{8}@[a-z]{6}\.com$", r"^https://[a-z]{8}\.com/[a-z]{6}$", r"^\+[1-9][0-9]{10}$", "^[0-9a-f]{64}$",
    "^[0-9a-f]{32}$", "^[0-9a-f]{40}$", "^[A-Z]{2}[0-9]{2}[A-Z0-9]{18}$", "^#[0-9a-f]{6}$", "^/[a-z]{5}/[a-z]{5}$",
    r"^[a-z]{6}-[a-z]{6}$", r"^[0-9]\.[0-9]\.[0-9]$", "^[A-Z][a-z]{7}$", r"^[0-9]{3}-[0-9]{3}-[0-9]{4}$",
)  # fmt: skip
_LIMITS = {"int2": 15, "int4": 31, "int8": 63}


def from_patterns(judge: Judge) -> Iterator[Space]:
    """Strings that the patterns of rules match."""
    for pattern in patterns_of(judge.rules):
        space = Pattern(pattern, judge.kind.base.length or 24)
        try:
            if space.size:
                yield space
        except UnknownPattern:
            continue


def from_bounds(judge: Judge, as_of: datetime) -> Iterator[Space]:
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
        unit, points = (DAY if base.name == "date" else SECOND), [micros(midnight(one)) for one in bounds]
        end = micros(as_of)
        for low, high in _stretches(points, min(points) - 365 * DAY, max(*points, end)):
            yield Times(low + unit, unit, max((high - low) // unit - 1, 0), base.name)


def _is_bound(value: Any, base: DataType) -> bool:
    if base.kind is not TypeKind.BASE:
        return False
    if base.name in INTEGERS or base.name in FRACTIONS:
        return not isinstance(value, Decimal) or value.is_finite()
    return base.name in TIMES and isinstance(value, date)


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


def of_kind(judge: Judge, seed: int, part: Part) -> Iterator[Space]:
    """More proposals for rules of a kind that none of the usual values pass."""
    base = judge.kind.base
    if not judge.binding:
        return
    if base.name in STRINGS:
        yield from _other_strings(judge)
    if base.name in TIMES:
        yield from _other_times(judge, base.name)
    if base.name == "bytea":
        yield from _other_bytes(judge)
    if base.name in ("cidr", "inet"):
        yield Encoded("subnet")
    if base.name in DOCUMENTS:
        yield Listed(_documents(judge, seed))
    if base.kind is TypeKind.ARRAY and base.element:
        yield from _array_shapes(judge, part)
    if base.name in INTEGERS or base.name in FRACTIONS:
        yield from _other_numbers(judge)


def _other_numbers(judge: Judge) -> Iterator[Space]:
    """Multiples of the numbers that rules name; numbers on both sides of zero."""
    for step in constants_of(judge.rules, judge.name, judge.kind) or constants_of(
        judge.rules, "value", judge.kind
    ):
        if step and abs(step) >= 1:
            yield Numbers(0, int(abs(step)) * 1000, int(abs(step)))
    yield Numbers(-1000, 1000)


def _other_bytes(judge: Judge) -> Iterator[Space]:
    """Bytes of the lengths that rules name."""
    texts = {text for rule in judge.rules for text in constant_texts(rule.expression.tree) if text.isdigit()}
    lengths = (int(text) + more for text in sorted(texts) for more in (0, 1, -1))
    yield from (Encoded("bytea", length) for length in lengths if length > 0)


def _other_strings(judge: Judge) -> Iterator[Space]:
    """Strings of the lengths that rules name, and of many usual shapes."""
    lengths = {
        int(one) for rule in judge.rules for one in constant_texts(rule.expression.tree) if one.isdigit()
    }
    shapes = [f"^[{letters}]{{{n + more}}}$" for n in sorted(lengths) for more in (0, 1, -1)
              for letters in ("a-z", "A-Z0-9", "0-9") if 0 < n + more < 1000]  # fmt: skip
    yield from (Pattern(shape) for shape in (*shapes, *_SHAPES))


def _other_times(judge: Judge, form: str) -> Iterator[Space]:
    """The years that rules name, then all since 1960."""
    texts = {text for rule in judge.rules for text in constant_texts(rule.expression.tree)}
    step = DAY if form == "date" else 60 * SECOND
    for year in sorted(
        int(text) for text in texts if len(text) == 4 and text.isdigit() and text[:2] in ("19", "20")
    ):
        start = micros(datetime(year, 1, 1, tzinfo=UTC))
        yield Times(start, step, 365 * DAY // step, form)
    yield Times(micros(datetime(1960, 1, 1, tzinfo=UTC)), step, 80 * 365 * DAY // step, form)


def _array_shapes(judge: Judge, part: Part) -> Iterator[Space]:
    base = judge.kind.base
    assert base.element is not None
    texts = [text for rule in judge.rules for text in constant_texts(rule.expression.tree)]
    elements = [
        part(base.element),
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


def _documents(judge: Judge, seed: int) -> tuple[str, ...]:
    """Objects whose keys are the words of the rules; arrays, and the rest of what JSON has."""
    words = dict.fromkeys(
        text for rule in judge.rules for name, node in walk(rule.expression.tree)
        if name == "A_Expr" and strings(node["name"])[-1] in _JSON_ACCESS
        for text in constant_texts(node["rexpr"]) if not text.startswith("{")
    )  # fmt: skip
    named = (
        text for rule in judge.rules for text in constant_texts(rule.expression.tree) if text not in words
    )
    values = (*_JSON_VALUES, *dict.fromkeys(json.dumps(text) for text in named))
    made = ["{}", "[]", '["one"]', '["one", "two"]', '"text"', "1", "true", "null"]
    for trial in range(400):
        drawn = longs(seed, f"documents/{trial}", 0, len(words))
        keys = [
            (word, number) for word, number in zip(words, drawn, strict=True) if trial < 100 or number & 1
        ]
        members = (f'"{word}": {values[(number >> 1) % len(values)]}' for word, number in keys)
        made.append("{" + ", ".join(members) + "}")
    return tuple(dict.fromkeys(made))
