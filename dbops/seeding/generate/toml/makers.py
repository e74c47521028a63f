"""The makers of columns, as `generate.toml` has them: read, and refused where nothing could be made with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dbops.seeding.generate.model import NULLS, After, How, Own
from dbops.seeding.generate.spaces.compound import Arrays, Composite, Ranges
from dbops.seeding.generate.spaces.encoded import ENCODED
from dbops.seeding.generate.spaces.patterns import UnknownPattern
from dbops.seeding.generate.spaces.plain import Encoded, Listed, Numbers, Uuid
from dbops.seeding.generate.spaces.pooled import FIELDS, Person, Pooled
from dbops.seeding.generate.spaces.space import MANY, Space
from dbops.seeding.generate.spaces.strings import Pattern
from dbops.seeding.generate.spaces.times import SECOND, Times
from dbops.seeding.generate.spaces.vocabulary import POOLS
from dbops.seeding.generate.toml.fields import BadField, Fields

SPACES: dict[str, type[Space]] = {
    one.word: one
    for one in (Listed, Numbers, Times, Pattern, Encoded, Uuid, Arrays, Composite, Ranges, Person, Pooled)
}
_TIME_FORMS = ("timestamp", "timestamptz", "date", "time", "epoch")
_FIRST, _LAST = -62_135_596_800 * SECOND, 253_402_300_799 * SECOND  # years 1 and 9999
_MOST = 10**40
_BOUNDS = {
    "scale": (-1000, 1000), "longest": (0, 10_000), "length": (0, 10_000), "least": (0, 1000), "most": (0, 1000),
    "width": (2, 10**9), "count": (1, MANY), "first": (_FIRST, _LAST),
}  # fmt: skip
_CHOICES = {
    ("encoded", "kind"): ENCODED.keys(), ("pool", "pool"): POOLS, ("person", "field"): FIELDS,
    ("times", "form"): _TIME_FORMS,
}  # fmt: skip
_HOWS = {one.value for one in How}


def read_maker(where: str, read: Any) -> Own | After:
    """The maker of a column.

    :raises BadField: it is none, or makes nothing.
    """
    fields = Fields(where, read)
    nulls = fields.whole("nulls", 0, NULLS, 0)
    if fields.one_of("make", {*SPACES, "after"}) == "after":
        made = After(
            fields.texts("columns"), fields.one_of("form", _TIME_FORMS), fields.whole("least", -(10**11), 10**11, 0),
            fields.whole("most", -(10**11), 10**11, 864_000), nulls, _parents(fields), _otherwise(fields),
        )  # fmt: skip
        fields.end()
        if made.least > made.most or bool(made.columns) == bool(made.otherwise and made.parents):
            raise BadField(
                f"{where}: after needs columns, or parents and otherwise; least must not be above most"
            )
        return made
    how = How(fields.one_of("how", _HOWS, "drawn"))
    return Own(_space(fields), how, nulls)


def _parents(fields: Fields) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for one in fields.parts("parents"):
        if not isinstance(one, list) or len(one) != 2 or not all(isinstance(text, str) for text in one):
            raise fields.wrong("parents", "a list of pairs, each of a reference and a column of its table")
        found.append((one[0], one[1]))
    return tuple(found)


def _otherwise(fields: Fields) -> Times | None:
    read = fields.any("otherwise", default=False)
    if read is False:
        return None
    made = _space(Fields(f"{fields.where}: otherwise", read))
    if not isinstance(made, Times):
        raise fields.wrong("otherwise", 'times: { make = "times", ... }')
    return made


def _space(fields: Fields) -> Space:
    kind = SPACES[fields.one_of("make", SPACES)]
    known: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        default = None if field.default is dataclasses.MISSING else field.default
        known[field.name] = _field(fields, kind.word, field.name, str(field.type), default)
    fields.end()
    made = kind(**known)
    _require_sound(fields.where, made)
    return made


def _field(fields: Fields, word: str, name: str, kind: str, default: Any) -> Any:
    match kind:
        case "int":
            return fields.whole(name, *_BOUNDS.get(name, (-_MOST, _MOST)), default)
        case "bool":
            return fields.flag(name)
        case "str" if choices := _CHOICES.get((word, name)):
            return fields.one_of(name, choices, default)
        case "str":
            return fields.text(name, default)
        case "tuple[str, ...]":
            return fields.texts(name)
        case "Space":
            return _space(Fields(f"{fields.where}: {name}", fields.any(name)))
        case _:
            return tuple(_space(Fields(f"{fields.where}: {name}", one)) for one in fields.parts(name))


def _require_sound(where: str, space: Space) -> None:
    """:raises BadField: the space has no values, or some that cannot be made."""
    if isinstance(space, Numbers) and space.step == 0:
        raise BadField(f"{where}: step must not be 0")
    if isinstance(space, Times) and not 0 < space.step <= _LAST - space.first:
        raise BadField(f"{where}: step must be above 0")
    if isinstance(space, Times) and space.first + space.step * (space.count - 1) > _LAST:
        raise BadField(f"{where}: count leads beyond the year 9999")
    if isinstance(space, Ranges) and not isinstance(space.bound, Times | Numbers):
        raise BadField(f"{where}: bound must be numbers or times")
    try:
        if space.size < 1:
            raise BadField(f"{where} has no values: {_fields_of(space)}")
    except UnknownPattern as error:
        raise BadField(f"{where}: pattern is not known, or too long: {error}") from None


def _fields_of(space: Space) -> str:
    shown: Mapping[str, Any] = {field.name: getattr(space, field.name) for field in dataclasses.fields(space)}
    return ", ".join(f"{name} = {value!r}" for name, value in shown.items())
