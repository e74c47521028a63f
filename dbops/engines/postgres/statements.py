"""A section of SQL as its statements, by PostgreSQL's own grammar.

`split` finds the statements and says of each what it means for transactions.  Text that the parser does not
know (a newer server's syntax, a mistake) is cut at its semicolons and left for the server to judge: nothing
between two statements is ever dropped but white space, comments and semicolons.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from dbops.engines.postgres import libpg_query
from dbops.engines.postgres.classify import classify
from dbops.engines.postgres.facts import TRANSACTIONAL, UNKNOWN, Facts, alone, facts_of
from dbops.engines.postgres.nodes import Node
from dbops.engines.postgres.pieces import Piece, pieces, rejoined
from dbops.engines.postgres.targets import Unknowable
from dbops.engines.postgres.tokens import encode
from dbops.engines.statements import Statement, Statements

_BATCH = 64 * 1024
"""Bytes of statements that are parsed at once, once a section is longer than this."""

_HUGE = 4 * 1024 * 1024
"""Bytes from which on a plain statement is not parsed: the parser's own memory is twenty times its text."""

_PLAIN = frozenset({b"insert", b"update", b"delete", b"comment", b"grant", b"revoke"})
"""First words of statements that no rule concerns, so that no tree need be built."""


def split(sql: str) -> Statements:
    """Cut a section into its statements and classify them.

    A byte order mark is the caller's to remove.  Beyond the text and its statements, memory stays bounded.

    :raises UnreadableSql: an unterminated string or comment, a NUL: nothing after it can be told apart.
    """
    data = encode(sql)
    statements: list[Statement] = []
    parsed = True
    characters = Characters(data, is_ascii=len(sql) == len(data))
    for batch in _batches(data):
        for piece, facts in _classified(data, batch):
            start, end = characters.before(piece.start), characters.before(piece.end)
            statements.append(Statement(sql[start:end], start, piece.checksum, facts))
            parsed = parsed and facts is not UNKNOWN
    return Statements(_with_known_procedures(statements), parsed)


def statement_spans(sql: str) -> Iterator[tuple[int, int]]:
    """Start and end of each statement in characters, cut at the semicolons; what lies between is comments and space.

    :raises UnreadableSql: as `split` does.
    """
    data = encode(sql)
    characters = Characters(data, is_ascii=len(sql) == len(data))
    return ((characters.before(piece.start), characters.before(piece.end)) for piece in pieces(data))


class Characters:
    """Counts the characters before bytes that are asked for in ascending order."""

    def __init__(self, data: bytes, *, is_ascii: bool) -> None:
        self._data = data
        self._is_ascii = is_ascii
        self._byte = self._character = 0

    def before(self, byte: int) -> int:
        """Characters before a byte."""
        if self._is_ascii:
            return byte
        self._character += len(self._data[self._byte : byte].decode())
        self._byte = byte
        return self._character


def _batches(data: bytes) -> Iterator[list[Piece]]:
    """As many statements at a time as are parsed at once: all of a small section."""
    batch: list[Piece] = []
    for piece in pieces(data):
        if batch and piece.end - batch[0].start > _BATCH:
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch


def _classified(data: bytes, batch: list[Piece]) -> list[tuple[Piece, Facts]]:
    """A batch parsed at once, and where the parser does not know it, statement by statement."""
    found = _parsed(data, batch)
    if found is not None:
        return found
    found = []
    for piece in batch:
        found += (len(batch) > 1 and _parsed(data, [piece])) or [(piece, UNKNOWN)]
    return found


def _parsed(data: bytes, batch: list[Piece]) -> list[tuple[Piece, Facts]] | None:
    """Every statement of a batch with its facts; None where the parser does not know its syntax."""
    begin, end = batch[0].start, batch[-1].end
    plain = all(piece.head in _PLAIN for piece in batch)
    try:
        if plain:
            if end - begin < _HUGE:
                libpg_query.bounds(data[begin:end])
            return [(piece, TRANSACTIONAL) for piece in batch]
        nodes = libpg_query.parse(data[begin:end])
    except libpg_query.Refusal:
        return None
    if [begin + node.get("stmt_location", 0) for node in nodes] != [piece.start for piece in batch]:
        batch = [_place(data, node, begin, end) for node in nodes]
    return [
        (piece, classify(node["stmt"], data[piece.start : piece.end]))
        for piece, node in zip(batch, nodes, strict=True)
    ]


def _place(data: bytes, node: Node, begin: int, end: int) -> Piece:
    """Where the parser saw a statement, when the cut at semicolons saw other ones."""
    start = begin + node.get("stmt_location", 0)
    length = node.get("stmt_len", 0)
    return rejoined(data, start, start + length if length else end)


def _with_known_procedures(statements: list[Statement]) -> tuple[Statement, ...]:
    """Mark each CALL of a procedure that an earlier statement created with a body that commits."""
    committing: set[str] = set()
    for index, statement in enumerate(statements):
        facts = facts_of(statement)
        if facts.procedure:
            committing.add(facts.procedure.name)
        elif facts.calls and facts.calls.name in committing:
            ends = alone("CALL of a procedure that commits or rolls back", Unknowable())
            statements[index] = dataclasses.replace(statement, facts=ends)
    return tuple(statements)
