"""Carrying out a renumbering: files, and the old version in their headers, renamed."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dbops.errors import DbopsError
from dbops.migrations.creation import turn
from dbops.migrations.model import MigrationFile
from dbops.migrations.renumbering import Renumbering


def rename(renumbering: Renumbering) -> None:
    """Rename all files of a migration, and the old version in their headers; nothing is ever overwritten.

    :raises DbopsError: where a name is taken, or the disk refuses; then nothing is renamed.
    """
    folder, done = renumbering.migration.folder, list[tuple[Path, Path]]()
    in_header = _has_tokens(renumbering.migration.file)
    with turn(folder):
        try:
            for old, new in renumbering.moves:
                _rename(folder / old, folder / new)
                done.append((folder / old, folder / new))
        except BaseException:
            for source, target in reversed(done):
                os.rename(target, source)
            raise
        if renumbering.migration.known.name == "python-modules":
            _put_into_module(folder / renumbering.moves[0][1], renumbering.to)
        if in_header:
            for _, target in done:
                for path in target.glob("*.sql") if target.is_dir() else [target]:
                    _put_into_header(path, renumbering)


def _rename(source: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise DbopsError(
            f"{target} is there already", hint="take it away, or choose another number with --to"
        )
    try:
        os.rename(source, target)
    except OSError as error:
        raise DbopsError(f"{source} cannot be renamed to {target}: {error.strerror}") from None


def _has_tokens(file: MigrationFile) -> bool:
    """Whether its checksum leaves comments out, so that they may be changed."""
    from dbops.engines.records import TOKENS
    from dbops.migrations.prepare import recorded_row

    try:
        return recorded_row(file).checksum_algorithm == TOKENS
    except DbopsError:
        return False  # whoever applies it says what is wrong


def _put_into_module(path: Path, version: str) -> None:
    """The new version as the value of the module's variable `version`, which its name must agree with."""
    from dbops.migrations.formats.python_modules import with_version
    from dbops.migrations.texts import read_text

    text = read_text(path)
    try:
        changed = with_version(text, version)
    except DbopsError:
        return  # whoever applies it says what is wrong
    if changed != text.text:
        _replace(path, changed.encode())


def _put_into_header(path: Path, renumbering: Renumbering) -> None:
    """The new version in the lines that `bin/migrate new` wrote; all other lines stay byte for byte."""
    old, name = re.escape(renumbering.migration.claim.version), re.escape(renumbering.migration.claim.name)
    mark = re.compile(
        rf"\A((?:--[^\n]*\n|[ \t\r]*\n)*?-- (?:Migration: |Undoes )){old}(?=[_-]{name}\s*\n)".encode()
    )
    raw = path.read_bytes()
    changed = mark.sub(lambda match: match[1] + renumbering.to.encode(), raw)
    if changed != raw:
        _replace(path, changed)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.dbops")
    temporary.write_bytes(content)
    temporary.chmod(path.stat().st_mode)
    os.replace(temporary, path)
