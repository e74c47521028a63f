"""Which backups to keep, and why: a pure decision over the entries of a store.

Times are those of the manifests, buckets are in UTC.  Entries are judged within their group: one database of one
cluster, with the same selection of it, so that a backup of two tables never stands for one of everything.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Iterable, Sequence

from dbops.backups.entries import Backup, Damaged, Entry, Unproven
from dbops.backups.manifest import FromNewer
from dbops.errors import UsageError
from dbops.events import plural

_WITHIN = re.compile(r"([1-9][0-9]{0,5})(h|d|w|y)", re.ASCII)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_DAYS_OF_A_YEAR = 365
LAST_PROVEN = "last proven"


@dataclasses.dataclass(frozen=True)
class Policy:
    """How many to keep of each kind; 0 is none.  `within` keeps all that are younger."""

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: datetime.timedelta | None = None

    @property
    def keeps_nothing(self) -> bool:
        """Whether no rule is given."""
        return self == Policy()


@dataclasses.dataclass(frozen=True)
class Group:
    """Backups that can stand for each other."""

    cluster: str
    database: str
    options: tuple[str, ...]

    @classmethod
    def of(cls, backup: Backup) -> Group:
        """A cluster is known by its identifier, wherever it is reached; else by its address."""
        summary = backup.summary
        return cls(summary.system_identifier or summary.server, summary.database, summary.options)


@dataclasses.dataclass(frozen=True)
class Decision:
    """What becomes of one entry.  `reasons` tell why it is kept, or the one why it is not."""

    entry: Entry
    keep: bool
    reasons: tuple[str, ...]


def plan(
    entries: Iterable[Entry], policy: Policy, now: datetime.datetime, *, include_unproven: bool = False
) -> tuple[Decision, ...]:
    """A decision for each entry, the oldest first.

    Only proven backups count towards a keep, and the last proven one of each group stays whatever the policy says.
    What is not proven stays, too; with `include_unproven` a backup that has a manifest goes when its group has a newer
    proven one and `within` does not cover it.  What has no manifest that can be read stays always: nothing tells its age.

    :raises UsageError: the policy has no rule, or a negative number.
    """
    check(policy)
    ordered = sorted(entries, key=_order)
    groups: dict[Group, list[Backup]] = {}
    for entry in ordered:
        if isinstance(entry, Backup):
            groups.setdefault(Group.of(entry), []).append(entry)
    decided: dict[str, Decision] = {}
    for backups in groups.values():
        for decision in _decide(backups, policy, now, include_unproven):
            decided[decision.entry.name] = decision
    return tuple(decided.get(entry.name) or _unknown(entry) for entry in ordered)


def check(policy: Policy) -> Policy:
    """The same policy, when it can be followed.

    :raises UsageError: it has no rule, or a negative number.
    """
    if any(number < 0 for _, number, _ in _rules(policy)):
        raise UsageError("a number of backups to keep is negative", hint="bin/backup prune --help")
    if policy.keeps_nothing:
        raise UsageError(
            "which backups shall be kept?",
            hint="bin/backup prune --keep-daily 7 --keep-weekly 4 shows what that would remove",
        )
    return policy


def last_proven(entries: Iterable[Entry], now: datetime.datetime) -> frozenset[str]:
    """The names of those that prune never removes: of each group the newest that is proven."""
    newest: dict[Group, Backup] = {}
    for entry in sorted(entries, key=_order):
        if isinstance(entry, Backup) and entry.proven and entry.summary.created_at <= now:
            newest[Group.of(entry)] = entry
    return frozenset(backup.name for backup in newest.values())


def within(text: str) -> datetime.timedelta:
    """The time that `12h`, `30d`, `8w` or `2y` (of 365 days) says.

    :raises UsageError: it says none.
    """
    match = _WITHIN.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(
            f"{text!r} is not a length of time to keep backups", hint="write 12h, 30d, 8w or 2y (months: 90d)"
        )
    number, unit = int(match[1]), match[2]
    if unit == "y":
        return datetime.timedelta(days=number * _DAYS_OF_A_YEAR)
    return datetime.timedelta(**{_UNITS[unit]: number})


def _decide(
    backups: Sequence[Backup], policy: Policy, now: datetime.datetime, include_unproven: bool
) -> list[Decision]:
    """Of one group, the oldest first."""
    past = [backup for backup in backups if backup.summary.created_at <= now]
    proven = [backup for backup in past if backup.proven]
    reasons = _keep_reasons(proven, policy, now)
    decisions = []
    for backup in backups:
        if backup not in past:
            kept: tuple[str, ...] = ("its time lies in the future",)
        elif backup.proven:
            kept = tuple(reasons.get(backup.name, ()))
        else:
            kept = _why_unproven_stays(backup, proven, policy, now, include_unproven)
        decisions.append(Decision(backup, bool(kept), kept or (_why_it_goes(backup),)))
    return decisions


def _keep_reasons(proven: Sequence[Backup], policy: Policy, now: datetime.datetime) -> dict[str, list[str]]:
    """The reasons by name; of each bucket the newest is kept."""
    reasons: dict[str, list[str]] = {backup.name: [] for backup in proven}
    for word, number, bucket in _rules(policy):
        seen: set[str] = set()
        for backup in reversed(proven):
            label = bucket(backup)
            if len(seen) < number and label not in seen:
                seen.add(label)
                reasons[backup.name].append(word)
    for backup in proven:
        if _is_within(backup, policy, now):
            reasons[backup.name].append(f"within {_length(policy.within)}")
    if proven:
        reasons[proven[-1].name].append(LAST_PROVEN)
    return reasons


def _why_unproven_stays(
    backup: Backup,
    proven: Sequence[Backup],
    policy: Policy,
    now: datetime.datetime,
    include_unproven: bool,
) -> tuple[str, ...]:
    if not include_unproven:
        return (f"{_why_unproven(backup)}: prune leaves it",)
    if _is_within(backup, policy, now):
        return (f"{_why_unproven(backup)}, and within {_length(policy.within)}",)
    if not proven or proven[-1].summary.created_at <= backup.summary.created_at:
        return (f"{_why_unproven(backup)}, and no newer one is proven",)
    return ()


def _why_unproven(backup: Backup) -> str:
    if backup.refuted is not None:
        return "its verify failed"
    return "its verified.json cannot be read" if backup.verifications_problem else "not proven"


def _why_it_goes(backup: Backup) -> str:
    return "no rule keeps it" if backup.proven else f"{_why_unproven(backup)}, and a newer one is proven"


def _unknown(entry: Entry) -> Decision:
    if isinstance(entry, Damaged) and isinstance(entry.error, FromNewer):
        return Decision(entry, keep=True, reasons=("made by a newer dbops: prune leaves it",))
    if isinstance(entry, Damaged):
        return Decision(entry, keep=True, reasons=(f"damaged: prune leaves it ({entry.reason})",))
    return Decision(entry, keep=True, reasons=("no manifest, so its age is not known: prune leaves it",))


def _rules(policy: Policy) -> tuple[tuple[str, int, Callable[[Backup], str]], ...]:
    """Each rule's word, its number and the bucket that a backup falls in."""
    return (
        ("last", policy.last, lambda backup: backup.name),
        ("hourly", policy.hourly, lambda backup: _format(backup, "%Y-%m-%d %H")),
        ("daily", policy.daily, lambda backup: _format(backup, "%Y-%m-%d")),
        ("weekly", policy.weekly, lambda backup: _format(backup, "%G-%V")),
        ("monthly", policy.monthly, lambda backup: _format(backup, "%Y-%m")),
        ("yearly", policy.yearly, lambda backup: _format(backup, "%Y")),
    )


def _format(backup: Backup, form: str) -> str:
    return backup.summary.created_at.astimezone(datetime.UTC).strftime(form)


def _is_within(backup: Backup, policy: Policy, now: datetime.datetime) -> bool:
    return policy.within is not None and now - backup.summary.created_at <= policy.within


def _length(within: datetime.timedelta | None) -> str:
    """`30 days`, `12 hours`."""
    hours = int((within or datetime.timedelta()).total_seconds()) // 3600
    return plural(hours // 24, "day") if hours % 24 == 0 else plural(hours, "hour")


def _order(entry: Entry) -> tuple[datetime.datetime, str]:
    """By time; of a dump without a manifest by the file's, which decides nothing but the place in a list."""
    if isinstance(entry, Backup):
        return entry.summary.created_at, entry.name
    if isinstance(entry, Unproven):
        return entry.modified_at, entry.name
    return datetime.datetime.max.replace(tzinfo=datetime.UTC), entry.name
