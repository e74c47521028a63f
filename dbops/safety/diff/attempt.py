"""One attempt to make one schema the other, by running statements."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.libpg_query import parse
from dbops.engines.postgres.pinned import PINNED, pin_transaction
from dbops.engines.postgres.schema import reader
from dbops.engines.schema import Difference
from dbops.safety.diff import (
    dependents,
    destructive,
    enums,
    keeping,
    library,
    naming,
    pieces,
    privileges,
    renames,
)
from dbops.safety.diff.likeness import apart, unlike
from dbops.safety.diff.model import Change, Renames
from dbops.safety.diff.target import Target

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

_PINNED_PATH = PINNED["search_path"]
# Each puts right what the one before made possible: a comment on a column of a view on a table ...
_ROUNDS = 5


# Where the server says that what shall be dropped is not there; its words are in the user's language.
_SKIPPED = {"does_not_exist_skipping", "DropErrorMsgNonExistent"}
_UNCHECKED = "SET LOCAL check_function_bodies = off"


class Effort(enum.IntEnum):
    """How hard is tried; each does what the one before does, too."""

    GENTLE = 0
    """What is the same in both schemas stays."""
    UNCHECKED = 1
    """Bodies of functions may name what is made after them, as in a dump."""
    LIBRARY = 2
    """Also what is the same is dropped and made again, where the library takes it for a hindrance."""
    REBUILD = 3
    """What depends on anything that changes is dropped and made again; enums are made anew."""


@dataclasses.dataclass(frozen=True)
class Attempt:
    """What ran, what did not with the server's words, and what differs nevertheless."""

    changes: tuple[Change, ...]
    refused: tuple[tuple[str, str], ...]
    left: tuple[Difference, ...]

    @property
    def missed(self) -> int:
        """How many objects are not as they should be."""
        return len(apart(self.left)[0])


def attempt(here: Connection, target: Target, renamed: Renames, effort: Effort) -> Attempt:
    """Run what leads from one to the other, in a transaction that is rolled back."""
    with here.transaction(force_rollback=True), target.connection.transaction(force_rollback=True):
        pin_transaction(target.connection)
        run = _Run(here, target, effort)
        here.add_notice_handler(run.notice)
        try:
            if effort is not Effort.GENTLE:
                run.statements([_UNCHECKED])
            left = run.to_target(renamed)
        finally:
            here.remove_notice_handler(run.notice)
        return Attempt(_without_needless(run.changes), tuple(run.refused), left)


def _without_needless(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Where no function is made, none is unchecked."""
    makes = any("CreateFunctionStmt" in node["stmt"] for one in changes for node in parse(one.sql.encode()))
    return tuple(one for one in changes if makes or one.sql != _UNCHECKED)


class _Run:
    """Statements run here, kept in the order in which they did.

    They run with the search path that the session has, as a migration does; what is asked has the path pinned, so
    that all names come qualified.
    """

    def __init__(self, here: Connection, target: Target, effort: Effort) -> None:
        self._here, self._target, self._effort = here, target, effort
        ((self._path,),) = here.execute("select pg_catalog.current_setting('search_path')").fetchall()
        pin_transaction(here)
        self.changes: list[Change] = []
        self.refused: list[tuple[str, str]] = []
        self._skipped = False

    def notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        """Told of what the server remarks on: a statement that has found nothing to drop is none."""
        self._skipped |= diagnostic.source_function in _SKIPPED

    def to_target(self, renamed: Renames) -> tuple[Difference, ...]:
        """All that leads there.

        :returns: what is not as it is there, nevertheless.
        """
        self.statements(renames.statements(renamed))
        self._names()
        if self._effort is Effort.REBUILD:
            changing = [one.object for one in self._left() if one.before is not None]
            self.statements(dependents.drops(self._here, changing))
            self.statements(dependents.generated(self._here, self._target.connection))
        self.statements(dependents.replaced(self._here, self._target.connection))
        self._enums(rebuild=self._effort is Effort.REBUILD)
        self._pieces(pieces.FIRST if self._effort is Effort.REBUILD else pieces.UNKNOWN)
        self._library()
        self._names()
        left = self._left()
        for _ in range(_ROUNDS):
            if not left:
                break
            if any(one.before is None and one.object.startswith("table ") for one in left):
                self._library()  # a table that could not be made for want of a type, say
            ran = self._pieces(pieces.EVERY) | self._privileges() | self._names()
            left = self._left()
            if not ran:
                break
        return left

    def _library(self) -> None:
        refused = len(self.refused)
        statements = library.statements(self._here, self._target.connection)
        if self._effort < Effort.LIBRARY:
            same = self._target.schema.objects.keys() - {one.object for one in self._left()}
            statements = keeping.without(self._here, statements, same)
        self.statements(statements)
        self.statements([one for each, _ in self.refused[refused:] if (one := library.through_text(each))])

    def _left(self) -> tuple[Difference, ...]:
        return unlike(reader.read(self._here, ()), self._target.schema)

    def _enums(self, *, rebuild: bool) -> None:
        before, after = enums.read(self._here), self._target.enums
        for name in enums.changed(before, after):
            added = None if rebuild else enums.added(name, before[name], after[name])
            self.statements(enums.anew(self._here, name, after[name]) if added is None else added)

    def _names(self) -> bool:
        return self.statements(naming.steps(naming.read(self._here), self._target.names))

    def _pieces(self, queries: pieces.Queries) -> bool:
        return self.statements(pieces.steps(pieces.read(self._here, queries), self._target.pieces(queries)))

    def _privileges(self) -> bool:
        return self.statements(privileges.steps(privileges.read(self._here), self._target.privileges))

    def statements(self, statements: Iterable[str]) -> bool:
        """Run them; those that fail are tried again after the others, so that what they need is there.

        :returns: whether any ran.
        """
        pending, ran = list(statements), False
        if pending:
            self._search(self._path)
        while pending:
            failed = [(one, error) for one in pending if (error := self._one(one)) is not None]
            if len(failed) == len(pending):
                self.refused += failed
                break
            pending, ran = [one for one, _ in failed], True
        self._search(_PINNED_PATH)
        return ran

    def _search(self, path: str) -> None:
        self._here.execute("select pg_catalog.set_config('search_path', %s, true)", [path])

    def _one(self, statement: str) -> str | None:
        """The server's words where it fails; then all is as it was before."""
        import psycopg

        self._skipped = False
        try:
            with self._here.transaction():
                destroys = destructive.destroyed(self._here, statement)
                self._here.execute(statement.encode())
        except psycopg.DatabaseError as error:
            if self._here.broken:
                raise
            return error.diag.message_primary or str(error)
        if not self._skipped:
            self.changes.append(Change(statement, destroys))
        return None
