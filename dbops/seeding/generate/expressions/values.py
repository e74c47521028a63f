"""Values of columns in Python, for the evaluator of expressions: from the text that a type's input reads, and back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from dbops.engines.catalog import DataType, TypeKind

INTEGERS = frozenset({"int2", "int4", "int8", "oid", "epoch"})
FRACTIONS = frozenset({"numeric", "float4", "float8"})
STRINGS = frozenset({"text", "varchar", "bpchar", "name", "citext", "char", "uuid"})
STAMPS = frozenset({"timestamp", "timestamptz"})
DOCUMENTS = frozenset({"json", "jsonb"})
_BOOLEANS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}


class UnknownValue(ValueError):
    """Python cannot say what this value is."""


class UnknownExpression(Exception):
    """What is not known here; the server knows."""


UNKNOWN = (UnknownExpression, ArithmeticError, ValueError, TypeError, LookupError, AttributeError)
"""What evaluating an expression raises where its value is not known here."""


class Opaque(str):
    """A value of a type that only the server understands; it is NULL or not, more is not known."""

    __slots__ = ()


class Document:
    """A json value, apart from the SQL values that Python would take for equal."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Document) and self.value == other.value

    def __hash__(self) -> int:
        return hash(json.dumps(self.value, sort_keys=True))


def read(text: str | None, kind: DataType) -> Any:
    """The Python value of a text of this type; an `Opaque` where only the server understands the type.

    :raises UnknownValue: the text is none of this type, or of a form that is not known.
    """
    if text is None:
        return None
    base = kind.base
    if base.kind is TypeKind.ENUM:
        return text
    if base.kind is TypeKind.ARRAY and base.element is not None:
        return _array(text, base.element)
    if base.kind is not TypeKind.BASE:
        return Opaque(text)
    try:
        return read_named(text, base.name)
    except (ValueError, InvalidOperation):
        raise UnknownValue(f"{text!r} is no {base.name}") from None


def read_named(text: str, name: str) -> Any:
    """The value of a text of a base type by its name in `pg_type`.

    :raises ValueError: the text is none of it.
    """
    if name in INTEGERS:
        return int(text)
    if name in FRACTIONS:
        return Decimal(text)
    if name in STRINGS:
        return text.rstrip(" ") if name == "bpchar" else text.lower() if name == "uuid" else text
    if name == "bool":
        return _boolean(text)
    if name in STAMPS:
        return _stamp(text)
    if name == "date":
        return date.fromisoformat(text)
    if name == "time":
        return time.fromisoformat(text)
    if name == "interval":
        return _interval(text)
    if name in DOCUMENTS:
        return Document(json.loads(text, parse_float=Decimal))
    return Opaque(text)


def _boolean(text: str) -> bool:
    if (value := _BOOLEANS.get(text.lower())) is None:
        raise ValueError(text)
    return value


def _stamp(text: str) -> datetime:
    stamp = datetime.fromisoformat(text)
    return stamp if stamp.tzinfo is None else stamp.astimezone(UTC).replace(tzinfo=None)


_SPANS = {
    "day": timedelta(1),
    "hour": timedelta(0, 3600),
    "minute": timedelta(0, 60),
    "second": timedelta(0, 1),
}


def _interval(text: str) -> timedelta:
    total, words = timedelta(), text.split()
    while words:
        if ":" in words[0]:
            hours, minutes, seconds = [*words.pop(0).split(":"), "0"][:3]
            total += timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
            continue
        number, unit = int(words.pop(0)), words.pop(0).rstrip("s")
        if unit not in _SPANS:
            raise UnknownValue(text)  # months and years have no fixed length
        total += number * _SPANS[unit]
    return total


def _array(text: str, element: DataType) -> list[Any]:
    if not text.startswith("{") or text.startswith("{{"):
        raise UnknownValue(text)
    return [read(part, element) for part in array_parts(text)]


_BITS = {"int2": 15, "int4": 31, "int8": 63, "epoch": 63}


def fits(text: str, value: Any, base: DataType) -> bool:
    """Whether a value is within the bounds of its type: length, precision, bits."""
    if base.name in _BITS and isinstance(value, int):
        return -(1 << _BITS[base.name]) <= value < 1 << _BITS[base.name]
    if base.name == "numeric" and base.precision is not None and isinstance(value, Decimal):
        return value.is_finite() and abs(value) < Decimal(10) ** (base.precision - (base.scale or 0))
    return base.name not in ("varchar", "bpchar") or base.length is None or len(text) <= base.length


def array_parts(text: str) -> list[str | None]:
    """The elements of the text of an array of one dimension.

    :raises UnknownValue: it is not one.
    """
    parts: list[str | None] = []
    at, end = 1, len(text) - 1
    while at < end:
        part, quoted = "", text[at] == '"'
        at += quoted
        while at < end and (text[at] != '"' if quoted else text[at] != ","):
            at += text[at] == "\\"
            part += text[at]
            at += 1
        at += quoted
        if at < end and text[at] != ",":
            raise UnknownValue(text)
        at += 1
        parts.append(None if not quoted and part.upper() == "NULL" else part)
    return parts


def write(value: Any) -> str | None:
    """The text that the type's input reads as this value."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, Document):
        return json.dumps(value.value, default=str)
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, timedelta):
        return f"{value // timedelta(0, 1)} seconds"
    if isinstance(value, list):
        return "{" + ",".join("NULL" if one is None else _quoted(write(one) or "") for one in value) + "}"
    return str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
