"""Lint: rules over files, the marks in them, and what is left of their findings on a database that is known."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.config.model import Settings
from dbops.engines.dialect import POSTGRESQL, SQLITE
from dbops.engines.postgres.effects.live import LiveCatalog
from dbops.errors import DbopsError
from dbops.migrations.model import Status
from dbops.safety.lint import marks, squawk
from dbops.safety.lint.filtering import is_harmless
from dbops.safety.lint.model import Finding, Found, Rule
from dbops.safety.lint.reading import File, read
from dbops.safety.lint.rules import NAMES, POSTGRESQL_ALONE, by_name
from dbops.safety.lint.surroundings import Nothing, Surroundings
from dbops.safety.lint.tables import FileTables, LiveTables

if TYPE_CHECKING:
    from dbops.engines.session import Session


def lint(
    statuses: Sequence[Status],
    wanted: frozenset[str],
    settings: Settings,
    session: Session | None,
    program: Path | None,
) -> list[Finding]:
    """What is wrong with migrations, by file and place.

    :param statuses: what is looked at together, in order; each has a file.
    :param wanted: the keys of those versions whose findings are asked for.
    :param session: None without a database: then every table that these migrations do not make may be in use.
    :param program: squawk; None without it.
    :raises ProgramFailed: squawk failed.
    """
    files, broken = _read(statuses)
    around = _surroundings(files, settings, session)
    asked = [file for file in files if file.file.version.key in wanted]
    found = [finding for file in asked for finding in _own(file, around)]
    if program is not None:
        found += squawk.findings(program, asked, around, settings.project)
    kept = [one for key, one in broken if key in wanted]
    by_version = _by_version(found)
    for file in asked:
        kept += _left(file, by_version[file.file.version.text], around, program is not None)
    order = {status.version.text: number for number, status in enumerate(statuses)}
    return sorted(
        kept, key=lambda one: (order[one.version], one.down, one.line, one.column, -one.level, one.rule)
    )


def _by_version(found: Iterable[Finding]) -> Mapping[str, list[Finding]]:
    groups: dict[str, list[Finding]] = defaultdict(list)
    for one in found:
        groups[one.version].append(one)
    return groups


def _read(statuses: Sequence[Status]) -> tuple[list[File], list[tuple[str, Finding]]]:
    """The files, and what is wrong with those that cannot be read."""
    files, broken = [], []
    for number, status in enumerate(statuses):
        try:
            files.append(read(number, status))
        except DbopsError as error:
            broken.append((status.version.key, _broken(status, error)))
    return files, broken


def _broken(status: Status, error: DbopsError) -> Finding:
    rule = by_name("cannot-run")
    path = str(status.file.path if status.file else "")
    place, _, message = error.message.removeprefix(path).partition(": ")
    numbers = [int(number) for number in place.split(":") if number.isdigit()] if message else []
    line, column = [*numbers, 1, 1][:2] if numbers else (1, 1)
    said = message if numbers else error.message
    return Finding(
        rule.name,
        rule.level,
        status.version.text,
        path,
        line,
        column,
        said,
        error.hint or rule.instead,
        rule.page,
    )


def _surroundings(files: Sequence[File], settings: Settings, session: Session | None) -> Surroundings:
    make = functools.partial(
        Surroundings,
        files,
        backs_up=settings.backup_before_migrate.value is not None,
        lock_timeout=settings.lock_timeout.value,
        statement_timeout=settings.statement_timeout.value,
    )
    if settings.target.engine == SQLITE:
        from dbops.engines.sqlite.foresight import LiveFile

        foresight = LiveFile(None) if session is None else session.foresight()
        assert isinstance(foresight, LiveFile)  # by its engine
        return make(Nothing(), FileTables(foresight) if session else None, foresight=foresight)
    if session is None:
        return make(Nothing(), None)
    live = session.foresight()
    assert isinstance(live, LiveCatalog)  # by its engine
    connection = live.connection
    return make(live, LiveTables(connection), server_version=connection.info.server_version)


def _own(file: File, around: Surroundings) -> Iterator[Finding]:
    for name in NAMES:
        if file.up.section.dialect != POSTGRESQL and name in POSTGRESQL_ALONE:
            continue
        rule = by_name(name)
        for found in rule.check(file, around) if rule.check else ():
            yield _finding(file, rule, found)


def _finding(file: File, rule: Rule, found: Found) -> Finding:
    part = found.part
    line, column = (
        (part.section.line, part.section.column) if found.at is None else part.place(found.at.offset)
    )
    return Finding(
        rule.name, rule.level if found.level is None else found.level, file.file.version.text, part.section.label,
        line, column, found.message, rule.instead, rule.page,
        statement=found.at.offset if found.at else None, down=part.down, tables=found.tables, matters=found.matters,
    )  # fmt: skip


def _left(file: File, found: Sequence[Finding], around: Surroundings, squawk_ran: bool) -> Iterable[Finding]:
    """Without what marks hide and what is harmless here; a mark for what is harmless here is used all the same."""
    there = list(marks.marks(file))
    for one in found:
        if not any(mark.covers(one) for mark in there) and not is_harmless(one, file, around):
            yield one
    all_read = not any(one.rule in ("syntax-error", "unknown-syntax") for one in found)
    for useless in marks.unused(there, found, squawk_ran=squawk_ran and all_read):
        yield dataclasses.replace(useless, version=file.file.version.text)
