"""Contents as JSON and back.  What is read may have been edited, cut, or made by somebody else: nothing is assumed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dbops.engines.contents import Contents, LargeObjects, Name, Position, SequenceRange, TableContent

T = TypeVar("T")

_INT8 = 2**63
_FINGERPRINT_DIGITS = 60


class Malformed(ValueError):
    """Says where the data is not what it should be: `tables[3].rows is not a number`."""


def write(contents: Contents) -> dict[str, Any]:
    """JSON values for `read`."""
    return {
        "tables": [dataclasses.asdict(table) | {"columns": list(table.columns)} for table in contents.tables],
        "sequences": [_write_sequence(sequence) for sequence in contents.sequences],
        "large_objects": contents.large_objects and dataclasses.asdict(contents.large_objects),
        "materialized_views": [list(view) for view in contents.materialized_views],
        "foreign_tables": [list(name) for name in contents.foreign_tables],
    }


def read(data: object, where: str = "contents") -> Contents:
    """:raises Malformed: a part is missing, unknown, of another type or out of bounds, or a name comes twice."""
    fields = record(data, where, Contents)
    contents = Contents(
        tables=items(fields["tables"], f"{where}.tables", _table),
        sequences=items(fields["sequences"], f"{where}.sequences", _sequence),
        large_objects=_large_objects(fields["large_objects"], f"{where}.large_objects"),
        materialized_views=items(fields["materialized_views"], f"{where}.materialized_views", _view),
        foreign_tables=items(fields["foreign_tables"], f"{where}.foreign_tables", _name),
    )
    tables = [(table.schema, table.name) for table in contents.tables]
    sequences = [(sequence.schema, sequence.name) for sequence in contents.sequences]
    views = [(schema, name) for schema, name, _ in contents.materialized_views]
    names = [*tables, *sequences, *views, *contents.foreign_tables]
    if len(set(names)) != len(names):
        raise Malformed(f"{where} names a relation twice")
    return contents


def record(data: object, where: str, shape: type) -> Mapping[str, object]:
    """A JSON object with the fields of a dataclass, no more and no less."""
    if not isinstance(data, dict):
        raise Malformed(f"{where} is not an object")
    names = {field.name for field in dataclasses.fields(shape)}
    if odd := sorted(names ^ data.keys()):
        raise Malformed(f"{where}.{odd[0]} is {'missing' if odd[0] in names else 'unknown'}")
    return data


def items(data: object, where: str, read_one: Callable[[object, str], T]) -> tuple[T, ...]:
    """A JSON list, each of whose items `read_one` reads."""
    if not isinstance(data, list):
        raise Malformed(f"{where} is not a list")
    return tuple(read_one(one, f"{where}[{at}]") for at, one in enumerate(data))


def number(data: object, where: str, *, least: int = -_INT8) -> int:
    """A whole number that a bigint holds."""
    if not isinstance(data, int) or isinstance(data, bool):
        raise Malformed(f"{where} is not a number")
    if not least <= data < _INT8:
        raise Malformed(f"{where} is out of bounds")
    return data


def text(data: object, where: str) -> str:
    """A text of any length, empty too."""
    if not isinstance(data, str):
        raise Malformed(f"{where} is not a text")
    return data


def _write_sequence(sequence: SequenceRange) -> dict[str, Any]:
    written = dataclasses.asdict(sequence)
    return written | {"before": list(sequence.before), "after": list(sequence.after)}


def _table(data: object, where: str) -> TableContent:
    fields = record(data, where, TableContent)
    return TableContent(
        text(fields["schema"], f"{where}.schema"),
        text(fields["name"], f"{where}.name"),
        number(fields["rows"], f"{where}.rows", least=0),
        _fingerprint(fields["fingerprint"], f"{where}.fingerprint"),
        items(fields["columns"], f"{where}.columns", text),
    )


def _fingerprint(data: object, where: str) -> str | None:
    if data is None:
        return None
    digits = text(data, where).removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _FINGERPRINT_DIGITS):
        raise Malformed(f"{where} is not a fingerprint")
    return text(data, where)


def _sequence(data: object, where: str) -> SequenceRange:
    fields = record(data, where, SequenceRange)
    return SequenceRange(
        text(fields["schema"], f"{where}.schema"),
        text(fields["name"], f"{where}.name"),
        _position(fields["before"], f"{where}.before"),
        _position(fields["after"], f"{where}.after"),
        number(fields["increment"], f"{where}.increment"),
        _truth(fields["cycles"], f"{where}.cycles"),
    )


def _position(data: object, where: str) -> Position:
    value, called = _row(data, where, 2)
    return number(value, where), _truth(called, where)


def _truth(data: object, where: str) -> bool:
    if not isinstance(data, bool):
        raise Malformed(f"{where} is neither true nor false")
    return data


def _large_objects(data: object, where: str) -> LargeObjects | None:
    if data is None:
        return None
    fields = record(data, where, LargeObjects)
    return LargeObjects(
        number(fields["count"], f"{where}.count", least=0),
        _fingerprint(fields["fingerprint"], f"{where}.fingerprint"),
    )


def _view(data: object, where: str) -> tuple[str, str, int | None]:
    schema, name, rows = _row(data, where, 3)
    return text(schema, where), text(name, where), None if rows is None else number(rows, where, least=0)


def _name(data: object, where: str) -> Name:
    schema, name = _row(data, where, 2)
    return text(schema, where), text(name, where)


def _row(data: object, where: str, length: int) -> list[object]:
    if not isinstance(data, list) or len(data) != length:
        raise Malformed(f"{where} is not a list of {length}")
    return data
