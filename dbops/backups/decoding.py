"""From JSON that nobody vouches for to frozen dataclasses, and back: strict in types, clear about the place.

A field's type is its rule: `str`, `int` (64 bits), `float` (finite), `bool`, `datetime` (with a time zone, read as UTC),
`X | None`, `tuple[X, ...]`, a `Literal`, a dataclass; `dict` takes any object as it is.  A field with a default may be
missing, since it may have come later; a name that is not known is passed over, since a later version may have added it.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import math
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")
_INT64 = 2**63
_LONGEST_TEXT = 16 * 1024 * 1024


class Malformed(ValueError):
    """The JSON is not what it should be; says where and why, for people."""


def parse(text: str) -> dict[str, Any]:
    """The object that a JSON text is.

    :raises Malformed: it is not JSON, has a name twice, a number that is none, or is nested too deeply.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_float=_float, parse_constant=_no_constant)
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except ValueError as error:  # also an integer of more digits than Python reads
        raise Malformed(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Malformed("it is not a JSON object")
    return value


def decode(kind: type[T], fields: dict[str, Any], place: str = "") -> T:
    """An instance of a dataclass from a JSON object.

    :param place: where the object stands in the document, for errors: `archive.`.
    :raises Malformed: a field is missing or has another type.
    """
    values: dict[str, Any] = {}
    for name, (read, required) in _readers(cast("Any", kind)).items():
        if name in fields:
            values[name] = read(fields[name], f"{place}{name}")
        elif required:
            raise Malformed(f"{place}{name} is missing")
    try:
        return kind(**values)
    except Malformed as error:
        raise Malformed(f"{place or 'it'}: {error}") from None


def encode(value: Any) -> Any:
    """JSON values for a dataclass and all that is in it."""
    if dataclasses.is_dataclass(value):
        return {name: encode(getattr(value, name)) for name in _names(cast("Any", type(value)))}
    if isinstance(value, tuple | list):
        return [encode(one) for one in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat()
    return value


_Reader = Callable[[Any, str], Any]


@functools.cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@functools.cache
def _readers(kind: Any) -> dict[str, tuple[_Reader, bool]]:
    hints = typing.get_type_hints(kind)
    return {
        field.name: (
            _reader(hints[field.name]),
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }


def _reader(hint: Any) -> _Reader:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        inner = _reader(next(part for part in parts if part is not type(None)))
        return lambda value, place: None if value is None else inner(value, place)
    if origin is tuple:
        return _list_reader(_reader(parts[0]))
    if origin is typing.Literal:
        return lambda value, place: _choice(value, place, parts)
    if dataclasses.is_dataclass(hint):
        return lambda value, place: decode(cast("type", hint), _dict(value, place), f"{place}.")
    return _PLAIN[origin or hint]


def _list_reader(read: _Reader) -> _Reader:
    def read_all(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Malformed(f"{place} is not a list")
        return tuple(read(one, f"{place}[{number}]") for number, one in enumerate(value))

    return read_all


def _choice(value: Any, place: str, choices: tuple[Any, ...]) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise Malformed(f"{place} is none of {', '.join(map(str, choices))}")
    return value


def _dict(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{place} is not an object")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{place} is not a text")
    if len(value) > _LONGEST_TEXT:
        raise Malformed(f"{place} is too long")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Malformed(f"{place} holds half a character") from None
    return value


def _whole(value: Any, place: str) -> int:
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise Malformed(f"{place} is not a whole number of 64 bits")
    return value


def _number(value: Any, place: str) -> float:
    if type(value) is not float and (type(value) is not int or abs(value) >= _INT64):
        raise Malformed(f"{place} is not a number")
    return float(value)


def _bool(value: Any, place: str) -> bool:
    if type(value) is not bool:
        raise Malformed(f"{place} is neither true nor false")
    return value


def _time(value: Any, place: str) -> datetime.datetime:
    text = _text(value, place)
    try:
        time = datetime.datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        pass
    raise Malformed(f"{place} is not a time with a time zone")


_PLAIN: dict[Any, _Reader] = {
    str: _text, int: _whole, float: _number, bool: _bool, datetime.datetime: _time, dict: _dict,
}  # fmt: skip


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"the name {twice!r} stands twice in one object")
    return found


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Malformed(f"{text} is too large a number")
    return value


def _no_constant(text: str) -> float:
    raise Malformed(f"{text} is not a number of JSON")
