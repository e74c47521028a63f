"""Plans that only write records: no SQL of a migration runs."""

from __future__ import annotations

from collections.abc import Sequence

from dbops.engines.records import Action
from dbops.errors import Refused, UsageError
from dbops.migrations.model import State, Status
from dbops.migrations.planner import Plan, Step, Work, find, limit_of
from dbops.migrations.version import Version


def plan_force(statuses: Sequence[Status], to: Version) -> Plan:
    """Set the applied versions to exactly those up to `to`, running nothing; version 0 is none."""
    limit = limit_of(statuses, to)
    return Plan("force", tuple(_records(statuses, limit) + _unrecords(statuses, limit)), Action.FORCED)


def plan_baseline(statuses: Sequence[Status], to: Version) -> Plan:
    """Record everything up to `to` on a database without history, running nothing.

    :raises Refused: where there is a history.
    """
    applied = [status for status in statuses if status.is_applied]
    if applied:
        raise Refused(
            f"this database has a history already: {len(applied)} applied, the newest {applied[-1].version}",
            hint=f"bin/migrate mark {to} records one version, bin/migrate force {to} all up to it",
        )
    return Plan("baseline", tuple(_records(statuses, find(statuses, to).version)), Action.BASELINED)


def plan_mark(statuses: Sequence[Status], version: Version, *, applied: bool) -> Plan:
    """Record one version as applied, or as not applied, running nothing."""
    status = find(statuses, version)
    if status.is_applied == applied and not status.journal:
        return Plan("mark", ())
    if applied and status.file is None:
        raise UsageError(f"there is no file of version {version} to take a name and a checksum from")
    work = Work.RECORD if applied else Work.UNRECORD
    return Plan("mark", (Step(work, status),), Action.MARKED if applied else Action.UNMARKED)


def plan_repair(statuses: Sequence[Status], version: Version | None) -> Plan:
    """Take over the checksums of files that have drifted: of all, or of one."""
    drifted = [status for status in statuses if status.state is State.DRIFTED]
    if version is not None:
        wanted = find(statuses, version)
        drifted = [status for status in drifted if status is wanted]
    return Plan("repair", tuple(Step(Work.UPDATE, status) for status in drifted), Action.REPAIRED)


def _records(statuses: Sequence[Status], limit: Version) -> list[Step]:
    wanted = [
        status for status in statuses if status.version <= limit and (not status.is_applied or status.journal)
    ]
    return [Step(Work.RECORD, status) for status in wanted if status.file is not None]


def _unrecords(statuses: Sequence[Status], limit: Version) -> list[Step]:
    return [
        Step(Work.UNRECORD, status)
        for status in statuses
        if status.version > limit and (status.is_applied or status.journal) and not status.version.repeatable
    ]
