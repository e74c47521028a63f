"""The functions that the evaluator of expressions knows, over values that are not NULL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR
from typing import Any

from dbops.seeding.generate.expressions.casts import midnight
from dbops.seeding.generate.expressions.documents import json_kind, json_list
from dbops.seeding.generate.expressions.numbers import modulo, rounded
from dbops.seeding.generate.expressions.values import Opaque, UnknownExpression


def _text(value: Any) -> str:
    if not isinstance(value, str) or isinstance(value, Opaque):
        raise UnknownExpression("not text")
    return value


def _extract(field: str, value: Any) -> Any:
    if not isinstance(value, date) or not (hasattr(value, field) or field in ("dow", "isodow")):
        raise UnknownExpression(field)
    if field in ("dow", "isodow"):
        return value.isoweekday() % 7 if field == "dow" else value.isoweekday()
    return getattr(value, field)


def _truncated(field: str, value: Any) -> datetime:
    at = midnight(value) if isinstance(value, date) else value
    if not isinstance(at, datetime) or field not in _UNITS:
        raise UnknownExpression(field)
    kept = _UNITS[: _UNITS.index(field) + 1]
    start = {"month": 1, "day": 1}
    lower = {unit: start.get(unit, 0) for unit in _UNITS if unit not in kept}
    return at.replace(**lower, microsecond=0)  # type: ignore[arg-type]  # units are numbers


_UNITS = ("year", "month", "day", "hour", "minute", "second")


def _length(value: Any) -> int:
    return len(_text(value))


def _array_length(array: Any, dimension: int) -> int | None:
    return len(array) if dimension == 1 and array else None


def _substring(text: Any, start: int, count: int | None = None) -> str:
    if not isinstance(start, int):
        raise UnknownExpression("substring by pattern")
    end = len(text) if count is None else max(start - 1 + count, 0)
    return _text(text)[max(start - 1, 0) : end]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "length": _length,
    "char_length": _length,
    "character_length": _length,
    "octet_length": lambda text: len(_text(text).encode()),
    "lower": lambda text: _text(text).lower(),
    "upper": lambda text: _text(text).upper(),
    "btrim": lambda text, characters=" ": _text(text).strip(characters),
    "ltrim": lambda text, characters=" ": _text(text).lstrip(characters),
    "rtrim": lambda text, characters=" ": _text(text).rstrip(characters),
    "left": lambda text, count: _text(text)[:count],
    "right": lambda text, count: _text(text)[-count:],
    "starts_with": lambda text, prefix: _text(text).startswith(prefix),
    "strpos": lambda text, part: _text(text).find(part) + 1,
    "position": lambda text, part: _text(text).find(part) + 1,
    "replace": lambda text, old, new: _text(text).replace(old, new),
    "reverse": lambda text: _text(text)[::-1],
    "substr": _substring,
    "substring": _substring,
    "abs": abs,
    "mod": modulo,
    "round": rounded,
    "trunc": lambda value, digits=0: rounded(value, digits, ROUND_DOWN),
    "floor": lambda value: rounded(value, 0, ROUND_FLOOR),
    "ceil": lambda value: rounded(value, 0, ROUND_CEILING),
    "ceiling": lambda value: rounded(value, 0, ROUND_CEILING),
    "jsonb_typeof": json_kind,
    "json_typeof": json_kind,
    "jsonb_array_length": lambda document: len(json_list(document)),
    "json_array_length": lambda document: len(json_list(document)),
    "array_length": _array_length,
    "cardinality": len,
    "extract": _extract,
    "date_part": _extract,
    "date_trunc": _truncated,
}
