"""What is in a migration's files, read and decoded."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.dialect import POSTGRESQL
from dbops.errors import DbopsError
from dbops.migrations.formats import by_name

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Section, Text
    from dbops.migrations.formats import Format
    from dbops.migrations.model import MigrationFile


def read(file: MigrationFile) -> Migration:
    """Read one migration in full.

    :raises DbopsError: with the place, where it cannot be read, is not UTF-8 or breaks its format's rules.
    """
    from dbops.migrations.psqltext import understood

    known, variables = by_name(file.format), file.variables or {}
    if not known.is_sql:
        module = known.parse(file, read_text(file.path, file.dialect), None)
        return dataclasses.replace(module, verify=_verify(file, module))
    up, copies = understood(read_text(file.path, file.dialect))
    down, down_copies = (
        (None, copies) if file.down_path is None else understood(read_text(file.down_path, file.dialect))
    )
    migration = known.parse(file, up, down)
    verify = _verify(file, migration)
    return dataclasses.replace(
        migration,
        up=_finished(migration.up, known, variables, copies),
        down=migration.down and _finished(migration.down, known, variables, down_copies),
        verify=verify and known.expand(verify, variables),
    )


def _verify(file: MigrationFile, migration: Migration) -> Section | None:
    """The verify section: a file of its own, or within the file of the up section."""
    if file.verify_path is None:
        return migration.verify
    if migration.verify is not None:
        raise DbopsError(
            f"{file.path}:{migration.verify.line}: a verify section, and there is {file.verify_path}, too",
            hint="a migration has one; move the queries into one of both",
        )
    from dbops.migrations.content import Section
    from dbops.migrations.formats.reading import is_empty

    source = read_text(file.verify_path, file.dialect)
    empty = is_empty(source.text, file.dialect)
    return None if empty else Section(source.text, source.path, dialect=file.dialect)


def _finished(
    section: Section, known: Format, variables: Mapping[str, str], copies: Mapping[int, str]
) -> Section:
    """A section with its placeholders replaced, and with the data that its statements copy."""
    if copies:
        section = dataclasses.replace(section, copies=copies)
    return known.expand(section, variables)


def read_text(path: Path, dialect: str = POSTGRESQL) -> Text:
    """A file decoded from UTF-8, without a byte order mark.

    :raises DbopsError: with the place of the first byte that is not UTF-8, or of a NUL.
    """
    from dbops.migrations.content import Text

    raw = read_bytes(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, raw, error.start) from None
    if "\0" in text:
        line, column = (
            text.count("\n", 0, text.index("\0")) + 1,
            text.index("\0") - text.rfind("\n", 0, text.index("\0")),
        )
        raise DbopsError(
            f"{path}:{line}:{column}: a NUL byte, which SQL cannot hold", hint="is this a text file?"
        )
    return Text(path, text, raw_checksum(raw), dialect)


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a file.

    :raises DbopsError: where they are not to be had.
    """
    try:
        with opened(path) as file:
            return file.readall()
    except OSError as error:
        raise DbopsError(f"{path} cannot be read: {error.strerror}") from None


def opened(path: Path | str) -> FileIO:
    """A file of bytes; neither a pipe, for which opening would wait, nor a device, which has no end.

    :raises OSError: for those as well.
    """
    file = FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a regular file")
    return file


def raw_checksum(raw: bytes) -> str:
    """sha256 of a file's bytes, as stored."""
    return hashlib.sha256(raw).hexdigest()


def _not_utf8(path: Path, raw: bytes, offset: int) -> DbopsError:
    line = raw.count(b"\n", 0, offset) + 1
    column = offset - raw.rfind(b"\n", 0, offset)
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return DbopsError(f"{path} is UTF-16, not UTF-8", hint="save it as UTF-8")
    return DbopsError(
        f"{path}:{line}:{column}: byte {offset + 1} (0x{raw[offset]:02x}) is not UTF-8",
        hint=f"convert the file, for instance: iconv -f LATIN1 -t UTF-8 {path.name} > new{path.suffix}",
    )
