"""Values as SQLite keeps them, from the texts that files and makers give, and back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from dbops.engines.catalog import DataType
from dbops.engines.sqlite.types import affinity
from dbops.seeding.fixtures.bound import Relative

Value = int | float | str | bytes | None

_BOOLEANS = {"t": 1, "true": 1, "1": 1, "f": 0, "false": 0, "0": 0}
_BITS = 63


def stored(text: str | None, kind: DataType) -> Value:
    """The value that a text of a type stands for.

    Booleans are 1 and 0, times ISO texts in UTC where they were given relative to now, decimals numbers: what
    SQLite's column affinities would make of them.

    :raises ValueError: it is none, in words for people.
    """
    if text is None:
        return None
    reader = _READERS.get(kind.base.name)
    if isinstance(text, Relative):
        return _moment(text, kind.base.name)
    kept = affinity(kind.base.sql)
    if kept == "TEXT":
        return text  # what it holds is only guessed
    try:
        return _kept(text if reader is None else reader(text), kept)
    except (ValueError, InvalidOperation, KeyError, OverflowError):
        raise ValueError(f"{_short(text)} is no {_NAMES[kind.base.name]} ({kind.sql})") from None


def text_of(value: Value, kind: DataType) -> str | None:
    """The text of a value that is there, in the form that makers and checks read."""
    if value is None:
        return None
    if kind.base.name == "bool" and value in (0, 1):
        return "t" if value else "f"
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def fast(kind: DataType) -> Callable[[str], Value] | None:
    """What makes a value of a text that a maker gave, where SQLite's affinity does not do it."""
    makers: dict[str, Callable[[str], Value]] = {"bool": _BOOLEANS.__getitem__, "bytea": _bytes}
    if affinity(kind.base.sql) == "BLOB":
        makers["numeric"] = _number
    return makers.get(kind.base.name)


def _kept(value: Value, kind: str) -> Value:
    """What the column's affinity makes of it: a text that is a number becomes one."""
    if kind != "BLOB" and isinstance(value, str):
        try:
            return _number(value)
        except (ValueError, InvalidOperation):
            return value
    return value


def _integer(text: str) -> int:
    number = int(text)
    if not -(1 << _BITS) <= number < 1 << _BITS:
        raise ValueError(text)
    return number


def _number(text: str) -> int | float:
    """As NUMERIC affinity has it: a whole number where it is one, else what a double holds."""
    number = Decimal(text)
    if not number.is_finite() or "_" in text:
        raise ValueError(text)
    whole = number == number.to_integral_value() and abs(number) < 1 << _BITS
    return int(number) if whole else float(number)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """The text as it is, if it is one of the type."""

    def reader(text: str) -> str:
        check(text)
        return text

    return reader


def _time(read: Callable[[str], object]) -> Callable[[str], Value]:
    """A time as ISO text, or a number of seconds or days as some applications keep it."""

    def reader(text: str) -> Value:
        try:
            read(text)
        except ValueError:
            return _number(text)
        return text

    return reader


def _moment(text: str, name: str) -> Value:
    """`2026-05-31 12:30:00`, as CURRENT_TIMESTAMP gives it; of seconds since 1970 their number."""
    if name == "epoch":
        return int(text)
    if name in {"date", "time"}:
        return text.partition("+")[0].partition(".")[0]
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


_READERS: dict[str, Callable[[str], Value]] = {
    "bool": lambda text: _BOOLEANS[text.lower()],
    "int2": _integer, "int8": _integer, "epoch": _integer, "numeric": _number, "float8": lambda text: float(_number(text)),
    "bytea": _bytes, "uuid": _checked(uuid.UUID), "json": _checked(json.loads),
    "timestamp": _time(datetime.fromisoformat), "date": _time(date.fromisoformat), "time": _time(time.fromisoformat),
}  # fmt: skip
_NAMES = {
    "bool": "boolean", "int2": "whole number", "int8": "whole number", "epoch": "whole number", "numeric": "number", "float8": "number",
    "bytea": "blob in hexadecimal", "uuid": "UUID", "json": "JSON", "timestamp": "time", "date": "date",
    "time": "time of the day",
}  # fmt: skip


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
