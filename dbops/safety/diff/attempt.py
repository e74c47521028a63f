"""One attempt to make one schema the other, by running statements."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.pinned import pin_transaction
from dbops.engines.postgres.schema import reader
from dbops.engines.schema import Difference, Schema
from dbops.safety.diff import dependents, destructive, enums, library, naming, pieces, privileges, renames

from dbops.safety.diff.likeness import is_order_only, unlike
from dbops.safety.diff.model import Change, Renames

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

# Each puts right what the one before made possible: a comment on a column of a view on a table ...
_ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class Attempt:
    """What ran, what did not with the server's words, and what differs nevertheless."""

    changes: tuple[Change, ...]
    refused: tuple[tuple[str, str], ...]
    left: tuple[Difference, ...]

    @property
    def missed(self) -> int:
        """How many objects are not as they should be."""
        return sum(not is_order_only(one) for one in self.left)


def attempt(here: Connection, there: Connection, renamed: Renames, *, harder: bool) -> Attempt:
    """Run what leads from one to the other, in a transaction that is rolled back.

    :param harder: drop what depends on anything that changes, and make enums anew.
    """
    with here.transaction(force_rollback=True), there.transaction(force_rollback=True):
        pin_transaction(here)
        pin_transaction(there)
        run = _Run(here, there, harder)
        run.statements(renames.statements(renamed))
        run.statements(naming.steps(here, there))
        if run.left():
            run.compared()
        return Attempt(tuple(run.changes), tuple(run.refused), run.left())


class _Run:
    """Statements run here, kept in the order in which they did."""

    def __init__(self, here: Connection, there: Connection, harder: bool) -> None:
        self._here, self._there, self._harder = here, there, harder
        self._target: Schema = reader.read(there, ())
        self.changes: list[Change] = []
        self.refused: list[tuple[str, str]] = []

    def left(self) -> tuple[Difference, ...]:
        """What is not as it is there."""
        return unlike(reader.read(self._here, ()), self._target)

    def compared(self) -> None:
        """All that leads there, with the renames done."""
        if self._harder:
            changing = [one.object for one in self.left() if one.before is not None]
            self.statements(dependents.drops(self._here, changing))
        self._enums()
        self._pieces(pieces.UNKNOWN)
        self.statements(library.statements(self._here, self._there))
        for _ in range(_ROUNDS):
            self.statements(naming.steps(self._here, self._there))
            if not self.left() or not self._pieces(pieces.EVERY):
                break

    def _enums(self) -> None:
        before, after = enums.read(self._here), enums.read(self._there)
        for name in enums.changed(before, after):
            added = None if self._harder else enums.added(name, before[name], after[name])
            self.statements(enums.anew(self._here, name, after[name]) if added is None else added)

    def _pieces(self, queries: pieces.Queries) -> bool:
        steps = [
            *pieces.steps(pieces.read(self._here, queries), pieces.read(self._there, queries)),
            *privileges.steps(privileges.read(self._here), privileges.read(self._there)),
        ]
        return self.statements(steps)

    def statements(self, statements: Iterable[str]) -> bool:
        """Run them; those that fail are tried again after the others, so that what they need is there.

        :returns: whether any ran.
        """
        pending, ran = list(statements), False
        while pending:
            failed = [(one, error) for one in pending if (error := self._one(one)) is not None]
            if len(failed) == len(pending):
                self.refused += failed
                break
            pending, ran = [one for one, _ in failed], True
        return ran

    def _one(self, statement: str) -> str | None:
        """The server's words where it fails; then all is as it was before."""
        import psycopg

        try:
            with self._here.transaction():
                destroys = destructive.destroyed(self._here, statement)
                self._here.execute(statement.encode())
        except psycopg.DatabaseError as error:
            if self._here.broken:
                raise
            return error.diag.message_primary or str(error)
        self.changes.append(Change(statement, destroys))
        return None
