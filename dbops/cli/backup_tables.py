"""What `bin/backup` list and prune show: results as JSON data and as lines for people."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dbops.backups import listing
from dbops.backups.decoding import encode
from dbops.backups.entries import Backup, Damaged, Entry
from dbops.backups.listing import Row
from dbops.backups.retention import Decision
from dbops.cli.output import table
from dbops.events import format_bytes


def list_data(rows: Sequence[Row], folder: Path) -> dict[str, Any]:
    """`backups`: name, state, created_at, database, version, bytes, format, proven (words), is_proven, kept_by."""
    return {"folder": str(folder), "backups": [encode(row) for row in rows]}


def list_lines(rows: Sequence[Row], folder: Path) -> list[str]:
    """A table, what is damaged with its reason, and a summary."""
    if not rows:
        return [f"no backups in {folder}; bin/backup makes one"]
    headings = ("name", "age", "database", "version", "size", "format", "proven", "kept by")
    cells = [
        (
            row.name, row.age, row.database or "", row.version or "",
            "" if row.bytes is None else format_bytes(row.bytes),
            row.format or "", row.proven, ", ".join(row.kept_by),
        )
        for row in rows
    ]  # fmt: skip
    lines = list(table(headings, cells, optional=("format", "version", "kept by", "database")))
    troubles = [f"{row.name}: {row.reason}" for row in rows if row.reason]
    proven = sum(row.is_proven for row in rows)
    size = format_bytes(sum(row.bytes or 0 for row in rows))
    summary = (
        f"{'1 entry' if len(rows) == 1 else f'{len(rows)} entries'}, {proven} proven, {size}; folder {folder}"
    )
    return [*lines, "", *troubles, summary]


def prune_data(
    decisions: Sequence[Decision], removed: Sequence[str], in_use: Sequence[str], folder: Path
) -> dict[str, Any]:
    """`decisions`: name, keep, reasons, whether it was removed; `changed` tells whether anything was."""
    return {
        "folder": str(folder),
        "changed": bool(removed),
        "decisions": [
            {
                "name": one.entry.name,
                "database": one.entry.summary.database if isinstance(one.entry, Backup) else None,
                "created_at": _created(one.entry),
                "keep": one.keep,
                "reasons": list(one.reasons),
                "removed": one.entry.name in removed,
                "in_use": one.entry.name in in_use,
            }
            for one in decisions
        ],
    }


def prune_lines(
    decisions: Sequence[Decision],
    removed: Sequence[str],
    folder: Path,
    now: datetime.datetime,
    *,
    carried_out: bool,
) -> list[str]:
    """A table of decisions, and what has been or would be freed."""
    if not decisions:
        return [f"no backups in {folder}"]
    cells = [
        (
            one.entry.name,
            _age(one.entry, now),
            one.entry.summary.database if isinstance(one.entry, Backup) else "",
            "keep" if one.keep else _gone(one.entry.name in removed, carried_out),
            ", ".join(one.reasons),
        )
        for one in decisions
    ]
    lines = list(table(("name", "age", "database", "", "why"), cells, optional=("database", "age")))
    going = [one for one in decisions if (one.entry.name in removed if carried_out else not one.keep)]
    freed = format_bytes(sum(_bytes(one.entry) for one in going))
    lines += ["", "each database is judged for itself, by the times in the manifests, in UTC"]
    if carried_out:
        return [*lines, f"removed {len(going)} of {len(decisions)}, {freed} freed; folder {folder}"]
    would = f"would remove {len(going)} of {len(decisions)} and free {freed}; nothing was changed"
    return [*lines, f"{would}, --yes does it" if going else would]


def _gone(removed: bool, carried_out: bool) -> str:
    if not carried_out:
        return "remove"
    return "removed" if removed else "in use"


def _bytes(entry: Entry) -> int:
    return entry.summary.bytes if isinstance(entry, Backup) else 0


def _age(entry: Entry, now: datetime.datetime) -> str:
    if isinstance(entry, Damaged):
        return ""
    return listing.age(entry.summary.created_at if isinstance(entry, Backup) else entry.modified_at, now)


def _created(entry: Entry) -> str | None:
    return entry.summary.created_at.isoformat() if isinstance(entry, Backup) else None
