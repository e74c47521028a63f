"""SQL as statements, whatever the engine: what its grammar tells of each, and where they stand."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Mapping

from dbops.engines.dialect import POSTGRESQL, by_name


class Kind(enum.Enum):
    """How a statement stands to transactions."""

    TRANSACTIONAL = "transactional"
    ALONE = "alone"
    """Cannot run in a transaction block."""
    BEGIN = "begin"
    COMMIT = "commit"
    """Ends the block; PREPARE TRANSACTION (named in the reason) does too."""
    COMMIT_AND_CHAIN = "commit and chain"
    ROLLBACK = "rollback"
    ROLLBACK_AND_CHAIN = "rollback and chain"
    SET = "set"
    """Changes a setting of the session, which outlives the transaction."""
    COPY_FROM_CLIENT = "copy from client"
    """COPY FROM STDIN: its data would have to follow in the file, as psql alone reads it."""
    UNKNOWN = "unknown"
    """Not in this parser's grammar: the server judges."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the grammar tells about one statement; an engine may know more.

    :param reason: for what cannot run in a transaction block: why, in SQL's words; else empty.
    :param target: what the engine looks for after an interruption; None where there is nothing.
    :param makes_temporary: makes something that lives only as long as the session.
    :param refused: why no migration may hold it, and the way out; None where one may.
    """

    kind: Kind
    reason: str = ""
    target: object | None = None
    makes_temporary: bool = False
    refused: tuple[str, str] | None = None


class UnreadableSql(ValueError):
    """Text that cannot be cut into tokens: an unterminated string or comment, a NUL.

    :param message: the parser's words, or ours where it would not see the text at all.
    :param offset: characters before the place in the text that was given.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """One statement, from its first token to its last, without the semicolon after it.

    :param offset: characters before it in the section that was split.
    :param checksum: sha256 in hexadecimal over its tokens.
    :param facts: what the grammar tells about it.
    :param data: what stands behind a COPY FROM STDIN, to be sent with it; None where there is nothing.
    :param dialect: the name of the dialect that it is written in.
    """

    text: str
    offset: int
    checksum: str
    facts: Facts
    data: str | None = None
    dialect: str = POSTGRESQL

    @property
    def kind(self) -> Kind:
        """How it stands to transactions."""
        return self.facts.kind

    @property
    def reason(self) -> str:
        """Why it cannot run in a transaction block ("CREATE INDEX CONCURRENTLY"); empty where it can."""
        return self.facts.reason

    @property
    def makes_temporary(self) -> bool:
        """Whether it makes something that lives only as long as the session."""
        return self.facts.makes_temporary

    @property
    def redacted(self) -> str:
        """The text with its password literals replaced by '***', for logs."""
        return by_name(self.dialect).redacted(self.text)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its password literals, as they may come back in an engine's words."""
        return by_name(self.dialect).secrets(self.text)


@dataclasses.dataclass(frozen=True, slots=True)
class Statements:
    """The statements of a section, in order.

    :param parsed: whether the parser knew all of it; where not, the server judges the statements of kind
        UNKNOWN, and only the raw checksum of the section is to be trusted.
    """

    statements: tuple[Statement, ...]
    parsed: bool

    @property
    def checksum(self) -> str:
        """sha256 in hexadecimal over all tokens: comments, white space and line ends do not count."""
        return digest("\n".join(statement.checksum for statement in self.statements).encode())

    def with_data(self, data: Mapping[int, str]) -> Statements:
        """The same, those at the given offsets with the data that they copy; it counts in their checksums."""
        return Statements(
            tuple(_with_data(one, data.get(one.offset)) for one in self.statements), self.parsed
        )

    def within(self, start: int, end: int) -> Statements:
        """Those of a part of the text, with offsets that count from its beginning."""
        part = tuple(
            statement if start == 0 else dataclasses.replace(statement, offset=statement.offset - start)
            for statement in self.statements
            if start <= statement.offset < end
        )
        return Statements(part, all(statement.kind is not Kind.UNKNOWN for statement in part))


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """Why several sections cannot be in one transaction; as a string, the reason.

    :param section: which of the sections, from 0.
    """

    section: int
    statement: Statement
    reason: str

    def __str__(self) -> str:
        return self.reason


def position(sql: str, offset: int) -> tuple[int, int]:
    """Line and column of a character offset, both from 1, the column in characters; CRLF ends one line."""
    return sql.count("\n", 0, offset) + 1, offset - sql.rfind("\n", 0, offset)


def digest(packed: bytes) -> str:
    """sha256, in hexadecimal."""
    return hashlib.sha256(packed).hexdigest()


def _with_data(statement: Statement, data: str | None) -> Statement:
    if data is None or statement.kind is not Kind.COPY_FROM_CLIENT:
        return statement
    checksum = digest(f"{statement.checksum}\n{data}".encode())
    return dataclasses.replace(statement, checksum=checksum, data=data)
