"""Another number for a migration, for two branches that took the same one: what is renamed to what."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dbops.engines.records import Applied, Direction
from dbops.errors import Refused, UsageError
from dbops.migrations import numbering
from dbops.migrations.discovery import Look
from dbops.migrations.formats import Claim, Format
from dbops.migrations.model import MigrationFile
from dbops.migrations.pairing import verified_by
from dbops.migrations.version import Version

_REFERRED_TO = {
    "yoyo": "other files depend on it by name",
    "graphile-migrate": "the next one holds its hash",
}


@dataclasses.dataclass(frozen=True)
class Numbered:
    """A migration by its files' names: `file_name` has the up section, `others` belong to it."""

    known: Format
    claim: Claim
    folder: Path
    file_name: str
    others: tuple[str, ...] = ()

    @property
    def version(self) -> Version:
        """What its name says."""
        return Version.named(self.claim.version)

    @property
    def file(self) -> MigrationFile:
        """It as discovery would show it, were its version its own; without a down file."""
        return MigrationFile(self.version, self.claim.name, self.known.name, str(self.folder), self.file_name)


@dataclasses.dataclass(frozen=True)
class Renumbering:
    """A migration and its new version; `moves` are files, or its folder, relative to `migration.folder`."""

    migration: Numbered
    to: str
    moves: tuple[tuple[str, str], ...]


InOrder = Callable[[Sequence[Numbered]], Sequence[Numbered] | None]
"""Tells which of several migrations came first; None where that is not known."""


def numbered(look: Look) -> list[Numbered]:
    """All migrations of a folder, those with one version, too.

    :raises Refused: where a down file could undo either of two.
    """
    ups = [
        Numbered(known, claim, look.path, name)
        for known, claim, name in look.claims
        if claim.direction is not Direction.DOWN and not Version.named(claim.version).repeatable
    ]
    others: dict[str, list[str]] = {up.file_name: [] for up in ups}
    for known, claim, name in look.claims:
        if claim.direction is Direction.DOWN:
            others[_undone_by(ups, known, claim, look.path / name)].append(name)
    for name in look.verifying:
        for owner in verified_by(name):
            if owner in others:
                others[owner].append(name)
    for up, beside in others.items():
        beside += [f"{one}.conf" for one in (up, *beside) if (look.path / f"{one}.conf").exists()]
    return [dataclasses.replace(up, others=tuple(others[up.file_name])) for up in ups]


def plan(look: Look, wanted: str | None, to: str | None, in_order: InOrder) -> list[Renumbering]:
    """What to rename: of every version that several have, all but the first; or what is asked for.

    :param wanted: a version, or a file's name.
    :param to: the new version; None is the next free number.
    :raises UsageError: where it is not known which came first, or the new version is taken.
    """
    there = numbered(look)
    chosen = _several(there, in_order) if wanted is None else _asked_for(there, wanted, in_order)
    if to is not None and len(chosen) > 1:
        raise UsageError(
            f"--to is for one migration, and {len(chosen)} are to be renumbered", hint="name one"
        )
    made: list[Renumbering] = []
    for migration in chosen:
        if migration.known.name in _REFERRED_TO:
            raise Refused(
                f"{migration.file.path} keeps its name, since of {migration.known.name} "
                f"{_REFERRED_TO[migration.known.name]}",
                hint="make it again with the tool that made it",
            )
        version = to or numbering.following(migration.known, _newest(there, made))
        _refuse_taken(there, version)
        made.append(Renumbering(migration, version, tuple(_moves(migration, version))))
    return made


def in_order(rows: Callable[[], Iterable[Applied]], same: Sequence[Numbered]) -> Sequence[Numbered] | None:
    """Which came first, by git; else by the database, which has applied only one of two.

    :param rows: asks the database; called only where git cannot tell.
    """
    from dbops.migrations.authorship import by_age
    from dbops.migrations.drift import has_drifted

    ordered = by_age(same[0].folder, [one.file_name for one in same])
    if ordered is not None:
        return sorted(same, key=lambda one: ordered.index(one.file_name))
    row = next((row for row in rows() if row.sort_key == same[0].version.key), None)
    applied = [] if row is None else [one for one in same if not has_drifted(one.file, row)]
    if len(same) != 2 or len(applied) != 1:
        return None
    return [*applied, *(one for one in same if one not in applied)]


def spelled(name: str, old: str, new: str) -> str | None:
    """A file's name with another version, spelled as the old one is (`V1_2`, `2024-01-31-120000`); None if it fails."""
    base = name.rpartition("/")[2]
    at = len(name) - len(base)
    for start in (at, at + 1):
        for end in range(start + 1, len(name) + 1):
            written = name[start:end]
            if written == old:
                return f"{name[:start]}{new}{name[end:]}"
            if written.replace("_", ".") == old:
                return f"{name[:start]}{new.replace('.', '_')}{name[end:]}"
            if written.replace("-", "") == old:
                return f"{name[:start]}{_hyphenated(written, new)}{name[end:]}"
    found = re.search(rf"(?<![\d.]){re.escape(old)}(?![\d.])", name)
    return f"{name[: found.start()]}{new}{name[found.end() :]}" if found else None


def _several(there: Sequence[Numbered], in_order: InOrder) -> list[Numbered]:
    """Of every version that several have, all but the first."""
    found: list[Numbered] = []
    for key in sorted({migration.version.key for migration in there}):
        same = [migration for migration in there if migration.version.key == key]
        if len(same) > 1:
            found += _later(same, in_order)
    return found


def _asked_for(there: Sequence[Numbered], wanted: str, in_order: InOrder) -> list[Numbered]:
    named = [one for one in there if wanted in {one.file_name, str(one.folder / one.file_name), *one.others}]
    named = named or [one for one in there if one.file_name.rpartition("/")[0] == Path(wanted).name]
    if named:
        return named
    same = [one for one in there if one.version == Version.named(wanted)]
    if not same:
        raise UsageError(
            f"there is no migration and no file {wanted}", hint="bin/migrate status lists the versions"
        )
    return list(same) if len(same) == 1 else _later(same, in_order)


def _later(same: Sequence[Numbered], in_order: InOrder) -> list[Numbered]:
    ordered = in_order(same)
    if ordered is None:
        paths = [str(one.file.path) for one in same]
        raise UsageError(
            f"which came first, neither git nor the database can tell: {' or '.join(paths)}",
            hint=f"name the one to rename: bin/migrate renumber {paths[-1]}",
        )
    return list(ordered[1:])


def _undone_by(ups: Sequence[Numbered], known: Format, claim: Claim, path: Path) -> str:
    same = [up for up in ups if up.version == Version.named(claim.version) and up.known is known]
    of_name = [up for up in same if up.claim.name == claim.name]
    chosen = of_name if len(same) > 1 else same
    if len(chosen) != 1:
        raise Refused(
            f"{path} could undo {' or '.join(up.file_name for up in same) or 'nothing'}",
            hint="give it the name of the one that it undoes, then run the command again",
        )
    return chosen[0].file_name


def _newest(there: Iterable[Numbered], made: Sequence[Renumbering]) -> MigrationFile:
    """The newest migration as it will be."""
    files = [migration.file for migration in there]
    files += [dataclasses.replace(one.migration.file, version=Version.named(one.to)) for one in made]
    return max(files, key=lambda file: file.version.key)


def _refuse_taken(there: Iterable[Numbered], version: str) -> None:
    new = Version.parse(version)
    taken = next((one for one in there if one.version == new), None)
    if taken is not None:
        raise UsageError(
            f"version {version} is taken by {taken.file.path}", hint="leave --to out for the next free one"
        )


def _moves(migration: Numbered, version: str) -> Iterable[tuple[str, str]]:
    names = (migration.file_name, *migration.others)
    if migration.known.layout == "folders":
        names = (migration.file_name.partition("/")[0],)
    for name in names:
        new = spelled(name, migration.claim.version, version)
        if new is None:
            raise Refused(
                f"where the version stands in the name {name} is not to be seen", hint="rename it by hand"
            )
        yield name, new


def _hyphenated(written: str, new: str) -> str:
    """A time with hyphens where the old one has them; as it is, where it has other digits."""
    if len(written.replace("-", "")) != len(new):
        return new
    digits = iter(new)
    return "".join(letter if letter == "-" else next(digits) for letter in written)
