"""Keeps the pairs in step with the project's revisions: renders what is new and what has changed before it was applied."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.errors import ConfigError, ProgramFailed
from dbops.events import Listener, Note, Warned, plural
from dbops.migrations.alembic import files, graph, project
from dbops.migrations.alembic.graph import Graph, Revision
from dbops.migrations.alembic.work import Work, plan
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.config.model import Alembic, Settings
    from dbops.migrations.alembic.files import Pair
    from dbops.migrations.alembic.render import Both

Applied = Callable[[], Collection[str]]
"""Asks for the sort keys of the versions that are applied, or have begun."""


@dataclasses.dataclass(frozen=True)
class Change:
    """What is to be done in the folder.  `rendered` are the stems of what is new, in order."""

    write: Mapping[str, str]
    remove: tuple[str, ...] = ()
    rendered: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class AllRendered:
    """What rendering a whole project comes to: the stems of what is new in order, and the versions that are applied."""

    stems: tuple[str, ...]
    applied: frozenset[Version]


def catch_up(settings: Settings, applied: Applied, listen: Listener) -> None:
    """Render the revisions that the team has added since its history was adopted.

    Where nothing was adopted, or nothing is new, no program is started and nothing is written.

    :raises ConfigError: nothing was rendered yet and the folder has nothing else, the revisions make no graph, or the
        folder cannot be written.
    :raises ProgramFailed: Alembic is needed, and is not there or failed.
    """
    folder, alembic = settings.migrations_dir.value, settings.alembic
    assert alembic is not None  # whoever calls has looked
    known = files.known_sources(folder)
    if not known:
        _refuse_unrendered(folder, alembic)
    sources = project.sources(alembic) if known else []
    if all(source.checksum in known for source in sources):
        return
    tree = graph.read(sources)
    existing = files.pairs(folder, tree.revisions)
    work = plan(tree, existing, frozenset(applied()))
    _carry_out(folder, _rendered(settings, tree, work, existing, listen, applied()), listen)


def render_all(
    settings: Settings, heads: Iterable[str], listen: Listener, *, dry_run: bool = False
) -> AllRendered:
    """Render every revision that is not yet, and say which versions are applied where the database is at `heads`.

    What is applied comes first, as far as nothing was rendered before.

    :param dry_run: write nothing; the versions are those that there would be.
    :raises ConfigError: there is no Alembic project, its revisions make no graph, a head is not among them, or the
        folder cannot be written.
    :raises ProgramFailed: Alembic is not there, or failed.
    """
    alembic, folder = required(settings), settings.migrations_dir.value
    tree = graph.read(project.sources(alembic))
    first = tree.ancestors(heads)
    existing = files.pairs(folder, tree.revisions)
    at = frozenset(pair.version.key for one, pair in existing.items() if one in first)
    work = plan(tree, existing, at, first)
    change = _rendered(settings, tree, work, existing, listen, at)
    if not dry_run:
        _carry_out(folder, change, listen)
    moved = {pair.revision for pair in work.moved}
    found = {one: pair.version for one, pair in existing.items() if one not in moved}
    for revision, stem in zip(work.new, change.rendered, strict=True):
        found[revision.id] = Version.parse(stem.partition("_")[0])
    versions = frozenset(version for one, version in found.items() if one in first)
    return AllRendered(change.rendered, versions)


def required(settings: Settings) -> Alembic:
    """:raises ConfigError: where the project has no Alembic."""
    if settings.alembic is None:
        raise ConfigError(
            f"there is no alembic.ini in {settings.project}, nor [tool.alembic] in its pyproject.toml",
            hint='say where it is: alembic-ini = "PATH" under [tool.dbops]',
        )
    return settings.alembic


def _refuse_unrendered(folder: Path, alembic: Alembic) -> None:
    names = os.listdir(folder) if folder.is_dir() else []
    if any(True for pattern in ("*.sql", "*/*.sql") for _ in folder.glob(pattern)):
        return
    if project.a_revision(folder, names):  # which discovery tells better
        return
    first = next(iter(project.version_folders(alembic)), None)
    if first is not None and project.a_revision(first, sorted(os.listdir(first))):
        raise ConfigError(
            f"{folder} holds no migration, and the revisions of Alembic in {first} are not rendered into it yet",
            hint="bin/migrate adopt renders them, and records those that are applied",
        )


def _rendered(
    settings: Settings,
    tree: Graph,
    work: Work,
    existing: Mapping[str, Pair],
    listen: Listener,
    applied: Collection[str],
) -> Change:
    """The work's SQL; where Alembic is missing and nothing depends on it, a warning in its place."""
    if not work.new and not work.changed:
        return Change({}, warnings=work.warnings)
    from dbops.migrations.alembic import render

    wanted = [*work.new, *(tree.revisions[pair.revision] for pair in work.changed)]
    try:
        rendering = render.render(settings, wanted, listen)
    except ProgramFailed as error:
        if work.new or any(pair.version.key not in applied for pair in work.changed):
            raise
        names = ", ".join(str(tree.revisions[pair.revision].path) for pair in work.changed)
        warning = f"{names} changed after being applied, and cannot be compared: {error.message}"
        return Change({}, warnings=(*work.warnings, warning))
    return _compose(settings, tree, work, rendering.revisions, applied)


def _compose(
    settings: Settings, tree: Graph, work: Work, both: Mapping[str, Both], applied: Collection[str]
) -> Change:
    """The files to write, in order; pure but for a look at the numbers that the folder has."""
    folder = settings.migrations_dir.value
    number, width = files.free_number(folder, [pair.stem for pair in work.moved])
    write: dict[str, str] = {}
    warnings, rendered, again = list(work.warnings), [], []

    def texts(revision: Revision, stem: str) -> dict[str, str]:
        source = os.path.relpath(revision.path, settings.project)
        made = files.texts(revision, both[revision.id], stem, source, settings.target.engine)
        return {f"{stem}{ending}": text for ending, text in made.items()}

    for revision in work.new:
        rendered.append(files.stem(revision, number, width))
        write |= texts(revision, rendered[-1])
        warnings += _failures(revision, both[revision.id], folder, rendered[-1])
        number += 1
    remove = [name for pair in work.moved for name in _names(pair)]
    for pair in work.changed:
        revision = tree.revisions[pair.revision]
        made = texts(revision, pair.stem)
        if _same(pair, made):  # a comment, or the place in the graph
            write |= made
        elif pair.version.key in applied:
            warnings.append(
                f"{revision.path} was changed after it was applied; {pair.up.path} stays as it was applied "
                "(put the change into a new revision)"
            )
        else:
            write |= made
            again.append(pair.stem)
            warnings += _failures(revision, both[revision.id], folder, pair.stem)
            remove += [name for name in _names(pair) if name not in made]
    return Change(write, tuple(remove), tuple(rendered), tuple(again), tuple(warnings))


def _failures(revision: Revision, both: Both, folder: Path, stem: str) -> Iterator[str]:
    """Whom offline mode could not render, why, and what to do; and who may do less there."""
    for way, one, ending in (("upgrade", both.up, files.UP), ("downgrade", both.down, files.DOWN)):
        path = folder / f"{stem}{ending}"
        if one.failed or (one.reason and way == "upgrade"):
            place = f"{revision.path}{f':{one.line}' if one.line else ''}"
            yield (
                f"Alembic cannot render the {way} of revision {revision.id} without a database: {place}: "
                f"{one.reason}; write its SQL into {path}"
            )
        elif one.asks:
            yield (
                f"the {way} of revision {revision.id} does something else in Alembic's offline mode than with a "
                f"database ({revision.path}); look at {path}"
            )


def _same(pair: Pair, made: Mapping[str, str]) -> bool:
    """Whether the pair's SQL is that of the new texts."""
    old = {one.path.name: one.text for one in (pair.up, pair.down) if one is not None}
    return _bodies(old) == _bodies(made)


def _bodies(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: files.checksum(files.Text(Path(name), text).body) for name, text in texts.items()}


def _names(pair: Pair) -> list[str]:
    return [one.path.name for one in (pair.up, pair.down) if one is not None]


def _carry_out(folder: Path, change: Change, listen: Listener) -> None:
    """Write the files, each by a rename; a pair's up file last, since that makes it one."""
    names: Sequence[str] = sorted(change.write, key=lambda name: (name.partition("_")[0], name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in change.remove:
            (folder / name).unlink(missing_ok=True)
        for name in names:  # .down.sql sorts before .up.sql
            temporary = folder / f".{name}.{os.getpid()}"
            temporary.write_text(change.write[name], encoding="utf-8", newline="\n")
            temporary.replace(folder / name)
    except OSError as error:
        raise ConfigError(
            f"the Alembic revisions {', '.join(change.rendered) or 'that changed'} have to be rendered into {folder}, "
            f"which cannot be written: {error.strerror}",
            hint="render them where the folder can be written, and commit them: bin/migrate status",
        ) from None
    for text in change.warnings:
        listen(Warned(text))
    for stems, what in ((change.rendered, "rendered"), (change.again, "rendered again")):
        if stems:
            listen(Note(f"{what} {plural(len(stems), 'Alembic revision')} into {folder}: {_listed(stems)}"))


def _listed(stems: Sequence[str]) -> str:
    return ", ".join(stems) if len(stems) <= 3 else f"{stems[0]} to {stems[-1]}"
