"""SQL as SQLite's tokenizer reads it, and where its statements end.

SQLite offers its parser to nobody, so this is a scanner of its own; its lexical
rules are few: no dollar quotes, no nested comments, no escapes but doubled quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# What begins a token decides how it goes on.  A word may hold letters beyond ASCII; a block comment may end with the text.
_TOKEN = re.compile(
    r"""
      (?P<gap>[ \t\n\f\r\ufeff]+ | --[^\n]* | /\*(?:.*?\*/|.*\Z))
    | (?P<semicolon>;)
    | (?P<string>[xX]?'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\])
    | (?P<open>['"`\[])
    | (?P<word>[A-Za-z_\u0080-\U0010ffff][\w$\u0080-\U0010ffff]*)
    | (?P<number>(?:0[xX][0-9A-Fa-f_]+ | (?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?))
    | (?P<variable>[?@:$\#][\w$:]*)
    | (?P<operator>->>? | \|\| | <[<=>]? | >[>=]? | [=!]= | .)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


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
        assert kind is not None  # every alternative is a group
        if kind == "open":
            raise OpenQuote(match.start())
        if kind != "gap":
            yield Token(kind, match.start(), match.end(), match[0])


def statements(all_tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """The tokens of each statement, without the semicolon after it.

    They end as `sqlite3_complete` has it: a trigger at the semicolon after the END that follows a semicolon.
    """
    current: list[Token] = []
    for token in all_tokens:
        if token.kind == "semicolon" and (not current or not _is_within_trigger(current)):
            if current:
                yield current
            current = []
        else:
            current.append(token)
    if current:
        yield current


def _is_within_trigger(read: list[Token]) -> bool:
    """Whether a semicolon after these tokens belongs to the body of a trigger."""
    if not is_trigger(read):
        return False
    return not (len(read) > 1 and read[-1].word == "END" and read[-2].kind == "semicolon")


def is_trigger(statement: list[Token]) -> bool:
    """Whether a statement is a CREATE TRIGGER, also one that is explained."""
    words = [token.word for token in statement[:6]]
    if words[:1] == ["EXPLAIN"]:
        words = words[3:] if words[1:3] == ["QUERY", "PLAN"] else words[1:]
    if words[:1] != ["CREATE"]:
        return False
    return words[2 if words[1:2] in (["TEMP"], ["TEMPORARY"]) else 1 :][:1] == ["TRIGGER"]
