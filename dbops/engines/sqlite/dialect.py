"""SQLite's SQL: its statements, and what each means for the transaction around it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.dialect import SQLITE
from dbops.engines.sqlite.connection import stand_in
from dbops.engines.sqlite.tokens import OpenQuote, spans, texts, tokens
from dbops.engines.statements import Facts, Kind, Statement, Statements, UnreadableSql, digest

if TYPE_CHECKING:
    import sqlite3

TRANSACTIONAL = Facts(Kind.TRANSACTIONAL)
TEMPORARY = Facts(Kind.TRANSACTIONAL, makes_temporary=True)
UNKNOWN = Facts(Kind.UNKNOWN)
_CONTROL = {
    "BEGIN": Facts(Kind.BEGIN),
    "COMMIT": Facts(Kind.COMMIT),
    "END": Facts(Kind.COMMIT),
    "ROLLBACK": Facts(Kind.ROLLBACK),
}
_ELSEWHERE = (
    "{} in a migration: the other file is neither under the migration lock nor in a backup",
    "take it out; another file has a folder of migrations and a DATABASE_URL of its own",
)

# PRAGMAs that set something for the connection; others read, or write into the file as a statement does.
_SETTINGS = frozenset(
    [
        "AUTOMATIC_INDEX",
        "BUSY_TIMEOUT",
        "CACHE_SIZE",
        "CACHE_SPILL",
        "CASE_SENSITIVE_LIKE",
        "CELL_SIZE_CHECK",
        "CHECKPOINT_FULLFSYNC",
        "COUNT_CHANGES",
        "FOREIGN_KEYS",
        "FULLFSYNC",
        "FULL_COLUMN_NAMES",
        "IGNORE_CHECK_CONSTRAINTS",
        "LEGACY_ALTER_TABLE",
        "LOCKING_MODE",
        "MMAP_SIZE",
        "QUERY_ONLY",
        "READ_UNCOMMITTED",
        "RECURSIVE_TRIGGERS",
        "REVERSE_UNORDERED_SELECTS",
        "SECURE_DELETE",
        "SHORT_COLUMN_NAMES",
        "SYNCHRONOUS",
        "TEMP_STORE",
        "THREADS",
        "TRUSTED_SCHEMA",
        "WAL_AUTOCHECKPOINT",
        "WRITABLE_SCHEMA",
    ]
)
# Those of them that SQLite ignores or refuses once a transaction is open.
BEFORE_TRANSACTION = frozenset({"FOREIGN_KEYS", "SYNCHRONOUS", "TEMP_STORE"})
_OUTSIDE = frozenset({"JOURNAL_MODE", "WAL_CHECKPOINT"})


class SqliteDialect:
    """See `Dialect`."""

    def split(self, sql: str) -> Statements:
        """Every statement with its facts; the checksum is over its tokens, a NUL after each, CRLF read as LF."""
        found = []
        with contextlib.closing(stand_in()) as nowhere:
            for start, end in self.statement_spans(sql):
                text = sql[start:end]
                read = texts(text)
                packed = "\0".join([*read, ""]).replace("\r\n", "\n").encode()
                facts = UNKNOWN if _refused(text, nowhere) else _facts(read)
                found.append(Statement(text, start, digest(packed), facts, dialect=SQLITE))
        return Statements(tuple(found), all(statement.kind is not Kind.UNKNOWN for statement in found))

    def statement_spans(self, sql: str) -> Iterator[tuple[int, int]]:
        """Start and end of each statement."""
        with _readable(sql):
            yield from spans(sql)

    def tokens(self, sql: str) -> Iterator[tuple[int, int]]:
        """Start and end of each token; the colon of `:name` is one, as where it is no parameter of SQLite's."""
        with _readable(sql):
            found = list(tokens(sql))
        for token in found:
            if token.kind == "variable" and token.text.startswith(":"):
                yield token.start, token.start + 1
            else:
                yield token.start, token.end

    def comment_end(self, sql: str, at: int) -> int:
        """Block comments do not nest."""
        end = sql.find("*/", at + 2)
        return len(sql) if end < 0 else end + 2

    def tree(self, sql: str) -> tuple[str, Mapping[str, Any]] | None:
        """As far as the two grammars are alike.

        :raises Refusal: SQLite cannot read it.
        """
        from dbops.engines.postgres.libpg_query import Refusal
        from dbops.engines.sqlite.likeness import tree

        with contextlib.closing(stand_in()) as nowhere:
            if said := _refused(sql, nowhere):
                raise Refusal(said, 0)
        return tree(sql)

    def reaches_beyond(self, sql: str) -> bool:
        """To another file: ATTACH, and VACUUM INTO."""
        words = [text.upper() for text in texts(sql)]
        return words[:1] == ["ATTACH"] or (words[:1] == ["VACUUM"] and "INTO" in words)

    def redacted(self, sql: str) -> str:
        """SQLite has no users and no statement that sets a password."""
        return sql

    def secrets(self, sql: str) -> tuple[str, ...]:
        """None, likewise."""
        return ()


DIALECT = SqliteDialect()


def pragma(read: Sequence[str]) -> tuple[str, bool]:
    """The name of the PRAGMA that a statement is, in upper case, and whether it is given a value; else ("", False).

    :param read: the texts of its tokens.
    """
    words = [text.upper() for text in read[:6]]
    if words[:1] != ["PRAGMA"]:
        return "", False
    if words[2:3] == ["."]:
        del words[1:3]
    return "".join(words[1:2]), words[2:3] in (["="], ["("])


def obstacle(statement: Statement) -> str | None:
    """Why a statement cannot be in one transaction with other migrations; None where it can."""
    if statement.kind is Kind.ALONE:
        return f"{statement.reason} cannot run in a transaction"
    if statement.kind is Kind.SET:
        return "a PRAGMA would hold for the migrations behind it, too"
    return None


def _refused(statement: str, nowhere: sqlite3.Connection) -> str:
    """Why SQLite cannot read it, empty where it can: compiled for an empty database, which may lack its tables."""
    import sqlite3

    first = statement[:7].upper()
    if first.startswith("PRAGMA"):  # some act when they are compiled
        return ""
    try:
        nowhere.execute(statement if first == "EXPLAIN" else f"explain {statement}").close()
    except sqlite3.OperationalError as error:
        said = str(error)
        of_syntax = said.endswith("syntax error") or said.startswith(
            ("incomplete input", "unrecognized token")
        )
        return said if of_syntax else ""
    except (sqlite3.Error, sqlite3.Warning):  # it has parameters, or is too long for this SQLite
        return ""
    return ""


@contextlib.contextmanager
def _readable(sql: str) -> Iterator[None]:
    """:raises UnreadableSql: the text cannot be cut into tokens."""
    nul = sql.find("\0")
    if nul >= 0:
        raise UnreadableSql("a NUL character, at which SQLite would stop reading", nul)
    try:
        sql.encode()
        yield
    except UnicodeEncodeError as error:
        raise UnreadableSql("half of a surrogate pair, which UTF-8 cannot hold", error.start) from None
    except OpenQuote as error:
        raise UnreadableSql(f"an unterminated {sql[error.offset]}", error.offset) from None


def _facts(read: Sequence[str]) -> Facts:
    first, *rest = [text.upper() for text in read[:4]]
    if first == "ROLLBACK" and "TO" in rest:
        return TRANSACTIONAL  # as far as a savepoint
    if first in _CONTROL:
        return _CONTROL[first]
    if first in ("ATTACH", "DETACH"):
        return Facts(Kind.TRANSACTIONAL, refused=(_ELSEWHERE[0].format(first), _ELSEWHERE[1]))
    if first == "VACUUM":
        return Facts(Kind.ALONE, first)
    if first == "CREATE" and rest[:1] in (["TEMP"], ["TEMPORARY"]):
        return TEMPORARY
    if first == "PRAGMA":
        name, has_value = pragma(read)
        if name in _OUTSIDE and (has_value or name == "WAL_CHECKPOINT"):
            return Facts(Kind.ALONE, f"PRAGMA {name.lower()}")
        if name in _SETTINGS and has_value:
            return Facts(Kind.SET)
    return TRANSACTIONAL
