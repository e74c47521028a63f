"""The operators, functions and casts that the evaluator of expressions knows, over values that are not NULL."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from functools import cache
from types import UnionType
from typing import Any

from dbops.engines.postgres.nodes import Node
from dbops.seeding.generate.patterns import like_pattern
from dbops.seeding.generate.values import Document, Opaque, array_parts, read_named, write


class UnknownExpression(Exception):
    """What is not known here; the server knows."""


def constant(node: Node) -> Any:
    """The value of an A_Const node."""
    if node.get("isnull"):
        return None
    if "ival" in node:
        return node["ival"].get("ival", 0)
    if "fval" in node:
        return Decimal(node["fval"]["fval"])
    if "boolval" in node:
        return node["boolval"].get("boolval", False)
    if "sval" in node:
        return node["sval"].get("sval", "")
    raise UnknownExpression("bit string")


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides in one type, as the server's implicit casts have it."""
    if isinstance(left, Opaque) or isinstance(right, Opaque):
        raise UnknownExpression("type")
    if isinstance(left, datetime) is not isinstance(right, datetime) and isinstance(left, date):
        left, right = (_midnight(one) for one in (left, right))
    return left, right


def _midnight(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001


def equal(left: Any, right: Any) -> bool:
    left, right = _alike(left, right)
    if isinstance(left, str) is not isinstance(right, str):
        raise UnknownExpression("types differ")
    if isinstance(left, Decimal) and isinstance(right, Decimal) and left.is_nan() and right.is_nan():
        return True  # as PostgreSQL has it
    return bool(left == right)


def distinct(left: Any, right: Any) -> bool:
    """IS DISTINCT FROM; NULL is allowed."""
    if left is None or right is None:
        return left is not right
    return not equal(left, right)


def _order(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        left, right = _alike(left, right)
        if isinstance(left, str | list | Document):
            raise UnknownExpression("collation")
        return compare(left, right)

    return ordered


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, date) and not isinstance(left, datetime):
        return left + timedelta(days=right) if isinstance(right, int) else _midnight(left) + right
    return _numbers(lambda: left + right)


def _subtract(left: Any, right: Any) -> Any:
    if isinstance(left, date) and not isinstance(left, datetime):
        if isinstance(right, int):
            return left - timedelta(days=right)
        return (left - right).days if isinstance(right, date) else _midnight(left) - right
    return _numbers(lambda: left - right)


def _numbers(operation: Callable[[], Any]) -> Any:
    with localcontext() as context:
        context.prec = 100
        return operation()


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) is (right < 0) else -quotient
    return _numbers(lambda: left / right)


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        return left - right * _divide(left, right)
    return _numbers(lambda: Decimal(left) % Decimal(right))


def _concatenate(left: Any, right: Any) -> Any:
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    if isinstance(left, str) and isinstance(right, str) and not isinstance(left, Opaque):
        return left + right
    raise UnknownExpression("||")


_NAMED = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z",
    "space": r"\s", "xdigit": "0-9A-Fa-f", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip


@cache
def _regex(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    if re.search(r"\\[mMyYAZ]|\[[.=]|^\*\*\*|^\(\?[a-z]", pattern):
        raise UnknownExpression(pattern)
    translated = re.sub(r"\[:([a-z]+):\]", lambda named: _NAMED.get(named[1], named[0]), pattern)
    translated = re.sub(r"(?<!\\)\$$", r"\\Z", translated)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # what Python may come to read otherwise
            return re.compile(translated, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
    except (re.error, FutureWarning):
        raise UnknownExpression(pattern) from None


def _matches(*, ignore_case: bool, wanted: bool, like: bool) -> Callable[[Any, Any], bool]:
    def match(text: Any, pattern: Any) -> bool:
        if isinstance(text, Opaque) or not isinstance(text, str):
            raise UnknownExpression("match")
        regex = _regex(like_pattern(pattern) if like else pattern, ignore_case)
        return (regex.search(text) is not None) is wanted

    return match


def _json_get(document: Any, key: Any) -> Any:
    value = _content(document)
    try:
        found = value[key] if isinstance(value, list if isinstance(key, int) else dict) else None
    except (KeyError, IndexError):
        return None
    return Document(found) if found is not None or _has(value, key) else None


def _has(value: Any, key: Any) -> bool:
    return key in value if isinstance(value, dict) else isinstance(value, list)


def _json_get_text(document: Any, key: Any) -> Any:
    found = _json_get(document, key)
    if found is None or found.value is None:
        return None
    return found.value if isinstance(found.value, str) else write(found)


def _content(document: Any) -> Any:
    if not isinstance(document, Document):
        raise UnknownExpression("not json")
    return document.value


def _json_has(document: Any, key: Any) -> bool:
    value = _content(document)
    return key in value if isinstance(value, dict | list) else value == key


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return all(one in left for one in right if one is not None) and None not in right
    if isinstance(left, Document) and isinstance(right, Document):
        return _json_contains(left.value, right.value)
    raise UnknownExpression("@>")


def _json_contains(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return all(key in left and _json_contains(left[key], value) for key, value in right.items())
    if isinstance(left, list):
        wanted = right if isinstance(right, list) else [right]
        return all(any(_json_contains(one, value) for one in left) for value in wanted)
    return type(left) is type(right) and bool(left == right)


def _overlaps(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return any(one in right for one in left if one is not None)
    raise UnknownExpression("&&")


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": equal,
    "<>": lambda left, right: not equal(left, right),
    "<": _order(lambda left, right: left < right),
    "<=": _order(lambda left, right: left <= right),
    ">": _order(lambda left, right: left > right),
    ">=": _order(lambda left, right: left >= right),
    "+": _add,
    "-": _subtract,
    "*": lambda left, right: _numbers(lambda: left * right),
    "/": _divide,
    "%": _modulo,
    "||": _concatenate,
    "~": _matches(ignore_case=False, wanted=True, like=False),
    "~*": _matches(ignore_case=True, wanted=True, like=False),
    "!~": _matches(ignore_case=False, wanted=False, like=False),
    "!~*": _matches(ignore_case=True, wanted=False, like=False),
    "~~": _matches(ignore_case=False, wanted=True, like=True),
    "~~*": _matches(ignore_case=True, wanted=True, like=True),
    "!~~": _matches(ignore_case=False, wanted=False, like=True),
    "!~~*": _matches(ignore_case=True, wanted=False, like=True),
    "->": _json_get,
    "->>": _json_get_text,
    "?": _json_has,
    "?|": lambda document, keys: any(_json_has(document, key) for key in keys),
    "?&": lambda document, keys: all(_json_has(document, key) for key in keys),
    "@>": _contains,
    "<@": lambda left, right: _contains(right, left),
    "&&": _overlaps,
}


def _text(value: Any) -> str:
    if not isinstance(value, str) or isinstance(value, Opaque):
        raise UnknownExpression("not text")
    return value


def _round(value: Any, digits: int = 0, rounding: str = ROUND_HALF_UP) -> Any:
    if isinstance(value, int):
        return value
    return _numbers(lambda: value.quantize(Decimal(1).scaleb(-digits), rounding=rounding))


def _json_kind(document: Any) -> str:
    value = _content(document)
    for kind, python in (
        ("object", dict),
        ("array", list),
        ("string", str),
        ("boolean", bool),
        ("null", type(None)),
    ):
        if isinstance(value, python):
            return kind
    return "number"


def _extract(field: str, value: Any) -> Any:
    if not isinstance(value, date) or not (hasattr(value, field) or field in ("dow", "isodow")):
        raise UnknownExpression(field)
    if field in ("dow", "isodow"):
        return value.isoweekday() % 7 if field == "dow" else value.isoweekday()
    return getattr(value, field)


def _truncated(field: str, value: Any) -> datetime:
    at = _midnight(value) if isinstance(value, date) else value
    if not isinstance(at, datetime) or field not in _UNITS:
        raise UnknownExpression(field)
    kept = _UNITS[: _UNITS.index(field) + 1]
    start = {"month": 1, "day": 1}
    lower = {unit: start.get(unit, 0) for unit in _UNITS if unit not in kept}
    return at.replace(**lower, microsecond=0)  # type: ignore[arg-type]


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
    "mod": _modulo,
    "round": _round,
    "trunc": lambda value, digits=0: _round(value, digits, ROUND_DOWN),
    "floor": lambda value: _round(value, 0, ROUND_FLOOR),
    "ceil": lambda value: _round(value, 0, ROUND_CEILING),
    "ceiling": lambda value: _round(value, 0, ROUND_CEILING),
    "jsonb_typeof": _json_kind,
    "json_typeof": _json_kind,
    "jsonb_array_length": lambda document: len(_list(document)),
    "json_array_length": lambda document: len(_list(document)),
    "array_length": _array_length,
    "cardinality": len,
    "extract": _extract,
    "date_part": _extract,
    "date_trunc": _truncated,
}


def _list(document: Any) -> list[Any]:
    value = _content(document)
    if not isinstance(value, list):
        raise UnknownExpression("not an array")
    return value


_KINDS = {
    "varchar": "text", "bpchar": "text", "citext": "text", "int2": "int4", "int8": "int4", "float4": "numeric",
    "float8": "numeric", "timestamptz": "timestamp", "json": "jsonb",
}  # fmt: skip


def cast(value: Any, target: str) -> Any:
    """A value cast to a type by its name in `pg_type`, `[]` behind it for an array.

    :raises UnknownExpression: a cast that is not known here.
    """
    if value is None:
        return None
    if target.endswith("[]"):
        return _cast_array(value, target.removesuffix("[]"))
    if isinstance(value, str) and not isinstance(value, Opaque):
        try:
            return read_named(value, target)
        except (ValueError, KeyError):
            raise UnknownExpression(f"{value!r} as {target}") from None
    kind = _KINDS.get(target, target)
    for name, accepted, convert in _CASTS:
        if name == kind and isinstance(value, accepted):
            return convert(value)
    raise UnknownExpression(f"cast to {target}")


_CASTS: tuple[tuple[str, type | UnionType, Callable[[Any], Any]], ...] = (
    ("int4", bool, int),
    ("int4", int | Decimal, lambda value: int(_round(value))),
    ("bool", bool, bool),
    ("text", bool, lambda value: "true" if value else "false"),
    ("text", int, str),
    ("numeric", int | Decimal, Decimal),
    ("date", datetime, lambda value: value.date()),
    ("date", date, lambda value: value),
    ("timestamp", date, _midnight),
    ("jsonb", Document, lambda value: value),
)


def _cast_array(value: Any, element: str) -> list[Any]:
    if isinstance(value, Opaque):
        raise UnknownExpression("array")
    parts = array_parts(value) if isinstance(value, str) else value
    return [cast(part, element) for part in parts]
