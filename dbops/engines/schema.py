"""A schema as data: each object with its definition; compared, and packed to be stored."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


class Change(enum.Enum):
    """What became of an object."""

    ADDED = "added"
    CHANGED = "changed"
    GONE = "gone"


@dataclasses.dataclass(frozen=True)
class Difference:
    """One object that is not as it was; `before` is None where it was added, `after` where it is gone."""

    object: str
    before: str | None
    after: str | None

    @property
    def change(self) -> Change:
        """Which of the three it is."""
        if self.before is None:
            return Change.ADDED
        return Change.GONE if self.after is None else Change.CHANGED


@dataclasses.dataclass(frozen=True)
class Schema:
    """What is in a database but for its rows: definitions by name, "table public.orders" for instance.

    `spelling` says who wrote the definitions: those of another spelling cannot be compared with them.
    """

    objects: Mapping[str, str] = dataclasses.field(repr=False)
    spelling: str

    @property
    def fingerprint(self) -> str:
        """Of all definitions; equal for equal schemas."""
        text = json.dumps([self.spelling, sorted(self.objects.items())])
        return hashlib.sha256(text.encode()).hexdigest()

    def without(self, patterns: Sequence[str]) -> Schema:
        """Less the objects whose names one of the patterns matches, such as "* public.orders_20*"."""
        if not patterns:
            return self
        from fnmatch import fnmatchcase

        kept = {
            name: definition
            for name, definition in self.objects.items()
            if not any(fnmatchcase(name, pattern) for pattern in patterns)
        }
        return Schema(kept, self.spelling)

    def packed(self) -> dict[str, Any]:
        """As JSON data to be stored; a few kilobytes for a hundred tables."""
        import base64
        import zlib

        text = json.dumps(dict(self.objects), ensure_ascii=False, sort_keys=True)
        return {
            "spelling": self.spelling,
            "fingerprint": self.fingerprint,
            "objects": len(self.objects),
            "definitions": base64.b64encode(zlib.compress(text.encode(), 9)).decode(),
        }

    @classmethod
    def unpacked(cls, data: Mapping[str, Any]) -> Schema:
        """What `packed` has made."""
        import base64
        import zlib

        return cls(json.loads(zlib.decompress(base64.b64decode(data["definitions"]))), data["spelling"])


@dataclasses.dataclass(frozen=True)
class Left:
    """The schema that was stored after migrations ran.

    `version` is the newest that was applied then, None where none was.  `newest` is false where migrations ran since,
    whose process ended before it could store what they left.
    """

    schema: Schema
    at: datetime.datetime
    version: str | None
    newest: bool


def differences(before: Schema, after: Schema) -> tuple[Difference, ...]:
    """What is not as it was, in order of the names."""
    names = sorted(before.objects.keys() | after.objects.keys())
    found = (Difference(name, before.objects.get(name), after.objects.get(name)) for name in names)
    return tuple(one for one in found if one.before != one.after)


def carried(before: Schema, drifted: Sequence[Difference], after: Schema) -> Schema:
    """What is to be expected after a run: what it left, but for what had drifted and it did not touch.

    :param before: what was there when it began, with `drifted` in it.
    """
    expected = dict(after.objects)
    for one in drifted:
        if after.objects.get(one.object) != before.objects.get(one.object):
            continue
        if one.before is None:
            expected.pop(one.object, None)
        else:
            expected[one.object] = one.before
    return Schema(expected, after.spelling)
