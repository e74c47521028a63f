"""The list of backups, as data: one row for each entry, with the words that people read of its proof."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping

from dbops.backups.entries import Backup, Damaged, Entry, Unproven
from dbops.backups.manifest import FromNewer
from dbops.backups.retention import LAST_PROVEN, Policy, last_proven, plan


@dataclasses.dataclass(frozen=True)
class Row:
    """One entry; None where it is not known.

    `state` is `backup`, `no manifest`, `damaged` or `newer` (than this dbops); `proven` tells in words when and how, `kept_by` are keep reasons,
    `reason` is why it is damaged, `verified_at` the last verify.  Of a dump without a manifest `created_at` is the file's time.
    """

    name: str
    state: str
    proven: str
    is_proven: bool = False
    created_at: datetime.datetime | None = None
    age: str = ""
    database: str | None = None
    version: str | None = None
    bytes: int | None = None
    format: str | None = None
    kept_by: tuple[str, ...] = ()
    reason: str | None = None
    verified_at: datetime.datetime | None = None


def rows(entries: Iterable[Entry], policy: Policy, now: datetime.datetime) -> list[Row]:
    """One row for each entry, the oldest first, what is damaged last.

    :param policy: whose keep reasons are shown; without a rule those that always hold.
    """
    entries = list(entries)
    if policy.keeps_nothing:
        reasons: Mapping[str, tuple[str, ...]] = dict.fromkeys(last_proven(entries, now), (LAST_PROVEN,))
    else:
        reasons = {
            one.entry.name: one.reasons for one in plan(entries, policy, now) if _counts(one.entry, one.keep)
        }
    found = [_row(entry, reasons.get(entry.name, ()), now) for entry in entries]
    latest = datetime.datetime.max.replace(tzinfo=datetime.UTC)
    return sorted(found, key=lambda row: (row.created_at or latest, row.name))


def age(since: datetime.datetime, now: datetime.datetime) -> str:
    """`3 min`, `5 h`, `2 d`, `7 w`, `3 y`; `in the future` where the clock of one of the two is wrong."""
    seconds = int((now - since).total_seconds())
    if seconds < -60:
        return "in the future"
    for unit, length, until in (
        ("s", 1, 60), ("min", 60, 3600), ("h", 3600, 48 * 3600), ("d", 86400, 21 * 86400),
        ("w", 7 * 86400, 104 * 7 * 86400),
    ):  # fmt: skip
        if seconds < until:
            return f"{max(seconds, 0) // length} {unit}"
    return f"{seconds // (365 * 86400)} y"


def proven(backup: Backup, now: datetime.datetime) -> str:
    """When and how: `restored 2 h ago`, `checked 3 d ago`, `at backup`, `counts only`, `no`, `FAILED verify 1 h ago`."""
    if (failed := backup.refuted) is not None:
        return f"FAILED verify {ago(failed.at, now)}"
    if backup.verifications_problem is not None:
        return "verified.json damaged"
    if not backup.proven:
        return "no"
    passed = [one for one in backup.verifications if one.outcome == "passed"]
    strongest = [one for one in passed if one.how == "restored"] or passed
    how = "at backup"
    if strongest:
        word = "restored" if strongest[-1].how == "restored" else "checked"
        how = f"{word} {ago(strongest[-1].at, now)}"
    if backup.summary.proof_level == "counts":
        return f"counts only, {how}" if strongest else "counts only"
    return how


def ago(at: datetime.datetime, now: datetime.datetime) -> str:
    """`3 h ago`."""
    text = age(at, now)
    return text if text == "in the future" else f"{text} ago"


def _counts(entry: Entry, keep: bool) -> bool:
    return keep and isinstance(entry, Backup) and entry.proven


def _row(entry: Entry, kept_by: tuple[str, ...], now: datetime.datetime) -> Row:
    if isinstance(entry, Damaged) and isinstance(entry.error, FromNewer):
        return Row(entry.name, "newer", proven="made by a newer dbops", reason=entry.reason)
    if isinstance(entry, Damaged):
        return Row(entry.name, "damaged", proven="DAMAGED", reason=entry.reason)
    if isinstance(entry, Unproven):
        return Row(
            entry.name,
            "no manifest",
            created_at=entry.modified_at,
            age=age(entry.modified_at, now),
            bytes=entry.bytes,
            format=entry.format,
            proven="no manifest",
        )
    summary = entry.summary
    form = summary.format if summary.compression == "none" else f"{summary.format}, {summary.compression}"
    return Row(
        name=entry.name,
        state="backup",
        created_at=summary.created_at,
        age=age(summary.created_at, now),
        database=summary.database + (" (part)" if summary.options else ""),
        version=summary.version,
        bytes=summary.bytes,
        format=form,
        proven=proven(entry, now),
        is_proven=entry.proven,
        kept_by=kept_by,
        reason=entry.verifications_problem,
        verified_at=entry.verifications[-1].at if entry.verifications else None,
    )
