"""String literals in SQL: what they hold, and which of them are passwords."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.postgres.tokens import Span, encode, spans
from dbops.engines.statements import UnreadableSql

HIDDEN = "'***'"

_SECRETS = (b"password", b"passwd", b"secret", b"connection")
"""How the token before a literal ends if that is a secret: PASSWORD '...', OPTIONS (password '...')."""

_MAY_HOLD_SECRETS = ("password", "passwd", "secret", "connection")


def is_literal(token: bytes) -> bool:
    """Whether a token is a string: '...', E'...', U&'...', $tag$...$tag$."""
    return token.endswith(b"'") or (token.startswith(b"$") and token.endswith(b"$"))


def content(token: bytes) -> bytes:
    """What stands between the quotes of a literal, with doubled quotes as one; other escapes stay."""
    if token.startswith(b"$"):
        tag = token.index(b"$", 1) + 1
        return token[tag:-tag]
    return token[token.index(b"'") + 1 : -1].replace(b"''", b"'")


def literals(sql: str) -> Iterator[bytes]:
    """The content of every string literal, also of those inside another one, as in a function's body.

    :raises UnreadableSql: the text itself cannot be cut into tokens; a body that cannot is taken as it is.
    """
    todo = [encode(sql)]
    while todo:
        data = todo.pop()
        for inner in _contents(data):
            yield inner
            if b"'" in inner:
                todo.append(inner)


def _contents(data: bytes) -> Iterator[bytes]:
    try:
        for window in spans(data):
            yield from (content(data[a:b]) for a, b in window if is_literal(data[a:b]))
    except UnreadableSql:
        return


def redacted(sql: str) -> str:
    """The text with its password literals replaced by '***', for logs.

    Hidden are the literal after PASSWORD, after an option that is named so, after CONNECTION, and a literal
    that itself speaks of a password and a value; the body of a DO block or a function is searched likewise.
    """
    lowered = sql.lower()
    if not any(word in lowered for word in _MAY_HOLD_SECRETS):
        return sql
    try:
        return _hide(encode(sql)).decode()
    except UnreadableSql:
        return "***"


def secrets(sql: str) -> tuple[str, ...]:
    """What stands between the quotes of the literals that `redacted` hides, as written and as meant, the longest first."""
    lowered = sql.lower()
    if not any(word in lowered for word in _MAY_HOLD_SECRETS):
        return ()
    try:
        tokens = tuple(_secret_tokens(encode(sql)))
        found = {
            text.decode() for token in tokens for text in (content(token), token.partition(b"'")[2][:-1])
        }
    except UnreadableSql:
        return (sql,)
    return tuple(sorted(found - {""}, key=len, reverse=True))


def _secret_tokens(data: bytes) -> Iterator[bytes]:
    for (start, end), replacement in _replacements(data):
        token = data[start:end]
        if replacement == HIDDEN.encode():
            yield token
        else:
            yield from _secret_tokens(content(token))


def _hide(data: bytes) -> bytes:
    out = bytearray()
    copied = 0
    for span, replacement in _replacements(data):
        out += data[copied : span[0]] + replacement
        copied = span[1]
    return bytes(out + data[copied:])


def _replacements(data: bytes) -> Iterator[tuple[Span, bytes]]:
    previous = b""
    for window in spans(data):
        for span in window:
            token = data[span[0] : span[1]]
            if is_literal(token):
                replacement = _replacement(token, previous)
                if replacement is not None:
                    yield span, replacement
            elif token != b"=":
                previous = token.strip(b'"').lower()


def _replacement(token: bytes, previous: bytes) -> bytes | None:
    """What stands in a log for a literal; None if it may stand there itself."""
    hidden = HIDDEN.encode()
    if previous.endswith(_SECRETS):
        return hidden
    inner = content(token)
    if not any(word.encode() in inner.lower() for word in _MAY_HOLD_SECRETS):
        return None
    if not token.startswith(b"$"):
        return hidden if b"'" in inner or b"=" in inner else None
    tag = token[: token.index(b"$", 1) + 1]
    try:
        return tag + _hide(inner) + tag
    except UnreadableSql:
        return hidden
