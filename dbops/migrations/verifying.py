"""Whether what is applied is still as the verify sections of the migrations want it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from dbops.engines.base import StatementFailed
from dbops.engines.session import Session
from dbops.errors import Refused
from dbops.migrations import checks, report, texts
from dbops.migrations.model import MigrationFile, Status
from dbops.migrations.planner import find
from dbops.migrations.prepare import verifying
from dbops.migrations.version import Version


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the verify section of a migration has shown: `wrong` is what failed, with its place; None for nothing."""

    status: Status
    queries: int
    wrong: str | None = None


def verdicts(session: Session, statuses: Sequence[Status], wanted: Version | None) -> list[Verdict]:
    """Run the verify sections of all applied migrations that have one, or of one migration.

    Each in a transaction of its own, read-only where it can be, of which nothing stays.

    :raises Refused: where the one is not applied.
    :raises DbopsError: for a file that cannot be read.
    """
    if wanted is not None:
        statuses = [find(statuses, wanted)]
        if not statuses[0].is_applied:
            raise Refused(f"version {wanted} is not applied", hint="bin/migrate up verifies it when it runs")
    found = []
    for status in statuses:
        if status.is_applied and status.file is not None and _mentions_one(status.file):
            verdict = _verdict(session, status, status.file)
            found += [verdict] if verdict.queries else []
    return found


def _mentions_one(file: MigrationFile) -> bool:
    """Quickly: whether it may have a verify section."""
    return file.verify_name is not None or b"verify" in texts.read_bytes(file.path).lower()


def _verdict(session: Session, status: Status, file: MigrationFile) -> Verdict:
    section = texts.read(file).verify
    found = verifying(section)
    if section is None or not found:
        return Verdict(status, 0)
    try:
        checks.run(session, found, inside=False)
    except StatementFailed as failure:
        statement = found[failure.index].statement
        failure = report.without_secrets(failure, statement)
        return Verdict(status, len(found), report.headline(section, statement, failure))
    return Verdict(status, len(found))
