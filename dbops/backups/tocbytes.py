"""Numbers and strings of pg_dump's archives, from a stream that may come from anywhere.

Every length is bounded, and memory grows only with what was really read.
"""

from __future__ import annotations

import sys
from typing import BinaryIO

from dbops.errors import AnswerIsNo

_LONGEST_STRING = 256 * 1024 * 1024
_CHUNK = 1024 * 1024


class Damaged(AnswerIsNo):
    """An archive is not what it says, or ends too early."""


class Reader:
    """Numbers and strings from a stream, with the place of what is wrong."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.at = 0
        self.integer_bytes = 4
        self.offset_bytes = 8
        self._stream = stream
        self._name = name

    def wrong(self, what: str) -> Damaged:
        """The error for something that cannot stand at this place."""
        return Damaged(
            f"{self._name} is damaged or no archive of pg_dump: {what} at byte {self.at:,}",
            hint="take another backup or dump; bin/backup list shows what is there",
        )

    def bytes(self, count: int) -> bytes:
        """Exactly so many; a length that lies costs no memory, since what is there is read piece by piece."""
        parts = []
        left = count
        while left:
            part = self._stream.read(min(left, _CHUNK))
            if not part:
                raise self.wrong(f"it ends in the table of contents, {left:,} bytes too early,")
            parts.append(part)
            left -= len(part)
            self.at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def byte(self) -> int:
        """One byte, as a number."""
        return self.bytes(1)[0]

    def integer(self) -> int:
        """A number with its sign before it, of as many bytes as the archive says."""
        data = self.bytes(1 + self.integer_bytes)
        value = int.from_bytes(data[1:], "little")
        return -value if data[0] else value

    def within(self, low: int, high: int, what: str) -> int:
        """An integer that lies between two others."""
        value = self.integer()
        if not low <= value <= high:
            raise self.wrong(f"{what} is {value}")
        return value

    def string(self) -> str | None:
        """A string; None where pg_dump wrote a null pointer."""
        length = self.within(-1, _LONGEST_STRING, "the length of a string")
        return None if length < 0 else self.bytes(length).decode("utf-8", "surrogateescape")

    def text(self) -> str:
        """A string, empty for none; equal ones (owners, schemas, kinds) are kept once."""
        text = self.string() or ""
        return sys.intern(text) if len(text) < 64 else text

    def number(self, what: str) -> int:
        """An integer that is written as digits."""
        text = self.text()
        if not (text.isascii() and text.isdigit() and len(text) <= 10):
            raise self.wrong(f"{what} is {text[:20]!r}")
        return int(text)
