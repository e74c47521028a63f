"""From the statements of a section to the units that are committed one by one; pure decisions."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Iterable, Iterator, Sequence

from dbops.engines.statements import Kind, Statement


class Mode(enum.Enum):
    """How a section runs."""

    TRANSACTION = "one transaction"
    STEPWISE = "statement by statement"
    COMMITTING = "each call committed by itself"
    """Of code; what has been done is known of its batches alone."""


@dataclasses.dataclass(frozen=True)
class Unit:
    """What is committed together.  `begin` is the file's own BEGIN, if it brings one; `alone` needs no transaction."""

    statements: tuple[Statement, ...]
    begin: str | None = None
    alone: bool = False

    @property
    def checksum(self) -> str:
        """Over the checksums of its statements, for the journal."""
        return hashlib.sha256(
            "\n".join(statement.checksum for statement in self.statements).encode()
        ).hexdigest()

    @property
    def texts(self) -> list[str]:
        """What is sent to the server."""
        return [statement.text for statement in self.statements]

    @property
    def copies(self) -> dict[int, str]:
        """What is sent behind those that copy from the file, by their place."""
        found = enumerate(self.statements)
        return {index: statement.data for index, statement in found if statement.data is not None}


@dataclasses.dataclass(frozen=True)
class Script:
    """How a section runs, why, and its units in order."""

    mode: Mode
    units: tuple[Unit, ...]
    reason: str = ""

    @property
    def statements(self) -> Iterator[Statement]:
        """All statements that are sent, in order."""
        return (statement for unit in self.units for statement in unit.statements)


class ScriptError(Exception):
    """The file's own transaction control cannot be carried out; `offset` is the statement's place in the section."""

    def __init__(self, message: str, offset: int, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


ROLLBACKS = frozenset({Kind.ROLLBACK, Kind.ROLLBACK_AND_CHAIN})
CONTROL = frozenset({Kind.BEGIN, Kind.COMMIT, Kind.COMMIT_AND_CHAIN}) | ROLLBACKS


def plan_script(
    statements: Sequence[Statement],
    *,
    no_transaction: bool = False,
    resumed: bool = False,
    alone: frozenset[int] = frozenset(),
) -> Script:
    """Decide how a section runs.

    :param no_transaction: the file asks for it.
    :param resumed: it stopped between its statements before; then it goes on between them, whatever it says now.
    :param alone: offsets of statements that the server did not want in a transaction.
    :raises ScriptError: for a ROLLBACK, a BEGIN without COMMIT, or a statement in the file's own transaction
        that cannot be in one.
    """
    _check_control(statements, alone)
    if not resumed and (wrapped := _own_transaction(statements)):
        return Script(Mode.TRANSACTION, (wrapped,), "in the file's own BEGIN and COMMIT")
    reason = "it stopped in the middle" if resumed else _why_stepwise(statements, no_transaction, alone)
    if reason is None:
        return Script(Mode.TRANSACTION, (Unit(tuple(statements)),))
    return Script(Mode.STEPWISE, tuple(_units(statements, alone)), reason)


def code_script(*, committing: bool) -> Script:
    """How code runs: as the module says."""
    if committing:
        return Script(Mode.COMMITTING, (), "the module says transactional = False")
    return Script(Mode.TRANSACTION, ())


def is_alone(statement: Statement, alone: frozenset[int]) -> bool:
    """Whether it must be outside a transaction, by its grammar or as the server has told."""
    return statement.kind is Kind.ALONE or statement.offset in alone


def _why_stepwise(statements: Sequence[Statement], no_transaction: bool, alone: frozenset[int]) -> str | None:
    if no_transaction:
        return "the file says no-transaction"
    for statement in statements:
        if is_alone(statement, alone):
            return f"{statement.reason or 'a statement'} cannot run in a transaction"
    if any(statement.kind in CONTROL for statement in statements):
        return "the file has several transactions of its own"
    return None


def _own_transaction(statements: Sequence[Statement]) -> Unit | None:
    """The whole file as one unit, where it is one BEGIN ... COMMIT with nothing but SETs before and behind it."""
    control = [index for index, statement in enumerate(statements) if statement.kind in CONTROL]
    if (
        len(control) != 2
        or statements[control[0]].kind is not Kind.BEGIN
        or statements[control[1]].kind is not Kind.COMMIT
    ):
        return None
    begin, commit = control
    around = (*statements[:begin], *statements[commit + 1 :])
    if any(statement.kind is not Kind.SET for statement in around):
        return None
    # What a SET behind the COMMIT does ends with the migration, as it would inside.
    within = (*statements[:begin], *statements[begin + 1 : commit], *statements[commit + 1 :])
    return Unit(within, statements[begin].text)


def _units(statements: Iterable[Statement], alone: frozenset[int]) -> Iterator[Unit]:
    begin: str | None = None
    group: list[Statement] = []
    for statement in statements:
        if statement.kind in {Kind.COMMIT, Kind.COMMIT_AND_CHAIN}:
            if group:
                yield Unit(tuple(group), begin)
            group = []
            begin = begin if statement.kind is Kind.COMMIT_AND_CHAIN else None
        elif statement.kind is Kind.BEGIN:
            begin = statement.text
        elif begin is not None:
            group.append(statement)
        else:
            yield Unit((statement,), alone=is_alone(statement, alone))


def _check_control(statements: Sequence[Statement], alone: frozenset[int]) -> None:
    opened: Statement | None = None
    for statement in statements:
        if statement.facts.refused is not None:
            message, hint = statement.facts.refused
            raise ScriptError(message, statement.offset, hint)
        if statement.kind is Kind.COMMIT and statement.reason:
            raise ScriptError(
                f"{statement.reason} would leave a transaction open behind the migration",
                statement.offset,
                "write COMMIT in its place",
            )
        if statement.kind is Kind.COPY_FROM_CLIENT and statement.data is None:
            raise ScriptError(
                "COPY FROM STDIN without its data",
                statement.offset,
                "the data follow on the next line, up to a line with \\. alone; or write INSERT statements",
            )
        if statement.kind in ROLLBACKS:
            raise ScriptError(
                "a ROLLBACK in a migration would undo what is then recorded as applied",
                statement.offset,
                "take it out, or write the migration so that it commits",
            )
        if statement.kind is Kind.BEGIN:
            opened = opened or statement
        elif statement.kind is Kind.COMMIT:
            opened = None
        elif opened is not None and is_alone(statement, alone):
            raise ScriptError(
                f"{statement.reason or 'this statement'} cannot run between BEGIN and COMMIT",
                statement.offset,
                "take it out of the file's BEGIN and COMMIT; dbops runs it outside a transaction by itself",
            )
    if opened is not None:
        raise ScriptError(
            "this BEGIN has no COMMIT", opened.offset, "end the transaction in the file, or leave BEGIN out"
        )
