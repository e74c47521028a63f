"""SQL cut at its semicolons, by tokens alone: the first cut, which the parser confirms or corrects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from dbops.engines.postgres.tokens import Span, pack, spans


class Piece(NamedTuple):
    """One statement by its place in bytes, from its first token to its last.

    :param head: its first token, in lower case.
    :param checksum: sha256 in hexadecimal over its tokens.
    """

    start: int
    end: int
    head: bytes
    checksum: str


class _Open:
    """The statement that is being read; its tokens are hashed and let go window by window."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._sha256 = hashlib.sha256()
        self._first: Span | None = None
        self._last: Span = (0, 0)
        self._parentheses = self._nested = 0

    def add(self, tokens: list[Span]) -> None:
        """Take in tokens that belong to it."""
        if tokens:
            self._first = self._first or tokens[0]
            self._last = tokens[-1]
            self._sha256.update(pack(self._data, tokens))

    def close(self) -> Piece | None:
        """What has been read; None if it is empty."""
        if self._first is None:
            return None
        start, end = self._first
        return Piece(start, self._last[1], self._data[start:end].lower(), self._sha256.hexdigest())

    def ends_at(self, tokens: list[Span], since: int, at: int) -> bool:
        """Whether a token is the semicolon that ends the statement: that `at` a place, those `since` are not yet added.

        A semicolon in parentheses (CREATE RULE) or in a BEGIN ATOMIC body does not.
        """
        start, end = tokens[at]
        if end - start == 1:
            character = self._data[start]
            if character == 0x3B:
                return self._parentheses == 0 and self._nested == 0
            if character == 0x28:
                self._parentheses += 1
            elif character == 0x29 and self._parentheses:
                self._parentheses -= 1
        elif end - start == 6 or self._nested:
            self._nested += self._nesting(tokens, since, at)
        return False

    def _nesting(self, tokens: list[Span], since: int, at: int) -> int:
        """1 where a BEGIN ATOMIC body opens, or a CASE within one; -1 where one of them closes."""
        word = self._word(tokens[at])
        if word != b"atomic" and not self._nested:
            return 0
        previous = self._word(tokens[at - 1] if at > since else self._last)
        if self._nested:
            is_label = previous in (b"as", b".")
            return 0 if is_label else {b"case": 1, b"end": -1}.get(word, 0)
        first = self._first or tokens[since]
        return int(previous == b"begin" and self._word(first) == b"create")

    def _word(self, span: Span) -> bytes:
        return self._data[span[0] : span[1]].lower()


def pieces(data: bytes) -> Iterator[Piece]:
    """The statements of a text; between them stand only white space, comments and semicolons.

    :raises UnreadableSql: the text cannot be cut into tokens.
    """
    statement = _Open(data)
    for tokens in spans(data):
        since = 0
        for at in range(len(tokens)):
            if statement.ends_at(tokens, since, at):
                statement.add(tokens[since:at])
                piece = statement.close()
                if piece:
                    yield piece
                statement, since = _Open(data), at + 1
        statement.add(tokens[since:])
    piece = statement.close()
    if piece:
        yield piece


def rejoined(data: bytes, start: int, end: int) -> Piece:
    """The piece at a place that the parser gives, where the cut at semicolons was wrong."""
    statement = _Open(data)
    text = data[start:end]
    for window in spans(text):
        statement.add([(a + start, b + start) for a, b in window])
    piece = statement.close()
    if piece is None:
        raise ValueError(f"no statement between the bytes {start} and {end}")
    return piece
