"""A step's SQL, read and decided on: everything that can be wrong before the server is asked."""

from __future__ import annotations

import dataclasses

from dbops.engines.base import Stage, StatementFailed
from dbops.engines.dialect import by_name
from dbops.engines.records import MODULE, RAW, TOKENS, Applied
from dbops.engines.session import Session
from dbops.engines.statements import Statement, Statements, UnreadableSql
from dbops.errors import DbopsError
from dbops.migrations import report, texts
from dbops.migrations.checks import Check, checks_of
from dbops.migrations.content import Code, FileSettings, Migration, Section
from dbops.migrations.model import MigrationFile, State, Status
from dbops.migrations.planner import Outline, Step, Work
from dbops.migrations.script import Script, ScriptError, code_script, plan_script


@dataclasses.dataclass(frozen=True)
class Prepared:
    """One step, ready to run.  `row` is what will be recorded by an up, None for a down.

    `checks` are run after it, those of the section `verify`.
    """

    step: Step
    section: Section
    settings: FileSettings
    statements: Statements
    script: Script
    row: Applied | None
    verify: Section | None = None
    checks: tuple[Check, ...] = ()

    @property
    def outline(self) -> Outline:
        """What is worth showing of it in a plan."""
        count = sum(1 for _ in self.script.statements)
        code = None if self.code is None else str(self.code)
        script = self.script
        return Outline(script.mode, script.reason, count, self.section.label, code, len(self.checks))

    @property
    def code(self) -> Code | None:
        """What it calls, where it runs no SQL."""
        return self.section.code


def prepare(step: Step, session: Session, alone: frozenset[int] = frozenset()) -> Prepared:
    """Read the section that a step runs and decide how.

    :param session: what knows the down section that was stored when a version was applied.
    :param alone: offsets of statements that the server did not want in a transaction.
    :raises DbopsError: with file, line and column.
    """
    if step.work is Work.RUN_UP:
        assert step.status.file is not None  # only versions with a file are pending
        migration = texts.read(step.status.file)
        section, settings = migration.up, migration.up_settings
    else:
        migration = None
        section, settings = _down(step.status, session)
    statements = split(section)
    verify = migration.verify if migration else None
    return Prepared(
        step,
        section,
        settings,
        statements,
        _script(step, section, settings, statements, alone),
        applied_row(migration, statements) if migration else None,
        verify,
        verifying(verify),
    )


def verifying(section: Section | None) -> tuple[Check, ...]:
    """The queries of a verify section, where there is one.

    :raises DbopsError: with file, line and column, where it cannot be read.
    """
    return checks_of(section, split(section).statements) if section else ()


def located(
    prepared: Prepared, failure: StatementFailed
) -> tuple[Section, Statement | None, StatementFailed]:
    """The section and the statement that a failure is about, and the failure without secrets.

    Of a query that verifies, it reads as the failure of a statement.
    """
    section, statement = prepared.section, None
    if failure.stage is Stage.STATEMENT:
        statement = tuple(prepared.script.statements)[failure.index]
    elif failure.stage is Stage.CHECK:
        section, statement = prepared.verify or section, prepared.checks[failure.index].statement
    return section, statement, report.without_secrets(failure, statement)


def applied_row(migration: Migration, statements: Statements | None = None) -> Applied:
    """What the tracking table will say of a migration."""
    statements = split(migration.up) if statements is None else statements
    checksum, algorithm = _checksum(migration, statements)
    return Applied(
        version=migration.version.text,
        sort_key=migration.version.key,
        name=migration.file.name,
        description=migration.description,
        checksum=checksum,
        raw_checksum=migration.raw_checksum,
        checksum_algorithm=algorithm,
        down_sql=migration.down.sql if migration.down and not migration.code else None,
    )


def recorded_row(file: MigrationFile) -> Applied:
    """What the tracking table will say of a file that is recorded without being run."""
    return dataclasses.replace(applied_row(texts.read(file)), execution_time_ms=0)


def _checksum(migration: Migration, statements: Statements) -> tuple[str, str]:
    """Over the tokens of the up section; over the file's bytes where the parser does not know it all."""
    if migration.code is not None:
        return migration.code.checksum, MODULE
    if statements.parsed:
        return statements.checksum, TOKENS
    return migration.raw_checksum, RAW


def _down(status: Status, session: Session) -> tuple[Section, FileSettings]:
    """The file's down section; the stored one where the file is gone, has drifted, or has none."""
    migration = texts.read(status.file) if status.file else None
    if migration and migration.down and status.state is not State.DRIFTED:
        return migration.down, migration.down_settings
    stored = session.down_sql(status.row.version) if status.row else None
    if stored is not None:
        from dbops.migrations.formats.reading import settings_of

        section = Section(stored, None, dialect=session.dialect)
        return section, settings_of(section)
    if migration and migration.down:
        return migration.down, migration.down_settings
    raise DbopsError(
        f"version {status.version} ({status.name}) has no down section{'' if status.file else ', and its file is gone'}",
        hint=f"{'write one into its file' if status.file else 'bring its file back, with one'}; or, after undoing it by hand: bin/migrate mark {status.version} --not-applied",
    )


def split(section: Section) -> Statements:
    """The statements of a section, those that copy from the file with their data.

    :raises DbopsError: with file, line and column, where nothing after a place can be told apart.
    """
    statements = _divided(section)
    if not section.copies:
        return statements
    found = {}
    for statement in statements.statements:
        line, _ = report.place(section, statement.offset + len(statement.text))
        if line in section.copies:
            found[statement.offset] = section.copies[line]
    return statements.with_data(found)


def _divided(section: Section) -> Statements:
    if section.statements is not None:
        return section.statements
    try:
        return by_name(section.dialect).split(section.sql)
    except UnreadableSql as error:
        line, column = report.place(section, error.offset)
        hint = "mend the file: nothing after this place can be told apart"
        raise DbopsError(f"{section.label}:{line}:{column}: {error.message}", hint=hint) from None


def _script(
    step: Step, section: Section, settings: FileSettings, statements: Statements, alone: frozenset[int]
) -> Script:
    if section.code is not None:
        return code_script(committing=settings.no_transaction)
    try:
        return plan_script(
            statements.statements,
            no_transaction=settings.no_transaction,
            resumed=bool(step.status.journal),
            alone=alone,
        )
    except ScriptError as error:
        line, column = report.place(section, error.offset)
        raise DbopsError(f"{section.label}:{line}:{column}: {error.message}", hint=error.hint) from None
