"""The sortable identifier in a migration's file name."""

from __future__ import annotations

import dataclasses
import functools

from dbops.errors import UsageError

REPEATABLE = "R__"


@functools.total_ordering
@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Version:
    """`001`, `20250105120000`, `1.0.3`: compared by number, part by part, and kept as written.

    `key` is the same order as text: each part without leading zeros, behind the
    number of its digits, so that a database can sort by it (collation "C").
    """

    text: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Version:
        """From the text in a file's name or on the command line.

        :raises UsageError: where it is not numbers joined by dots.
        """
        parts = text.split(".")
        if not all(part.isascii() and part.isdigit() and len(part) < 100 for part in parts):
            raise UsageError(
                f"{text!r} is not a version", hint="versions are numbers, as 001, 20250105120000 or 1.0.3"
            )
        digits = [part.lstrip("0") or "0" for part in parts]
        return cls(text, ".".join(f"{len(part):02d}{part}" for part in digits))

    @classmethod
    def named(cls, text: str) -> Version:
        """As `parse`, but text that is no number is a version, too: in order of text, behind all numbers.

        Behind all of these come those of repeatable migrations, which begin with `R__`.
        """
        try:
            return cls.parse(text)
        except UsageError:
            return cls(text, f"{'~~' if text.startswith(REPEATABLE) else '~'}{text}")

    @property
    def repeatable(self) -> bool:
        """Whether it is the name of a migration that runs again whenever it has changed."""
        return self.key.startswith("~~")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __lt__(self, other: Version) -> bool:
        return self.key < other.key

    def __str__(self) -> str:
        return self.text
