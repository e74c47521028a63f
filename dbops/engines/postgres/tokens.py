"""SQL as a stream of tokens: checksums, string literals, and memory that a large file does not fill.

All offsets are bytes of UTF-8 unless they are said to be characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dbops.engines.postgres import libpg_query
from dbops.engines.statements import UnreadableSql

Span = tuple[int, int]

WINDOW = 256 * 1024
"""Bytes that are scanned at once; a token that is longer widens it."""

_COMMENTS = (b"--", b"/*")

_UNSETTLED = 4
"""Tokens at the end of a window that more text could change ($ before tag$, a number, a continued string)."""


def encode(sql: str) -> bytes:
    """The bytes that the parser reads.

    :raises UnreadableSql: a NUL, which would silently end the text, or half a surrogate pair.
    """
    nul = sql.find("\0")
    if nul >= 0:
        raise UnreadableSql("a NUL character, which PostgreSQL does not accept", nul)
    try:
        return sql.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnreadableSql("half of a surrogate pair, which UTF-8 cannot hold", error.start) from None


def spans(data: bytes) -> Iterator[list[Span]]:
    """Start and end of every token but comments, in lists of bounded size.

    The text is scanned window by window.  The last tokens of a window may read differently once more text
    follows them, so the next window begins with those again.

    :raises UnreadableSql: unterminated quotes and comments, malformed numbers and escapes.
    """
    start, size = 0, WINDOW
    while start < len(data):
        end = _character_boundary(data, start + size)
        found, settled = _scan_window(data, start, end)
        if found and not settled:
            found, rest = found[:-_UNSETTLED], found[-_UNSETTLED:]
            start, size = (rest[0][0], WINDOW) if found else (start, size * 2)
        elif settled:
            start = end
        else:
            size *= 2
        if found:
            yield found


def _character_boundary(data: bytes, end: int) -> int:
    """The end of the text, or the last boundary between characters up to `end`."""
    if end >= len(data):
        return len(data)
    while data[end] & 0xC0 == 0x80:
        end -= 1
    return end


def _scan_window(data: bytes, start: int, end: int) -> tuple[list[Span], bool]:
    """Tokens of data[start:end], and whether the text ends there.

    Where the window cuts a string or comment in two, what stands before that is returned.
    """
    window = data[start:end] if end - start < len(data) else data
    settled = end == len(data)
    try:
        found = libpg_query.scan(window)
    except libpg_query.Refusal as refusal:
        if settled:
            raise UnreadableSql(refusal.message, len(data[:start].decode()) + refusal.offset) from None
        window = window.decode()[: refusal.offset].encode()
        found = libpg_query.scan(window)
    return [(a + start, b + start) for a, b in found if window[a : a + 2] not in _COMMENTS], settled


def pack(data: bytes, tokens: Iterable[Span]) -> bytes:
    """Tokens as the checksum sees them: a NUL after each, CRLF read as LF."""
    packed = b"".join([data[start:end] + b"\0" for start, end in tokens])
    if b"\n" not in packed:
        return packed
    packed = packed.replace(b"\r\n", b"\n")
    return b"\0".join([_joined_literal(token) for token in packed.split(b"\0")])


def _joined_literal(token: bytes) -> bytes:
    """A literal that is continued on another line, written on one: 'a' <line end> 'b' is 'ab'."""
    if not token.endswith(b"'") or b"\n" not in token:
        return token
    quote = token.index(b"'")
    escapes = token[:quote] in (b"e", b"E")
    out, at = bytearray(token[: quote + 1]), quote + 1
    while at < len(token) - 1:
        character = token[at : at + 1]
        if (character == b"\\" and escapes) or token.startswith(b"''", at):
            out += token[at : at + 2]
            at += 2
        elif character == b"'":
            at = token.index(b"'", at + 1) + 1
        else:
            out += character
            at += 1
    return bytes(out) + b"'"
