"""Constants, and the casts that the evaluator of expressions knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Any

from dbops.engines.postgres.nodes import Node
from dbops.seeding.generate.expressions.numbers import rounded
from dbops.seeding.generate.expressions.values import (
    Document,
    Opaque,
    UnknownExpression,
    array_parts,
    read_named,
)


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


def midnight(value: date) -> datetime:
    """The time at which a day begins; a time stays as it is."""
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001  # as a timestamp


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
    ("int4", int | Decimal, lambda value: int(rounded(value))),
    ("bool", bool, bool),
    ("text", bool, lambda value: "true" if value else "false"),
    ("text", int, str),
    ("numeric", int | Decimal, Decimal),
    ("date", datetime, lambda value: value.date()),
    ("date", date, lambda value: value),
    ("timestamp", date, midnight),
    ("jsonb", Document, lambda value: value),
)


def _cast_array(value: Any, element: str) -> list[Any]:
    if isinstance(value, Opaque):
        raise UnknownExpression("array")
    parts = array_parts(value) if isinstance(value, str) else value
    return [cast(part, element) for part in parts]
