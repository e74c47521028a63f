"""What `bin/migrate` shows: results as JSON data and as lines for people."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dbops.cli.output import table
from dbops.engines.records import Action, Direction
from dbops.events import format_seconds, plural
from dbops.migrations import compare
from dbops.migrations.model import Folder, State, Status

if TYPE_CHECKING:
    from dbops.engines.base import Identity
    from dbops.engines.log import LoggedEvent
    from dbops.engines.records import Applied
    from dbops.engines.session import Session
    from dbops.migrations.glance import Glance
    from dbops.migrations.planner import Plan, Step


def identity(database: Identity) -> dict[str, str]:
    """The database that was worked on; of a SQLite database, its file."""
    if database.file is not None:
        return {"engine": "sqlite", "file": database.file, "database": database.database}
    return {
        "user": database.user,
        "host": database.host,
        "port": database.port,
        "database": database.database,
    }


# -- status ------------------------------------------------------------------------------------------------------------


def status_data(
    statuses: Sequence[Status], folder: Folder, session: Session, glance: Glance
) -> dict[str, Any]:
    """`migrations`: version, name, state (in words), applied_as, file, down, applied_at, applied_by, execution_time_ms of each."""
    at = compare.current(statuses)
    return {
        "database": identity(session.identity),
        "folder": str(folder.path),
        "current": at and at.version.text,
        "migrations": [_status_row(status, glance) for status in statuses],
        "passed_over": [{"file": name, "reason": reason} for name, reason in folder.passed_over],
    }


def _status_row(status: Status, glance: Glance) -> dict[str, Any]:
    row = status.row
    return {
        "version": status.version.text,
        "name": status.name,
        "state": status.state.value,
        "applied_as": status.applied_as,
        "file": status.file and os.path.join(status.file.folder, status.file.file_name),
        "down": status.file and glance.has_down(status.file),
        "applied_at": row and row.applied_at and row.applied_at.isoformat(),
        "applied_by": row and row.applied_by,
        "execution_time_ms": row and row.execution_time_ms,
    }


def status_lines(statuses: Sequence[Status], folder: Folder, session: Session, glance: Glance) -> list[str]:
    """A table and a summary; what has no down section is marked."""
    without = {
        status.version.key for status in statuses if status.file and glance.has_down(status.file) is False
    }
    rows = [
        (
            status.version.text,
            status.name,
            _state(status) + (" *" if status.version.key in without else ""),
            when(status.row.applied_at) if status.row else "",
            _took(status.row.execution_time_ms) if status.row else "",
            (status.row.applied_by or "") if status.row else "",
        )
        for status in statuses
    ]
    headings = ("version", "name", "state", "applied", "took", "by")
    lines = list(table(headings, rows, optional=("by", "took", "applied")))
    legend = ["* has no down section"] if without else []
    return [*lines, "", *legend, f"{_counts(statuses)}; database {session.identity}, folder {folder.path}"]


def _state(status: Status) -> str:
    return f"{status.state.value} as {status.applied_as}" if status.applied_as else status.state.value


def _counts(statuses: Sequence[Status]) -> str:
    counted = [(state, sum(1 for status in statuses if status.state is state)) for state in State]
    return ", ".join(f"{count} {state.value}" for state, count in counted if count)


# -- plans -------------------------------------------------------------------------------------------------------------


def plan_data(plan: Plan, database: Identity) -> dict[str, Any]:
    """`steps` in order; `changed` is false: nothing was done."""
    return {**done_data(plan, database), "changed": False}


def done_data(plan: Plan, database: Identity) -> dict[str, Any]:
    """What was carried out."""
    return {
        "verb": plan.verb,
        "database": identity(database),
        "changed": bool(plan.steps),
        "single_transaction": plan.single_transaction,
        "steps": [_step_data(step) for step in plan.steps],
    }


def _step_data(step: Step) -> dict[str, Any]:
    outline = step.outline
    return {
        "work": step.work.value,
        "version": step.version.text,
        "name": step.status.name,
        "source": outline and outline.source,
        "mode": outline and outline.mode.value,
        "reason": outline and outline.reason,
        "statements": outline and outline.statements,
        "checks": outline and outline.checks,
        "code": outline and outline.code,
    }


def plan_lines(
    plan: Plan,
    folder: Folder,
    session: Session,
    verbose: bool,
    below: Callable[[Step], Iterable[str]] = lambda step: (),
) -> list[str]:
    """The steps in order, what each runs and how; with `verbose` the SQL, too; `below` tells more of a step."""
    where = f"database {session.identity}, folder {folder.path}"
    if not plan.steps:
        return [f"nothing to do; {where}"]
    together = ", in one transaction" if plan.single_transaction else ""
    work = "record" if plan.action else "run"
    lines = [f"{plan.verb} would {work} {plural(len(plan.steps), 'step')}{together}; {where}"]
    for step in plan.steps:
        lines.append(f"  {step_line(step)}")
        if verbose and step.outline:
            lines += [f"      {line}" for line in _sql_of(step, session)]
        lines += below(step)
    return lines


def step_line(step: Step) -> str:
    """`up 001 init_schema: 12 statements, one transaction`; of a down also where its section comes from."""
    line = f"{step.work.value} {step.version} {step.status.name}"
    if step.outline is None:
        return f"{line}: applied as {step.status.applied_as}" if step.status.applied_as else line
    reason = f" ({step.outline.reason})" if step.outline.reason else ""
    plural = "" if step.outline.statements == 1 else "s"
    count = step.outline.checks
    checks = f", verified by {'1 query' if count == 1 else f'{count} queries'}" if count else ""
    resumes = ", going on where it stopped" if step.status.journal else ""
    source = f", from {_source(step.outline.source)}" if step.direction is Direction.DOWN else ""
    what = (
        f"Python, {step.outline.code}"
        if step.outline.code
        else f"{step.outline.statements} statement{plural}"
    )
    return f"{line}: {what}, {step.outline.mode.value}{reason}{checks}{source}{resumes}"


def _source(path: str) -> str:
    """The file's name; of a folder per migration the folder's as well, since all files in them have one name."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.basename(folder), name) if name == "down.sql" else name


def _sql_of(step: Step, session: Session) -> Iterable[str]:
    from dbops.migrations.prepare import prepare

    for statement in prepare(step, session).script.statements:
        yield from f"{statement.redacted};".splitlines()


def done_lines(plan: Plan, at: Applied | None, session: Session) -> list[str]:
    """What was recorded without being run, how many were done, and where the database is now."""
    lines = [f"{step.work.value}: {step.version} {step.status.name}" for step in plan.steps if plan.action]
    where = f"is at {at.version} {at.name}" if at else "has no migration applied"
    return [*lines, f"{plan.verb}: {len(plan.steps)} done; {session.identity.database} {where}"]


def nothing_lines(plan: Plan, folder: Folder, statuses: Sequence[Status], session: Session) -> list[str]:
    """Nothing to do, with its reasons."""
    at = compare.current(statuses)
    lines = [
        f"{plan.verb}: nothing to do",
        f"  folder:   {folder.path}, {plural(len(folder.files), 'migration')} read, the newest is {folder.newest.version}",
        f"  database: {session.identity}, at {f'{at.version} {at.name}' if at else 'no version'}; {_counts(statuses)}",
    ]
    return lines + [f"  passed over: {name} ({reason})" for name, reason in folder.passed_over]


# -- history -----------------------------------------------------------------------------------------------------------


def history_data(events: Sequence[LoggedEvent], database: Identity) -> dict[str, Any]:
    """`events`, the oldest first."""
    described = _descriptions(events)
    return {"database": identity(database), "events": [_event_data(event, described) for event in events]}


def _descriptions(events: Sequence[LoggedEvent]) -> dict[str | None, str]:
    """What each version is about, as its file said when it was last applied; a failure or a down says it not itself."""
    found = ((event.entry.version, (event.entry.detail or {}).get("description")) for event in events)
    return {version: text for version, text in found if text}


def _event_data(event: LoggedEvent, described: dict[str | None, str]) -> dict[str, Any]:
    entry = event.entry
    return {
        "at": event.at.isoformat(),
        "action": entry.action.value,
        "version": entry.version,
        "name": entry.name,
        "description": described.get(entry.version),
        "direction": entry.direction and entry.direction.value,
        "who": event.who,
        "role": event.role,
        "duration_ms": entry.duration_ms,
        "statement_number": entry.statement_number,
        "statement": entry.statement,
        "sqlstate": entry.sqlstate,
        "message": entry.message,
        "detail": entry.detail,
    }


def history_lines(events: Sequence[LoggedEvent], session: Session, markdown: bool) -> list[str]:
    """A table, or with `markdown` one for a deployment log."""
    headings = ("date", "version", "name", "description", "by", "took", "status")
    described = _descriptions(events)
    rows = [_event_row(event, described) for event in events]
    if markdown:
        cells = [headings, ("---",) * len(headings), *rows]
        return [
            "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
            for row in cells
        ]
    if not rows:
        return [f"no history; database {session.identity}"]
    return list(table(headings, rows, optional=("by", "took", "description", "name")))


def _event_row(event: LoggedEvent, described: dict[str | None, str]) -> tuple[str, ...]:
    entry = event.entry
    status = entry.action.value
    if entry.action.value == "unlocked" and entry.detail:
        status += f": pid {entry.detail.get('pid')}, {entry.detail.get('application')}"
    if entry.action is Action.ADOPTED and entry.detail:
        status += f": {entry.detail.get('tool')}'s {entry.detail.get('table')}"
        status += ", undone there" if entry.detail.get("undone") else ""
        status += ", which is written, too" if entry.detail.get("mirror") else ""
    if entry.message:
        status += f": {entry.message}" + (f" ({entry.sqlstate})" if entry.sqlstate else "")
    return (
        when(event.at),
        entry.version or "",
        entry.name or "",
        described.get(entry.version, ""),
        event.who,
        _took(entry.duration_ms),
        status,
    )


def when(at: datetime.datetime | None) -> str:
    """In the time zone of who reads it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at.timestamp())) if at else ""


def _took(milliseconds: int | None) -> str:
    return "" if milliseconds is None else format_seconds(milliseconds / 1000)
