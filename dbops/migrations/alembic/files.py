"""The pairs that revisions are rendered into: their names, and what their headers say of where they come from."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.migrations.alembic.graph import Revision
    from dbops.migrations.alembic.render import Both, Rendered
    from dbops.migrations.model import MigrationFile

UP, DOWN = ".up.sql", ".down.sql"
_NUMBER = re.compile(r"[VvUu]?(\d+)")
_NAME = re.compile(r"(?P<number>\d+)_(?P<name>.+)(?P<ending>\.up\.sql|\.py)", re.ASCII | re.DOTALL)
_FIELD = re.compile(r"-- (Alembic revision|Source|Rendered): (.*)")
_SHA256 = re.compile(r"sha256 ([0-9a-f]{64})")
_WIDTH = 4
_HEAD = 8192
_SHORTEST = 4  # of Alembic's abbreviations of a revision's id


@dataclasses.dataclass(frozen=True)
class Text:
    """A file of a pair: its text, and where a header says it was rendered, from what and into what."""

    path: Path
    text: str

    @property
    def source(self) -> str | None:
        """The checksum of the revision's file; None for a file that somebody wrote."""
        return _checksum(self._fields.get("Source"))

    @property
    def is_edited(self) -> bool:
        """Whether somebody wrote it, or changed what was rendered."""
        return _checksum(self._fields.get("Rendered")) != checksum(self.body)

    @property
    def body(self) -> str:
        """What follows the header."""
        return self.text.partition("\n\n")[2]

    @property
    def _fields(self) -> dict[str, str]:
        return _fields(self.text)


@dataclasses.dataclass(frozen=True)
class Pair:
    """A revision's files in the migrations folder."""

    revision: str
    number: str
    stem: str
    up: Text
    down: Text | None = None

    @property
    def version(self) -> Version:
        """The version that they are."""
        return Version.parse(self.number)

    @property
    def is_edited(self) -> bool:
        """Whether somebody wrote or changed one of them."""
        return self.up.is_edited or (self.down is not None and self.down.is_edited)


def checksum(text: str) -> str:
    """sha256 of a text without the white space at the ends of its lines, which editors and git take away."""
    lines = (line.rstrip() for line in text.strip().splitlines())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def of_revision(found: Iterable[MigrationFile], text: str) -> list[MigrationFile]:
    """The files that were rendered from the revision of this id, or else from those whose ids begin so.

    :param text: at least four characters of an id, or all of it.
    """
    revisions = {
        file: _fields(_head(file.path)).get("Alembic revision", "")
        for file in found
        if file.name.startswith(_in_name(text))
    }
    exact = [file for file, revision in revisions.items() if revision == text]
    begin = [
        file for file, revision in revisions.items() if revision.startswith(text) and len(text) >= _SHORTEST
    ]
    return exact or begin


def up_names(folder: Path) -> list[str]:
    """The names of the up files of all pairs in a folder, rendered or not, and of Python modules in their place."""
    try:
        names = os.listdir(folder)
    except OSError:  # discovery says what is wrong with it
        return []
    return sorted(name for name in names if _NAME.fullmatch(name))


def known_sources(folder: Path) -> frozenset[str]:
    """The checksums of the revisions' files that a folder's pairs were rendered from; none where none were."""
    heads = (_fields(_head(folder / name)) for name in up_names(folder))
    found = (_checksum(fields.get("Source")) for fields in heads)
    return frozenset(one for one in found if one is not None)


def pairs(folder: Path, ids: Iterable[str]) -> dict[str, Pair]:
    """The pairs of these revisions, in order of their numbers: told by their names, so that one may be written by hand.

    :raises OSError: one of them cannot be read.
    """
    known = {_in_name(one): one for one in ids}
    found = []
    for name in up_names(folder):
        match = _NAME.fullmatch(name)
        assert match is not None  # so it was found
        revision = _begins(match["name"], known)
        if revision is not None:
            stem = name.removesuffix(match["ending"])
            down = folder / f"{stem}{DOWN}"
            found.append(
                Pair(
                    revision,
                    match["number"],
                    stem,
                    _read(folder / name),
                    _read(down) if down.exists() else None,
                )
            )
    return {one.revision: one for one in sorted(found, key=lambda one: one.version)}


def free_number(folder: Path, without: Iterable[str] = ()) -> tuple[int, int]:
    """The first number behind all that the folder has, and how many digits the numbers have.

    :param without: stems that are about to be taken away.
    """
    gone = tuple(f"{stem}." for stem in without)
    taken = [
        match[1]
        for name in (os.listdir(folder) if folder.is_dir() else [])
        if name.endswith((".sql", ".py"))
        and not name.startswith(gone or "/")
        and (match := _NUMBER.match(name))
    ]
    return max(map(int, taken), default=0) + 1, max((len(one) for one in taken), default=0)


def stem(revision: Revision, number: int, width: int) -> str:
    """The name of a new pair without its endings: number, revision, and what it is about."""
    about = re.sub(r"\W+", "_", revision.description.lower()).strip("_")[:60].strip("_")
    name = _in_name(revision.id)
    return f"{number:0{max(width, _WIDTH)}d}_{name}{'_' if about else ''}{about}"


def texts(revision: Revision, both: Both, stem: str, source: str, dialect: str) -> Mapping[str, str]:
    """The files of a revision, ending to text; without a down file where the revision cannot be undone."""
    needs = ", ".join(revision.parents) or "nothing"
    depends = f", depends on {', '.join(revision.depends_on)}" if revision.depends_on else ""
    head = f"-- Alembic revision: {revision.id}\n-- Revises: {needs}{depends}\n"
    head += f"-- Source: {source}, sha256 {revision.checksum}\n"
    title = f"-- Migration: {stem}\n-- Description: {revision.description}\n"
    empty = not both.up.sql and not both.down.sql and not both.up.reason and not both.down.reason
    found = {UP: _file(title + head, both.up, revision, dialect, empty=empty)}
    if not both.down.irreversible:
        found[DOWN] = _file(f"-- Undoes {stem}\n{head}", both.down, revision, dialect, empty=empty)
    return found


def _file(head: str, rendered: Rendered, revision: Revision, dialect: str, *, empty: bool) -> str:
    if rendered.failed or rendered.reason:
        body = _stop(revision, rendered, dialect)
    elif empty:
        body = "-- There is nothing to run: it brings branches together, or was left empty.\nSELECT 1;\n"
    else:
        body = rendered.sql
    outside = "-- dbops: no-transaction\n" if rendered.outside else ""
    return f"{head}{outside}-- Rendered: sha256 {checksum(body)}\n\n{body}"


def _stop(revision: Revision, rendered: Rendered, dialect: str) -> str:
    """What stands in the place of SQL that Alembic cannot write: it fails, so that nothing goes on without it."""
    message = f"the SQL of revision {revision.id} has to be written into this file by hand"
    reason = rendered.reason or ""
    if dialect != "postgresql":
        return f'-- Alembic cannot render it: {reason}\nSELECT * FROM "{message}";\n'
    message, reason = (text.replace("'", "''") for text in (message, f"Alembic cannot render it: {reason}"))
    lines = (
        "DO $dbops$ BEGIN",
        f"    RAISE EXCEPTION USING MESSAGE = '{message}',",
        f"        DETAIL = '{reason}';",
    )
    return "\n".join((*lines, "END $dbops$;", ""))


def _in_name(revision: str) -> str:
    """A revision's id as it can be in a file's name."""
    return re.sub(r"[^\w.]", "-", revision)


def _begins(name: str, known: Mapping[str, str]) -> str | None:
    """The revision whose id a name begins with, the longest of several."""
    words = name.split("_")
    candidates = ("_".join(words[:count]) for count in range(len(words), 0, -1))
    return next((known[one] for one in candidates if one in known), None)


def _read(path: Path) -> Text:
    return Text(path, path.read_text(encoding="utf-8-sig", errors="replace"))


def _head(path: Path) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(_HEAD).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""  # whoever reads it in full says what is wrong


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        if match := _FIELD.fullmatch(line):
            found[match[1]] = match[2]
    return found


def _checksum(field: str | None) -> str | None:
    match = _SHA256.search(field or "")
    return match and match[1]
