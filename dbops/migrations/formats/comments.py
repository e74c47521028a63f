"""The comments of a text that stand between its statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dbops.engines.dialect import Dialect

_COMMENT = re.compile(r"--|/\*")


class Comment(NamedTuple):
    """A comment between statements: its place in the text, and what is inside its delimiters."""

    start: int
    end: int
    inner_start: int
    inner_end: int
    is_line: bool

    def inner(self, text: str) -> str:
        """What is commented out."""
        return text[self.inner_start : self.inner_end]


def comments_in(text: str, spans: tuple[tuple[int, int], ...], dialect: Dialect) -> Iterator[Comment]:
    """Those outside of the spans, which are the text's statements."""
    gap_start = 0
    for start, end in (*spans, (len(text), len(text))):
        yield from _comments_between(text, gap_start, start, dialect)
        gap_start = end


def _comments_between(text: str, at: int, end: int, dialect: Dialect) -> Iterator[Comment]:
    while opening := _COMMENT.search(text, at, end):
        at = opening.start()
        if opening[0] == "--":
            line_end = text.find("\n", at, end)
            line_end = end if line_end < 0 else line_end
            yield Comment(at, line_end, at + 2, line_end, is_line=True)
            at = line_end
        else:
            close = dialect.comment_end(text, at)
            yield Comment(at, close, at + 2, close - 2, is_line=False)
            at = close
