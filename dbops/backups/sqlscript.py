"""SQL from elsewhere, statement by statement: what would reach beyond the database that it is loaded into is refused.

A file is loaded in one transaction, in which the server refuses DROP DATABASE and its like however they are spelled.
So what must not happen is that the file ends this transaction; and what would do so, or would fail in it, is found here
while nothing is made yet.  pg_dump itself writes a BEGIN and a COMMIT around the content of large objects: these are
blanked.

Text is followed as psql cuts it into statements: quotes, dollar quotes, comments, bodies of functions, data of COPY.
https://github.com/postgres/postgres/blob/master/src/fe_utils/psqlscan.l
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dbops.backups.sqlforbidden import Refusal, connecting, forbidden
from dbops.errors import Refused

_LONGEST_LINE = 1 << 20
_WINDOW = 256
_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123)) + b"_" + bytes(range(128, 256))
_WORD = _LETTERS + b"0123456789$"
_SPECIAL = _LETTERS + b"0123456789'\"$;-/\\()"
_PLAIN = bytes(set(range(256)) - set(_SPECIAL))
_KEPT_WORDS = 5
_END_OF_DATA = b"\\."
_OFF = frozenset({"off", "false", "no", "0"})


class SqlScript:
    """Follows SQL line by line, whatever portions it comes in; memory does not depend on its size.

    :param name: what errors call it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._line = 1
        self._quote = b""  # what ends the quote or comment that we are in; `E` for a string with escapes
        self._comments = 0
        self._standard_strings = True
        self._copies = 0  # COPY statements on this line, whose data begin with the next one
        self._in_data = False
        self._line_begins = True
        self._large_objects: bool | None = None  # since a BEGIN: whether all is about large objects
        self._words: list[str] = []
        self._begun_at = 1
        self._last = ""
        self._parentheses = 0
        self._bodies = 0
        self._from_input = False
        self._blank = False

    def passed(self, portions: Iterable[bytes | memoryview]) -> Iterator[bytes]:
        """The same text, without what pg_dump writes around large objects.

        :raises Refused: a statement that must not run; its line is named.
        """
        held = b""
        for portion in portions:
            held += portion
            passed, held = self._eaten(held)
            yield passed
        yield held if self._in_data else self._sql(held)
        if not self._in_data:
            self._end(b"")  # the last statement may lack its semicolon

    def _eaten(self, held: bytes) -> tuple[bytes, bytes]:
        """What can be passed on by now, and the rest."""
        at, passed = 0, []
        while at < len(held):
            if self._in_data:
                end = self._data(held, at)
                passed.append(held[at:end])
            elif (end := _piece(held, at)) > at:
                passed.append(self._sql(held[at:end]))
            if end == at:
                break
            at = end
        return b"".join(passed), held[at:]

    def _data(self, held: bytes, at: int) -> int:
        """Where the data of COPY end, or what is there of them does."""
        mark = held.find(_END_OF_DATA, at)
        while mark >= 0:
            begins = held[mark - 1 : mark] == b"\n" if mark > at else self._line_begins
            rest = held[mark + 2 : mark + 4]
            if begins and rest in {b"", b"\r"}:
                return self._passed_data(held, at, mark)
            if begins and (rest[:1] == b"\n" or rest == b"\r\n"):
                end = self._passed_data(held, at, held.index(b"\n", mark) + 1)
                self._in_data = False
                return end
            mark = held.find(_END_OF_DATA, mark + 1)
        half = held.endswith(b"\\")  # of the mark, perhaps
        return self._passed_data(held, at, len(held) - half)

    def _passed_data(self, held: bytes, at: int, end: int) -> int:
        self._line += held.count(b"\n", at, end)
        if end > at:
            self._line_begins = held[end - 1 : end] == b"\n"
        return end

    def _sql(self, piece: bytes) -> bytes:
        self._blank = False
        at = len(piece) if self._is_insert(piece) else 0
        while at < len(piece):
            at = self._quoted(piece, at) if self._quote else self._code(piece, at)
        if piece.endswith(b"\n"):
            self._line += 1
            self._in_data, self._copies, self._line_begins = self._copies > 0, 0, True
        return b" " * (len(piece) - 1) + piece[-1:] if self._blank else piece

    def _is_insert(self, piece: bytes) -> bool:
        """Whether a line is an INSERT and nothing else, told fast: there may be millions of them."""
        if self._quote or self._words or not piece.startswith(b"INSERT INTO ") or not piece.endswith(b");\n"):
            return False
        parts = piece.split(b"'")
        code = b"'".join(parts[::2])
        if len(parts) % 2 == 0 or any(sign in code for sign in (b'"', b"$", b"\\", b"--", b"/*")):
            return False
        if b"\\" in piece and not (self._standard_strings and b"E'" not in code and b"e'" not in code):
            return False
        self._large_objects = None
        return code.count(b";") == 1 and code.count(b"(") == code.count(b")")

    # -- quotes and comments ------------------------------------------------------------------------------------------

    def _quoted(self, piece: bytes, at: int) -> int:
        """Where it goes on after what is found of a quote."""
        if self._quote == b"*/":
            return self._commented(piece, at)
        if self._quote == b"E":
            return self._escaped(piece, at)
        end = piece.find(self._quote, at)
        if end < 0:
            return len(piece)
        after = end + len(self._quote)
        if self._quote in {b"'", b'"'} and piece[after : after + 1] == self._quote:
            return after + 1
        self._quote = b""
        return after

    def _commented(self, piece: bytes, at: int) -> int:
        end, inner = piece.find(b"*/", at), piece.find(b"/*", at)
        if end < 0 and inner < 0:
            return len(piece)
        deeper = inner >= 0 and (inner < end or end < 0)
        self._comments += 1 if deeper else -1
        if not self._comments:
            self._quote = b""
        return (inner if deeper else end) + 2

    def _escaped(self, piece: bytes, at: int) -> int:
        end, escape = piece.find(b"'", at), piece.find(b"\\", at)
        if escape >= 0 and (escape < end or end < 0):
            return escape + 2
        if end < 0:
            return len(piece)
        if piece[end + 1 : end + 2] == b"'":
            return end + 2
        self._quote = b""
        return end + 1

    # -- statements ---------------------------------------------------------------------------------------------------

    def _code(self, piece: bytes, at: int) -> int:
        """Read one word or sign outside of quotes; where it goes on."""
        window = piece[at : at + _WINDOW]
        if skipped := len(window) - len(window.lstrip(_PLAIN)):
            return at + skipped
        sign = window[:1]
        if sign in _WORD and sign != b"$":
            word = window[: len(window) - len(window.lstrip(_WORD))]
            self._word(word.decode("latin-1").lower())
            after = at + len(word)
            if word in {b"e", b"E"} and piece[after : after + 1] == b"'":
                self._quote = b"E"
                return after + 1
            return after
        if sign == b"\\":
            return self._backslash(piece, at)
        if sign == b"$":
            return self._dollar(piece, at)
        if window[:2] in {b"--", b"/*"}:
            self._quote, self._comments = (b"\n", 0) if sign == b"-" else (b"*/", 1)
            return at + (1 if sign == b"-" else 2)
        self._sign(sign, piece)
        return at + 1

    def _sign(self, sign: bytes, piece: bytes) -> None:
        if sign in {b"'", b'"'}:
            self._quote = b"E" if sign == b"'" and not self._standard_strings else sign
        elif sign == b"(":
            self._parentheses += 1
        elif sign == b")":
            self._parentheses = max(self._parentheses - 1, 0)
        elif sign == b";" and not self._parentheses and not self._bodies:
            self._end(piece)

    def _dollar(self, piece: bytes, at: int) -> int:
        end = piece.find(b"$", at + 1)
        tag = piece[at + 1 : end] if end >= 0 else b"1"
        if tag.lstrip(_WORD) or tag[:1].isdigit():
            return at + 1
        self._quote = piece[at : end + 1]
        return end + 1

    def _backslash(self, piece: bytes, at: int) -> int:
        """A command of psql's, which forbids all of them; but these are met too late there."""
        if piece[at + 1 : at + 2] == b";":
            self._end(piece)
            return at + 2
        words = piece[at + 1 : at + _WINDOW].split(None, 1)
        if words and words[0].lower() in {b"c", b"connect"}:
            self._begun_at = self._line
            raise self._refused(connecting(words[0].decode()))
        return len(piece)

    def _word(self, word: str) -> None:
        if not self._words:
            self._begun_at = self._line
        if len(self._words) < _KEPT_WORDS:
            self._words.append(word)
        if self._words[0] == "copy" and (self._last, word) == ("from", "stdin"):
            self._from_input = True
        if self._words[0] == "create" and not self._parentheses and self._makes_routine():
            if word == "begin" or (word == "case" and self._bodies):
                self._bodies += 1
            elif word == "end":
                self._bodies = max(self._bodies - 1, 0)
        self._last = word

    def _makes_routine(self) -> bool:
        words = self._words[3:4] if self._words[1:3] == ["or", "replace"] else self._words[1:2]
        return words in (["function"], ["procedure"])

    def _end(self, piece: bytes) -> None:
        """A statement is whole."""
        words = self._words
        if words:
            self._judge(words, piece)
            if words[:2] == ["set", "standard_conforming_strings"]:
                self._standard_strings = self._last not in _OFF
            self._copies += self._from_input
        self._next_statement()

    def _next_statement(self) -> None:
        self._words = []
        self._begun_at = self._line
        self._last = ""
        self._parentheses = 0
        self._bodies = 0
        self._from_input = False

    def _judge(self, words: list[str], piece: bytes) -> None:
        """Whether a statement may run; the COMMIT and the BEGIN of pg_dump are blanked.

        :raises Refused: it may not.
        """
        self._blank = words == ["begin"] and piece.strip() == b"BEGIN;"
        if words == ["commit"] and self._large_objects and piece.strip() == b"COMMIT;":
            self._blank = True
        elif refusal := forbidden(words):
            raise self._refused(refusal)
        if words == ["begin"]:
            self._large_objects = True
        elif self._large_objects:
            self._large_objects = words[0] == "select" and any(word.startswith("lo") for word in words[1:3])

    def _refused(self, why: Refusal) -> Refused:
        return Refused(
            f"line {self._begun_at:,} of {self._name} is {why.what}, which {why.why}", hint=why.hint
        )


def _piece(held: bytes, at: int) -> int:
    """The end of the next line, or of a part of one that is very long, which cuts no word or sign; else `at`."""
    end = held.find(b"\n", at, at + _LONGEST_LINE)
    if end >= 0 or len(held) - at <= _LONGEST_LINE:
        return end + 1 if end >= 0 else at
    return held.rfind(b" ", at, at + _LONGEST_LINE) + 1 or _between_letters(held, at + _LONGEST_LINE)


def _between_letters(held: bytes, cut: int) -> int:
    while cut > 1 and not held[cut - 1 : cut + 1].isalnum():
        cut -= 1
    return cut
