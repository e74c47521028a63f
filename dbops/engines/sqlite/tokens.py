"""SQL as SQLite's tokenizer reads it, and where its statements end.

SQLite offers its parser to nobody, so this is a scanner of its own; its lexical
rules are few: no dollar quotes, no nested comments, no escapes but doubled quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_GAP = r"(?:[ \t\n\f\r\ufeff]|--[^\n]*|/\*(?:.*?\*/|.*\Z))"  # a block comment may end with the text
# Possessive quantifiers would say this shorter, but some releases of Python 3.11 match them wrongly.
_STRING = r"'[^']*(?:''[^']*)*'(?!')"
_QUOTED = r'"[^"]*(?:""[^"]*)*"(?!")|`[^`]*(?:``[^`]*)*`(?!`)|\[[^\]]*\]'
# What begins a token decides how it goes on.  A word may hold letters beyond ASCII.
_KINDS = {
    "semicolon": ";",
    "string": rf"[xX]?{_STRING}",
    "quoted": _QUOTED,
    "open": r"['\"`\[]",
    "word": r"[A-Za-z_\u0080-\U0010ffff][\w$\u0080-\U0010ffff]*",
    "number": r"0[xX][0-9A-Fa-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?",
    "variable": r"[?@:$#][\w$:]*",
    "operator": r"->>?|\|\||<[<=>]?|>[>=]?|[=!]=|.",
}
_FLAGS = re.DOTALL | re.ASCII
_TOKEN = re.compile("|".join([f"{_GAP}+", *(f"(?P<{kind}>{form})" for kind, form in _KINDS.items())]), _FLAGS)
_TEXT = re.compile(f"{_GAP}+|({'|'.join(_KINDS.values())})", _FLAGS)
_SPACE = " \t\n\f\r\ufeff"
_STOP = re.compile(r"[;'\"`\[]|--|/\*")
_QUOTE = re.compile(f"{_STRING}|{_QUOTED}", _FLAGS)
_BEHIND_EXPLAIN = frozenset({"CREATE", "EXPLAIN", "TEMP", "TEMPORARY", "TRIGGER", "END"})


class Token(NamedTuple):
    """A token between two places in the text; `kind` is the name of its group above."""

    kind: str
    start: int
    end: int
    text: str

    @property
    def word(self) -> str:
        """A keyword or a name without quotes, in upper case; empty for anything else."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """What it names, without its quotes."""
        if self.kind not in ("quoted", "string"):
            return self.text
        quote = self.text[-1]
        return self.text[1:-1] if quote == "]" else self.text[1:-1].replace(quote * 2, quote)


class OpenQuote(ValueError):
    """A string or a quoted name that does not end; `offset` is where it begins."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def tokens(sql: str) -> Iterator[Token]:
    """All tokens but white space and comments; a semicolon is one.

    :raises OpenQuote: nothing after it can be told apart.
    """
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup
        if kind == "open":
            raise OpenQuote(match.start())
        if kind is not None:
            yield Token(kind, match.start(), match.end(), match[0])


def texts(statement: str) -> list[str]:
    """The texts of all its tokens; it holds no open quote."""
    return [text for text in _TEXT.findall(statement) if text]


def spans(sql: str) -> Iterator[tuple[int, int]]:
    """Start and end of each statement, without the semicolon after it.

    They end as `sqlite3_complete` has it: a trigger at the semicolon after the END that follows a semicolon.

    :raises OpenQuote: nothing after it can be told apart.
    """
    at, begun, end, in_trigger = 0, -1, -1, False
    while at < len(sql):
        start, last, stop = _piece(sql, at)
        at = stop + 1
        if at <= len(sql) and sql[at - 1] != ";":
            raise OpenQuote(at - 1)
        if begun < 0 and last < 0:
            continue  # no statement at all before the semicolon
        end = max(end, last)
        if begun < 0:
            begun, in_trigger = start, _is_trigger(sql[start:last])
        elif sql[start:last].upper() == "END":
            in_trigger = False
        if not in_trigger:
            yield begun, end
            begun, end = -1, -1
        elif at <= len(sql):
            end = at
    if begun >= 0:
        yield begun, end


def _piece(sql: str, at: int) -> tuple[int, int, int]:
    """Where the first token from a place on begins and the last one ends, up to a semicolon, the text's end, or a quote
    that does not end; and where that is.  Both are -1 where there is no token.
    """
    first = last = -1
    while True:
        found = _STOP.search(sql, at)
        stop = found.start() if found else len(sql)
        between = sql[at:stop]
        if bare := between.strip(_SPACE):
            first = at + between.index(bare) if first < 0 else first
            last = at + len(between.rstrip(_SPACE))
        if found is None or found[0] == ";":
            return first, last, stop
        if found[0] in ("--", "/*"):
            at = _comment_end(sql, stop, found[0])
            continue
        quoted = _QUOTE.match(sql, stop)
        if quoted is None:
            return first, last, stop
        first, last, at = stop if first < 0 else first, quoted.end(), quoted.end()


def _comment_end(sql: str, at: int, opening: str) -> int:
    """A block comment may end with the text."""
    end = sql.find("\n", at) if opening == "--" else sql.find("*/", at + 2)
    return len(sql) if end < 0 else end + (0 if opening == "--" else 2)


def _is_trigger(statement: str) -> bool:
    """Whether it begins as a CREATE TRIGGER, also one that is explained; by the states of `sqlite3_complete`."""
    if statement[:1] not in "CcEe":
        return False
    words = (match[1].upper() for match in _TEXT.finditer(statement) if match[1])
    first = next(words, "")
    if first == "EXPLAIN":
        first = next((word for word in words if word in _BEHIND_EXPLAIN), "")
    if first != "CREATE":
        return False
    return next((word for word in words if word not in {"TEMP", "TEMPORARY"}), "") == "TRIGGER"
