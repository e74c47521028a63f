"""Expressions of SQLite in the grammar of PostgreSQL, whose parser reads them.

Most are the same.  What is spelled otherwise is put into PostgreSQL's words (`==`, GLOB, quotes, texts in double
quotes); what the grammar has no words for becomes a call of a function that nobody knows, with the columns and the
constants that it speaks of: so the database is asked, which has the expression as it was written.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection

from dbops.engines.sqlite.tokens import Token, tokens

UNREADABLE = "as_sqlite_has_it"
_TESTS = frozenset({"NULL", "TRUE", "FALSE", "DISTINCT"})
_SAME = {"LIKE": "ILIKE"}
"""Which of PostgreSQL's operators does what one of that name does in SQLite, whose LIKE knows no case."""


def spelled(text: str, columns: Collection[str]) -> str:
    """The expression in PostgreSQL's grammar.

    :param columns: of the table; any other name in double quotes is a text to SQLite.
    """
    from dbops.engines.postgres.libpg_query import Refusal, parse
    from dbops.engines.postgres.tokens import encode

    known = {name.lower(): name for name in columns}
    read = list(tokens(text))
    made = " ".join(_spelled(read, at, known) for at in range(len(read)))
    try:
        parse(encode(f"SELECT ({made})"))
    except Refusal:
        return _unreadable(read, known, text)
    return made


def _spelled(read: list[Token], at: int, known: dict[str, str]) -> str:
    token = read[at]
    before, after = _word(read, at - 1), _word(read, at + 1)
    if token.word == "GLOB":
        return "" if before == "NOT" else "~"
    if token.word == "NOT" and after == "GLOB":
        return "!~"
    if token.word == "IS" and after not in _TESTS and (after != "NOT" or _word(read, at + 2) not in _TESTS):
        return "IS DISTINCT FROM" if after == "NOT" else "IS NOT DISTINCT FROM"
    if token.word == "NOT" and before == "IS" and after not in _TESTS:
        return ""
    if token.word in _SAME:
        return _SAME[token.word]
    if token.text == "==":
        return "="
    if token.kind == "string" and at and read[at - 1].word == "GLOB":
        return _literal(_pattern(token.name))
    called = at + 1 < len(read) and read[at + 1].text == "("
    if token.kind == "quoted" or (token.kind == "word" and token.text.lower() in known and not called):
        if (name := known.get(token.name.lower())) is not None:
            return _quoted(name)
        return _literal(token.name) if token.text[0] == '"' else _quoted(token.name)
    return token.text


def _unreadable(read: list[Token], known: dict[str, str], text: str) -> str:
    names = dict.fromkeys(known[one.name.lower()] for one in read if one.name.lower() in known)
    constants = [one.text for one in read if one.kind in {"string", "number"} and one.text[:1] not in "xX"]
    # A number tells two of them apart.
    return f"{UNREADABLE}_{zlib.crc32(text.encode())}({', '.join([*map(_quoted, names), *constants])})"


def _word(read: list[Token], at: int) -> str:
    return read[at].word if 0 <= at < len(read) else ""


def _pattern(glob: str) -> str:
    """A GLOB pattern as a regular expression."""
    made, at = "", 0
    while at < len(glob):
        sign = glob[at]
        closing = glob.find("]", at + 2) if sign == "[" else -1
        if closing > 0:
            made += glob[at : closing + 1]
            at = closing
        else:
            made += {"*": ".*", "?": "."}.get(sign, sign if sign.isalnum() else f"\\{sign}")
        at += 1
    return f"^{made}$"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
