"""The SQL that an engine reads: one object per engine, loaded when a text of it is to be read."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from dbops.engines.statements import Statements

POSTGRESQL: Final = "postgresql"
SQLITE: Final = "sqlite"

_MODULES = {POSTGRESQL: "dbops.engines.postgres.dialect", SQLITE: "dbops.engines.sqlite.dialect"}


class Dialect(Protocol):
    """What is asked of a text, all offsets in characters.

    Whatever cuts a text raises `UnreadableSql` where it cannot: an unterminated string or comment, a NUL.
    """

    def split(self, sql: str) -> Statements:
        """The statements of a section, and what each means for the transaction around it."""

    def statement_spans(self, sql: str) -> Iterable[tuple[int, int]]:
        """Start and end of each statement; what lies between them is comments, space and semicolons."""

    def tokens(self, sql: str) -> Iterable[tuple[int, int]]:
        """Start and end of each token; comments are none."""

    def comment_end(self, sql: str, at: int) -> int:
        """Where the block comment ends that begins at a place; the text's end where it does not."""

    def tree(self, sql: str) -> tuple[str, Mapping[str, Any]] | None:
        """A statement as PostgreSQL's parser has it: the type of its node, and the node.  None where it has none.

        :raises Refusal: it is not in the grammar of the engine.
        """

    def reaches_beyond(self, sql: str) -> bool:
        """Whether a statement reaches beyond its database: to other databases, files or servers.

        What a function does that is called is not to be seen.
        """

    def redacted(self, sql: str) -> str:
        """A statement with its password literals replaced by '***', for logs."""

    def secrets(self, sql: str) -> tuple[str, ...]:
        """The password literals of a statement, as they may come back in an engine's words."""


@functools.cache
def by_name(name: str) -> Dialect:
    """The dialect of an engine; KeyError if there is none of that name."""
    dialect: Dialect = importlib.import_module(_MODULES[name]).DIALECT
    return dialect
