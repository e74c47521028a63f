"""A statement as words: what its verb is, and the names that it gives to tables."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.sqlite.tokens import tokens

_VERBS = frozenset({"INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT"})
_BEFORE_A_NAME = frozenset({"FROM", "JOIN"})
_ENDS_A_LIST = frozenset(
    {"WHERE", "GROUP", "ORDER", "LIMIT", "UNION", "ON", "SET", "RETURNING", "WINDOW", "HAVING"}
)


class Words:
    """A statement as its tokens, and what can be asked of them.

    `verb` is what it does; of WITH ... the verb behind it.
    """

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [token for token in tokens(sql) if token.kind != "semicolon"]
        self._upper = [token.word for token in self.tokens]
        self.at = self._main()
        self.verb = self._upper[self.at] if self.tokens else ""

    def _main(self) -> int:
        """Where its verb is: what WITH names stands in parentheses."""
        depth = 0
        for place, token in enumerate(self.tokens if self._upper[:1] == ["WITH"] else ()):
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0 and token.word in _VERBS:
                return place
        return 0

    def has(self, *words: str) -> bool:
        """Whether they follow one another anywhere, outside of parentheses or not."""
        many = len(words)
        return any(tuple(self._upper[at : at + many]) == words for at in range(len(self._upper)))

    def after(self, *words: str) -> str:
        """The name behind the first of these words, its schema left out, in lower case; empty for none."""
        for at, word in enumerate(self._upper):
            if at >= self.at and word in words:
                name, _ = self.name(at + 1)
                return name
        return ""

    def name(self, at: int) -> tuple[str, int]:
        """The name at a place, IF [NOT] EXISTS and a schema left out, and the place behind it."""
        while at < len(self.tokens) and self._upper[at] in {"IF", "NOT", "EXISTS"}:
            at += 1
        if at + 2 < len(self.tokens) and self.tokens[at + 1].text == ".":
            at += 2
        return (self.tokens[at].name.lower(), at + 1) if at < len(self.tokens) else ("", at)

    def made(self, what: str) -> str:
        """The name of what a CREATE makes, temporary ones left out; empty for nothing."""
        head = self._upper[:4]
        if head[:1] != ["CREATE"] or not {"TEMP", "TEMPORARY"}.isdisjoint(head) or what not in head[1:3]:
            return ""
        return self.name(head.index(what) + 1)[0]

    def word(self, at: int) -> str:
        """The keyword at a place; empty for none."""
        return self._upper[at] if at < len(self._upper) else ""

    def listed(self, *words: str) -> tuple[str, ...]:
        """The columns in parentheses behind the name that follows a word, in lower case; empty for none."""
        place = next((at for at, word in enumerate(self._upper) if at >= self.at and word in words), None)
        _, at = self.name(place + 1) if place is not None else ("", len(self.tokens))
        if at >= len(self.tokens) or self.tokens[at].text != "(":
            return ()
        end = next((to for to in range(at, len(self.tokens)) if self.tokens[to].text == ")"), at)
        return tuple(one.name.lower() for one in self.tokens[at + 1 : end] if one.text != ",")

    def read_from(self) -> Iterator[str]:
        """What stands behind FROM and JOIN, as far as it is a name; also behind commas."""
        seen: set[str] = set()
        in_list = False
        for at, token in enumerate(self.tokens):
            starts = token.word in _BEFORE_A_NAME
            in_list = starts or (in_list and token.word not in _ENDS_A_LIST)
            if starts or (in_list and token.text == ","):
                name, _ = self.name(at + 1)
                if name not in seen and name != "(":
                    seen.add(name)
                    yield name
