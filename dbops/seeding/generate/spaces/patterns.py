r"""The strings that a regular expression matches, for a practical part of the language.

Known are literals, `.`, classes with ranges, negation, `[:alpha:]` and `\d \w \s`, groups, alternatives, the
quantifiers `* + ? {n,m}`, and the anchors at the ends.  What is not known raises `UnknownPattern`; what comes out is
tried against the real expression anyway.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789"
_PRINTABLE = [chr(code) for code in range(33, 127)]
_CLASSES = {
    "alpha": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "digit": "0123456789",
    "alnum": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "lower": "abcdefghijklmnopqrstuvwxyz", "xdigit": "0123456789abcdef", "space": " ", "blank": " ",
    "punct": "-_.,:;!", "word": "abcdefghijklmnopqrstuvwxyz0123456789_", "print": _PLAIN, "graph": _PLAIN,
}  # fmt: skip
_ESCAPES = {"d": _CLASSES["digit"], "w": _CLASSES["word"], "s": " ", "S": _PLAIN, "D": "abcdef", "W": "-"}
_MOST_WORDS = 4096
_LONGEST = 10_000

Part = Sequence[str]


class UnknownPattern(ValueError):
    """The pattern uses what is not known here."""


def parse_pattern(pattern: str, longest: int = 24) -> list[Part]:
    """The parts of which a matching string is put together: one choice of each, in their order.

    The same choices always give different strings as long as each part's choices are of one length; where they
    are not, the part stands as a list of whole words.  An unanchored pattern is matched at its own length.

    :param longest: characters that an open-ended quantifier (`*`, `+`, `{n,}`) may lead to.
    :raises UnknownPattern: see above.
    """
    reader = _Reader(pattern.removeprefix("***="), longest)
    parts = reader.alternatives()
    if reader.at < len(reader.text):
        raise UnknownPattern(pattern)
    return parts


class _Reader:
    def __init__(self, text: str, longest: int) -> None:
        self.text, self.longest, self.at = text, longest, 0
        # Several parts of any length (a version, an address) stay short each.
        self.room = 1 << {0: 40, 1: 40, 2: 16}.get(text.count("+") + text.count("*"), 3)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        character = self.peek()
        if not character:
            raise UnknownPattern(self.text)
        self.at += 1
        return character

    def alternatives(self) -> list[Part]:
        branches = [self.sequence()]
        while self.peek() == "|":
            self.take()
            branches.append(self.sequence())
        if len(branches) == 1:
            return branches[0]
        return [_distinct(itertools.chain.from_iterable(_words(branch) for branch in branches))]

    def sequence(self) -> list[Part]:
        parts: list[Part] = []
        while self.peek() and self.peek() not in "|)":
            if self.peek() in "^$":
                self.take()
                continue
            parts += self.quantified(self.atom())
        return parts

    def atom(self) -> list[Part]:
        character = self.take()
        if character == "(":
            return self.group()
        if character == "[":
            return [self.bracket()]
        if character == ".":
            return [list(_PLAIN)]
        if character == "\\":
            return [self.escape()]
        if character in "*+?{":
            raise UnknownPattern(self.text)
        return [[character]]

    def group(self) -> list[Part]:
        if self.peek() == "?":
            self.take()
            if self.take() != ":":
                raise UnknownPattern(self.text)  # looking ahead or behind
        parts = self.alternatives()
        if self.take() != ")":
            raise UnknownPattern(self.text)
        return parts

    def escape(self) -> Part:
        character = self.take()
        if character in _ESCAPES:
            return list(_ESCAPES[character])
        if character.isalnum():
            special = {"t": "\t", "n": "\n", "r": "\r"}.get(character)
            if special is None:
                raise UnknownPattern(self.text)  # a back reference, a word's edge
            return [special]
        return [character]

    def bracket(self) -> Part:
        negated = self.peek() == "^"
        if negated:
            self.take()
        chosen: list[str] = []
        while not (self.peek() == "]" and chosen):
            chosen += self.member()
        self.take()
        if not negated:
            return _distinct(chosen)
        return [one for one in _PLAIN if one not in chosen] or [
            one for one in _PRINTABLE if one not in chosen
        ]

    def member(self) -> list[str]:
        if self.text.startswith("[:", self.at):
            end = self.text.find(":]", self.at)
            name, self.at = self.text[self.at + 2 : end], end + 2
            if name not in _CLASSES:
                raise UnknownPattern(self.text)
            return list(_CLASSES[name])
        first = self.take()
        if first == "\\":
            return list(self.escape())
        if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
            self.take()
            last = self.take()
            if last == "\\":
                last = self.take()
            return [chr(code) for code in range(ord(first), min(ord(last), ord(first) + 500) + 1)]
        return [first]

    def quantified(self, parts: list[Part]) -> list[Part]:
        least, most = self.quantifier()
        if (least, most) == (1, 1):
            return parts
        if len(parts) * least > _LONGEST:
            raise UnknownPattern(f"{self.text[:40]}: more than {_LONGEST} characters")
        if most == least:
            return parts * least
        return [*(parts * least), *self.optional(parts, least, most)]

    def optional(self, parts: list[Part], least: int, most: int) -> list[Part]:
        """More of the same: a fixed number of times if that is room enough for many values, else any number."""
        room = 1
        for choices in parts:
            room *= len(choices)
        wanted = 1 if room > 1 else 0
        while room**wanted < self.room and least + wanted < most and room > 1:
            wanted += 1
        if room > 1 and (least + wanted) > 1:
            return parts * min(wanted, most - least, max(self.longest - least, 1))
        words = _words(parts)
        repeated = [
            "".join(some)
            for count in range(min(most - least, 3) + 1)
            for some in itertools.islice(itertools.product(words, repeat=count), _MOST_WORDS)
        ]
        return [_distinct(repeated)]

    def quantifier(self) -> tuple[int, int]:
        open_end = self.longest
        if self.peek() == "{":
            end = self.text.find("}", self.at)
            low, comma, high = self.text[self.at + 1 : end].partition(",")
            if end < 0 or not low.isdigit() or (high and not high.isdigit()):
                raise UnknownPattern(self.text)
            self.at = end + 1
            bounds = (int(low), int(high) if high else max(int(low), open_end) if comma else int(low))
        elif self.peek() and self.peek() in "*+?":
            bounds = {"*": (0, open_end), "+": (1, open_end), "?": (0, 1)}[self.take()]
        else:
            return (1, 1)
        if self.peek() == "?":  # as few as possible: matches the same strings
            self.take()
        return bounds


def _words(parts: list[Part]) -> list[str]:
    """All strings of these parts, up to a bound."""
    return ["".join(some) for some in itertools.islice(_product(parts), _MOST_WORDS)]


def _product(parts: list[Part]) -> Iterator[tuple[str, ...]]:
    return itertools.product(*parts)


def _distinct(words: Iterator[str] | Sequence[str]) -> list[str]:
    return list(dict.fromkeys(words))
