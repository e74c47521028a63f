"""What `bin/migrate plan --trace` tells: each statement with what was seen, its risk, and where plan was wrong."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops.cli.migrate_forecast import short
from dbops.engines.postgres.effects.model import LockMode
from dbops.events import format_seconds, plural
from dbops.safety.ground import Place
from dbops.safety.rounds.model import Round
from dbops.safety.trace import compare, keeping
from dbops.safety.trace.model import HeldLock, Source, Trace, TracedMigration, TracedStatement

if TYPE_CHECKING:
    from dbops.safety.analysis import Analysed
    from dbops.safety.risk import Forecast


@dataclasses.dataclass(frozen=True)
class Report:
    """A trace, where it is kept (None where it could not be), and what plan says of the same migrations."""

    trace: Trace
    path: Path | None
    found: Sequence[Analysed]

    @functools.cached_property
    def differing(self) -> Mapping[str, Mapping[int, tuple[str, ...]]]:
        """What was otherwise than plan says, by version and statement."""
        found, earlier = {}, list[HeldLock]()
        for one in self.trace.migrations:
            found[one.version] = compare.differences(self.said(one).values(), one, earlier)
            if self.trace.single_transaction:
                earlier += (lock for statement in one.statements for lock in statement.locks)
        return found

    def said(self, one: TracedMigration) -> Mapping[int, Forecast]:
        """Of a migration, by the numbers of its statements."""
        found = (step.statements for step in self.found if step.step.version.text == one.version)
        return {each.number: each for statements in found for each in statements}


def data(report: Report) -> dict[str, Any]:
    """For --json: the trace as it is kept, and what differs from the plan."""
    return {
        "trace": keeping.data(report.trace),
        "file": report.path and str(report.path),
        "otherwise": [
            {"version": version, "statement": number, "differences": list(sentences)}
            for version, by_number in report.differing.items()
            for number, sentences in by_number.items()
        ],
    }


def lines(report: Report) -> Iterator[str]:
    """Each migration with its statements, then its round, then the whole."""
    trace = report.trace
    verdicts = {one.file.version.text: one for one in trace.rounds.rounds} if trace.rounds else {}
    for one in trace.migrations:
        yield f"{one.version} {one.name}: {one.mode}, {format_seconds(one.seconds)}"
        yield from _migration(one, report)
        if one.version in verdicts:
            yield f"  up, down and up again: {outcome(verdicts[one.version])}"
        yield ""
    count = sum(len(by_number) for by_number in report.differing.values())
    differ = f"plan and trace differ about {plural(count, 'statement')}"
    yield differ if count else "plan and trace agree about every statement that ran"
    where = {Place.BESIDE: "", Place.PRIVATE: " (the private server)", Place.NAMED: " (--scratch-url)"}
    manner = ", all in one transaction" * trace.single_transaction
    good = "passed" if trace.passed else "not passed"
    on = f"PostgreSQL {trace.server}{where[trace.scratch]}"
    yield f"{good}; traced on {on}, a copy of {_what(trace)}{manner}"
    if report.path is not None:
        yield f"kept as {report.path}, and as a page beside it (.html)"


def outcome(one: Round) -> str:
    """How a round ended, and why."""
    why = f": {one.failure.message}" if one.failure else ""
    when = " (only with rows in the tables)" if one.failure and one.failure.only_with_rows else ""
    return f"{one.verdict.value}{', loses data' if one.lost else ''}{why}{when}"


def _what(trace: Trace) -> str:
    return {
        Source.SCHEMA: f"the schema of {trace.origin}",
        Source.BACKUP: f"the backup {trace.origin}",
        Source.TEMPLATE: f"{trace.origin} with its rows",
    }[trace.source]


def _migration(one: TracedMigration, report: Report) -> Iterator[str]:
    said, differing = report.said(one), report.differing[one.version]
    if not one.statements and one.failure is None:
        yield "  it ran no statement"
    for statement in one.statements:
        yield from _statement(statement, said.get(statement.number), differing.get(statement.number, ()))
    if one.invalid:
        yield f"  left invalid: {', '.join(one.invalid)}"
    if one.failure is not None:
        yield f"  failed: {one.failure.message}"


def _statement(one: TracedStatement, said: Forecast | None, differing: Sequence[str]) -> Iterator[str]:
    risk = said.risk.label if said else ""
    outside = "" if one.in_transaction else " (outside a transaction: locks are sampled)"
    times = f" ({one.times:,} times)" if one.times > 1 else ""
    yield f"{one.number:>5} {risk:<11} {format_seconds(one.seconds):>8}  {short(one.text)}{times}{outside}"
    strongest: dict[str, LockMode] = {}
    for lock in one.locks:
        if not lock.new and "index" not in lock.kind:
            strongest[lock.relation] = max(lock.mode, strongest.get(lock.relation, lock.mode))
    facts = [f"{mode.words} on {relation}" for relation, mode in strongest.items()]
    facts += [f"{name} written anew" for name in one.rewritten]
    facts += [f"index {name} built" for name in one.built]
    yield from (f"{'':28}{fact}" for fact in facts)
    yield from (f"{'':28}differs: {sentence}" for sentence in differing)
