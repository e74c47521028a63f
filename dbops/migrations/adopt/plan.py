"""Another tool's history held against the files and against what dbops has recorded: pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.errors import Refused, UsageError
from dbops.migrations.adopt.model import Adopted, AdoptPlan, Entry, History
from dbops.migrations.planner import is_zero
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.engines.records import Applied
    from dbops.migrations.adopt.tools.base import Tool
    from dbops.migrations.model import MigrationFile


@dataclasses.dataclass(frozen=True)
class Verdicts:
    """What the operator says of rows in doubt."""

    applied: tuple[Version, ...] = ()
    reverted: tuple[Version, ...] = ()

    @property
    def all(self) -> tuple[Version, ...]:
        """Those decided either way."""
        return self.applied + self.reverted


def settle(
    history: History, files: Sequence[MigrationFile], verdicts: Verdicts
) -> tuple[History, tuple[tuple[Entry, bool], ...]]:
    """The history without doubts, and which were decided how.

    :raises Refused: where a row is in doubt and nobody has decided.
    :raises UsageError: where a version is decided that is not in doubt.
    """
    doubtful = [entry for entry in history.entries if entry.doubt]
    if history.upto is not None and len(history.entries) == len(doubtful) == 1:
        return _settle_position(history, doubtful[0], files, verdicts)
    _refuse_useless(verdicts, [entry.version for entry in doubtful])
    for entry in doubtful:
        if entry.version not in verdicts.all:
            raise in_doubt(history, entry, (entry.version,))
    kept = (
        dataclasses.replace(entry, doubt=None)
        for entry in history.entries
        if not entry.doubt or entry.version in verdicts.applied
    )
    decided = tuple((entry, entry.version in verdicts.applied) for entry in doubtful)
    return dataclasses.replace(history, entries=tuple(kept)), decided


def _settle_position(
    history: History, entry: Entry, files: Sequence[MigrationFile], verdicts: Verdicts
) -> tuple[History, tuple[tuple[Entry, bool], ...]]:
    """Where the tool says only where it was going: up to that version, or down to it from the next."""
    versions = [file.version for file in files if not file.version.repeatable]
    itself = [] if is_zero(entry.version) else [entry.version]  # also where there is no file of it any more
    here = next((version for version in (*versions, *itself) if version == entry.version), None)
    later = next((version for version in versions if version > entry.version), None)
    possible = tuple(version for version in (here, later) if version is not None)
    _refuse_useless(verdicts, possible)
    if len(verdicts.all) != 1:
        raise in_doubt(history, entry, possible or (entry.version,))
    decided = verdicts.all[0]
    at: Version | None = decided
    if verdicts.reverted:
        at = max((version for version in versions if version < decided), default=None)
    entries = () if at is None else (Entry(at.text, at),)
    settled = dataclasses.replace(history, entries=entries, upto=at)
    return settled, ((dataclasses.replace(entry, version=decided), bool(verdicts.applied)),)


def in_doubt(history: History, entry: Entry, possible: Sequence[Version]) -> Refused:
    """What to say of a row that the tool itself is not sure of."""
    answers = "; or ".join(
        f"--dirty-applied {version} if {version} is applied, --dirty-reverted {version} if nothing is left of it"
        for version in possible
    )
    return Refused(
        f"the row {entry.id} of {history.table} ({history.tool}) is in doubt: {entry.doubt}",
        hint=f"look at the database, then bin/migrate adopt {answers}",
    )


def _refuse_useless(verdicts: Verdicts, doubtful: Collection[Version]) -> None:
    for version in verdicts.all:
        if version not in doubtful:
            raise UsageError(
                f"version {version} is not in doubt", hint="leave --dirty-applied and --dirty-reverted out"
            )
        if version in verdicts.applied and version in verdicts.reverted:
            raise UsageError(f"version {version} cannot be both applied and reverted")


def make_plan(
    history: History,
    files: Sequence[MigrationFile],
    rows: Iterable[Applied],
    tool: Tool,
    *,
    was_mirrored: bool,
    mirror: bool,
) -> AdoptPlan:
    """What to record, and what is left over on either side.

    What only dbops has as applied was undone over there, where both tables have said the same until now; it is to
    be written over there, where that begins now; otherwise it is left as it is.

    :param history: without doubts.
    :raises Refused: where a file was renamed.
    """
    known = {row.sort_key: Version(row.version, row.sort_key) for row in rows}
    newest = max((version for version in known.values() if not version.repeatable), default=None)
    applied = {
        key: one
        for key, one in _matched(history, files, tool).items()
        # That all up to a place is applied does not count for a file that came later than the first adopt.
        if one.entry or key in known or newest is None or one.version > newest
    }
    apart = {file.version for file in files if not tool.holds(file)}
    only_ours = tuple(
        version
        for key, version in known.items()
        if key not in applied and not version.repeatable and version not in apart
    )
    forget = only_ours if was_mirrored else ()
    kept = applied.keys() | known.keys() - {version.key for version in forget}
    order = tuple(one.version for one in applied.values() if one.entry and one.entry.applied_at)
    return AdoptPlan(
        tool.name,
        history.table,
        mirror,
        record=tuple(applied[key] for key in sorted(applied) if key not in known),
        known=tuple(known[key] for key in sorted(known) if key in applied),
        forget=forget,
        give=only_ours if mirror and not was_mirrored else (),
        undone=() if mirror or was_mirrored else only_ours,
        pending=tuple(file for file in files if file.version.key not in kept),
        other_order=() if list(order) == sorted(order) else order,
    )


def _matched(history: History, files: Sequence[MigrationFile], tool: Tool) -> dict[str, Adopted]:
    """What is applied, by the key of its version, in the order of the other tool."""
    by_id = {tool.id(file): file for file in files}
    by_version = {file.version.key: file for file in files}
    found: dict[str, Adopted] = {}
    for entry in history.entries:
        file = by_id.get(entry.id) if tool.keyed_by_name else by_version.get(entry.version.key)
        if file is None and (other := by_version.get(entry.version.key)) is not None:
            raise Refused(
                f"{history.table} has {entry.id}, and the file of version {entry.version} is now {other.path}",
                hint=f"{tool.name} knows a migration by its name: give the file its name back",
            )
        version = file.version if file else entry.version
        name = file.name if file else entry.name or entry.version.text
        found[version.key] = Adopted(version, name, file, entry)
    if history.upto is not None:
        for file in files:
            if file.version <= history.upto and not file.version.repeatable:
                found.setdefault(file.version.key, Adopted(file.version, file.name, file, None))
    return found


def compare_checksums(
    plan: AdoptPlan, checksums: Mapping[str, str], tool: Tool, *, accept: bool
) -> tuple[AdoptPlan, list[str]]:
    """The plan less the repeatables that have changed, and what to say of files that were changed and are accepted.

    :param checksums: of the files as they are, by id, as the tool computes them.
    :param accept: take files as they are.
    :raises Refused: where a file is not what was applied.
    """
    kept, said = [], []
    for one in plan.record:
        stored = one.entry.checksum if one.entry else None
        computed = checksums.get(tool.id(one.file)) if one.file else None
        if stored is not None and computed is not None and stored != computed:
            if one.version.repeatable:
                continue  # it will run again, as it would have over there
            text = (
                f"{one.file and one.file.path} is not what {tool.name} has applied: its checksum is {computed}, "
                f"{plan.table} has {stored}"
            )
            if not accept:
                raise Refused(
                    text,
                    hint="put the file back as it was applied; or, if the database is what the file says now: "
                    "bin/migrate adopt --accept-changed",
                )
            said.append(text)
        kept.append(one)
    pending = tuple(one.file for one in plan.record if one not in kept and one.file)
    return dataclasses.replace(plan, record=tuple(kept), pending=plan.pending + pending), said
