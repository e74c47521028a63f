"""Arithmetic as PostgreSQL does it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any


def exactly(operation: Callable[[], Any]) -> Any:
    """What an operation gives with as many digits as the server has, not Python's 28."""
    with localcontext() as context:
        context.prec = 100
        return operation()


def divide(left: Any, right: Any) -> Any:
    """Division; that of whole numbers goes towards zero."""
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) is (right < 0) else -quotient
    return exactly(lambda: left / right)


def modulo(left: Any, right: Any) -> Any:
    """The rest of a division, with the sign of `left`."""
    if isinstance(left, int) and isinstance(right, int):
        return left - right * divide(left, right)
    return exactly(lambda: Decimal(left) % Decimal(right))


def rounded(value: Any, digits: int = 0, rounding: str = ROUND_HALF_UP) -> Any:
    """Half goes away from zero, as numeric has it."""
    if isinstance(value, int):
        return value
    return exactly(lambda: value.quantize(Decimal(1).scaleb(-digits), rounding=rounding))
