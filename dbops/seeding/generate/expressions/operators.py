"""The operators that the evaluator of expressions knows, over values that are not NULL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from dbops.seeding.generate.expressions.casts import midnight
from dbops.seeding.generate.expressions.documents import json_contains, json_get, json_get_text, json_has
from dbops.seeding.generate.expressions.matching import matches
from dbops.seeding.generate.expressions.numbers import divide, exactly, modulo
from dbops.seeding.generate.expressions.values import Document, Opaque, UnknownExpression


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides in one type, as the server's implicit casts have it."""
    if isinstance(left, Opaque) or isinstance(right, Opaque):
        raise UnknownExpression("type")
    if isinstance(left, datetime) is not isinstance(right, datetime) and isinstance(left, date):
        left, right = (midnight(one) for one in (left, right))
    return left, right


def equal(left: Any, right: Any) -> bool:
    """Whether the server takes two values for equal."""
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
        return left + timedelta(days=right) if isinstance(right, int) else midnight(left) + right
    return exactly(lambda: left + right)


def _subtract(left: Any, right: Any) -> Any:
    if isinstance(left, date) and not isinstance(left, datetime):
        if isinstance(right, int):
            return left - timedelta(days=right)
        return (left - right).days if isinstance(right, date) else midnight(left) - right
    return exactly(lambda: left - right)


def _concatenate(left: Any, right: Any) -> Any:
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    if isinstance(left, str) and isinstance(right, str) and not isinstance(left, Opaque):
        return left + right
    raise UnknownExpression("||")


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return all(one in left for one in right if one is not None) and None not in right
    if isinstance(left, Document) and isinstance(right, Document):
        return json_contains(left.value, right.value)
    raise UnknownExpression("@>")


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
    "*": lambda left, right: exactly(lambda: left * right),
    "/": divide,
    "%": modulo,
    "||": _concatenate,
    "~": matches(ignore_case=False, wanted=True, like=False),
    "~*": matches(ignore_case=True, wanted=True, like=False),
    "!~": matches(ignore_case=False, wanted=False, like=False),
    "!~*": matches(ignore_case=True, wanted=False, like=False),
    "~~": matches(ignore_case=False, wanted=True, like=True),
    "~~*": matches(ignore_case=True, wanted=True, like=True),
    "!~~": matches(ignore_case=False, wanted=False, like=True),
    "!~~*": matches(ignore_case=True, wanted=False, like=True),
    "->": json_get,
    "->>": json_get_text,
    "?": json_has,
    "?|": lambda document, keys: any(json_has(document, key) for key in keys),
    "?&": lambda document, keys: all(json_has(document, key) for key in keys),
    "@>": _contains,
    "<@": lambda left, right: _contains(right, left),
    "&&": _overlaps,
}
