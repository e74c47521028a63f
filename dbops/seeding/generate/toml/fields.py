"""Fields of a file that people edit: each is of the type and within the bounds that it must be, or it is named."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


class BadField(ValueError):
    """A field is missing, unknown, or not what it must be; the message names it and where it stands."""


class Fields:
    """The fields of one table of the file; `end` complains of those that nothing asked for.

    :param where: what the fields are of, for messages: `public.users, column id`.
    """

    def __init__(self, where: str, read: Any) -> None:
        if not isinstance(read, Mapping):
            raise BadField(f"{where} must be a table of fields, not {_shown(read)}")
        self.where, self._read = where, read
        self._asked: set[str] = set()

    def wrong(self, name: str, must: str) -> BadField:
        """The complaint about a field."""
        return BadField(f"{self.where}: {name} must be {must}, not {_shown(self._read.get(name))}")

    def any(self, name: str, default: Any = None) -> Any:
        """The value as it is; a missing one without default is an error."""
        self._asked.add(name)
        if name not in self._read and default is None:
            raise BadField(f"{self.where}: {name} is missing")
        return self._read.get(name, default)

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self.any(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(name, f"a whole number from {low} to {high}")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        value = self.any(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        return value

    def flag(self, name: str) -> bool:
        value = self.any(name, default=False)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def one_of(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        value = self.any(name, default)
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(name, f"one of {', '.join(sorted(choices))}")
        return value

    def texts(self, name: str, choices: Collection[str] | None = None) -> tuple[str, ...]:
        """A list of texts; missing is empty."""
        value = self.any(name, ())
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise self.wrong(name, "a list of texts")
        for one in value:
            if choices is not None and one not in choices:
                raise BadField(f"{self.where}: {name}: there is no {one}")
        return tuple(value)

    def parts(self, name: str) -> list[Any]:
        """A list of anything; missing is empty."""
        value = self.any(name, ())
        if not isinstance(value, list | tuple):
            raise self.wrong(name, "a list")
        return list(value)

    def end(self) -> None:
        """:raises BadField: there is a field that means nothing here."""
        for name in self._read:
            if name not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise BadField(f"{self.where}: {name} is not known here ({known} are)")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
