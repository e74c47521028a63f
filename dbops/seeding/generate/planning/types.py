"""The values of a type where a column's name says nothing: one space for each type that the catalog may show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dbops.engines.catalog import DataType, TypeKind
from dbops.seeding.generate.spaces.compound import Arrays, Composite, Ranges
from dbops.seeding.generate.spaces.encoded import ENCODED
from dbops.seeding.generate.spaces.plain import Encoded, Listed, Numbers, Uuid
from dbops.seeding.generate.spaces.pooled import Pooled
from dbops.seeding.generate.spaces.space import Space
from dbops.seeding.generate.spaces.strings import Pattern
from dbops.seeding.generate.spaces.times import DAY, SECOND, Times, micros

YEARS = 2
LEAD = 45
"""Days before the end that times of a row begin, so that what comes after them still lies in the past."""

_HIGHEST = {"int2": 32_767, "int4": 2_147_483_647, "int8": 9_223_372_036_854_775_807}
_USUAL = 10_000
_RANGE_WIDTH = 10


def times(form: str, as_of: datetime, days: int = 365 * YEARS) -> Times:
    """Times of the `days` before the end of the data, to the second; whole days for dates."""
    end = micros(as_of) // DAY * DAY - LEAD * DAY
    if form == "date":
        return Times(end - days * DAY, DAY, days, "date")
    return Times(end - days * DAY, SECOND, days * DAY // SECOND, form)


Part = Callable[[DataType], Space | None]


def space_of(kind: DataType, as_of: datetime, part: Part, *, wide: bool = False) -> Space | None:
    """The values of a type; None where none are known.

    :param part: gives the values of a type that this one is made of.
    :param wide: whether many different ones are needed, rather than usual ones.
    """
    base = kind.base
    match base.kind:
        case TypeKind.ENUM:
            return Listed(base.labels) if base.labels else None
        case TypeKind.ARRAY:
            return arrays(base, part(base.element) if base.element else None)
        case TypeKind.COMPOSITE:
            fields = [part(field) for _, field in base.fields]
            return Composite(tuple(one for one in fields if one)) if fields and None not in fields else None
        case TypeKind.RANGE:
            return _ranges(base, as_of, multi=False, wide=wide)
        case TypeKind.MULTIRANGE:
            return _ranges(base.element, as_of, multi=True, wide=wide) if base.element else None
    return _base(base, as_of, wide)


def _base(base: DataType, as_of: datetime, wide: bool) -> Space | None:
    name = base.name
    if name in _HIGHEST:
        return Numbers(1, _HIGHEST[name] if wide else min(_USUAL, _HIGHEST[name]))
    if name == "numeric":
        return numeric(base, wide)
    if name in ("float4", "float8"):
        return Numbers(
            0, 10**6 if name == "float4" else 10**9 if wide else 10**6, 1, 2 if name == "float8" else 0
        )
    if name == "money":
        return Numbers(100, 10**8 if wide else 10**6, 1, 2)
    if name in ("text", "varchar", "bpchar", "citext"):
        return strings(base.length, wide)
    if name == "uuid":
        return Uuid()
    if name in ("timestamp", "timestamptz", "date", "epoch"):
        return times(name, as_of, 365 * (100 if wide and name == "date" else YEARS))
    if name == "interval" and not wide:
        return Encoded("quarters")
    if name in ENCODED:
        return Encoded(name, base.length or 0)
    return None


def numeric(base: DataType, wide: bool = False) -> Numbers:
    """Numbers that fit precision and scale; two decimals where there is no limit."""
    if base.precision is None:
        return Numbers(0, 10**15 if wide else 10**6, 1, 2)
    scale, digits = base.scale or 0, base.precision
    whole = digits - scale
    if wide or scale <= 0 or whole <= 0:
        return Numbers(0, 10 ** min(digits, 17) - 1, 1, scale)
    kept = min(scale, 2)
    return Numbers(0, 10 ** (min(whole, 4) + kept) - 1, 1, kept)


def strings(length: int | None, wide: bool) -> Space:
    """Words, with a number behind them where many are needed; letters and digits where the length is small."""
    if length is not None and length < (20 if wide else 10):
        return Pattern(f"^[a-z0-9]{{{max(length, 1)}}}$")
    return Pooled("phrase", numbered=wide, longest=length or 0)


def arrays(base: DataType, element: Space | None, least: int = 0, most: int = 3) -> Space | None:
    """Arrays of an element's values."""
    if element is None or base.element is None:
        return None
    return Arrays(element, least, most, ";" if base.element.base.name == "box" else ",")


def _ranges(base: DataType, as_of: datetime, *, multi: bool, wide: bool) -> Space | None:
    bound = base.element.base if base.element else None
    if bound is None:
        return None
    if bound.name in ("timestamp", "timestamptz"):
        first = times(bound.name, as_of)
        minutes = Times(first.first, 60 * SECOND, 365 * (40 if wide else YEARS) * 1440, bound.name)
        return Ranges(minutes, 120, multi)
    if bound.name == "date":
        days = 2_000_000 if wide else 365 * YEARS
        return Ranges(Times(times("date", as_of).first, DAY, days, "date"), _RANGE_WIDTH, multi)
    if bound.name in _HIGHEST or bound.name in ("numeric", "float8"):
        return Ranges(Numbers(1, _HIGHEST["int4"] if bound.name in _HIGHEST else 10**15), _RANGE_WIDTH, multi)
    return None
