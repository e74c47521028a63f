"""Whether a migration can be undone, told without parsing it: by the bytes of its down file, else by marks.

A thousand files are asked for `status`, so that what looks like a down section
counts as one; what it is worth, `plan` and `down` say.
"""

from __future__ import annotations

import os
import re

from dbops.errors import DbopsError
from dbops.migrations import texts
from dbops.migrations.model import MigrationFile

_HEADING = rb"[ \t/*=#-]*(?:down migration\b.*|\+migrate down\b.*|(?:down|downgrade|rollback|rollback sql)[ \t:*/=#-]*)\r?"
# The line that a down section begins with, in lower case, where it is in the file of the up section; and a word of it.
# Compiled where it is asked for, since mostly one of them is.
_BEGINS = {
    "single": (_HEADING, (b"down", b"rollback")),
    "v-prefix": (_HEADING, (b"down", b"rollback")),
    "goose": (rb"--[ \t]*\+goose[ \t]+down\b.*", (b"down",)),
    "dbmate": (rb"--[ \t]*migrate:down\b.*", (b"down",)),
    "sql-migrate": (rb"-- \+migrate down\b.*", (b"down",)),
    "node-pg-migrate": (rb"\s*--[\s-]*down\s+migration.*", (b"down",)),
    "tern": (rb"---- create above / drop below ----.*", (b"drop below",)),
    "python-modules": (rb"def down(?:grade)?\b.*", (b"def down",)),
}
# What is behind it: a line that is no comment, or, where it may be commented out, something in a block, or a word that
# SQL begins with.
_STATEMENT = re.compile(rb"^[ \t]*(?!--)\S", re.MULTILINE)
# What stands before the first statement without being one, in a file that is a down section as a whole.
_BLOCK = re.compile(rb"\A\xef\xbb\xbf|/\*.*?\*/", re.DOTALL)
_COMMENTED = re.compile(
    rb"^[ \t*/-]*(?:drop|alter|create|delete|update|insert|truncate|revoke|grant|select|call|do|reindex|refresh"
    rb"|comment|rename|with|set|begin)\b.|/\*\s*[^\s*]",
    re.MULTILINE,
)


def has_down(file: MigrationFile, raw: bytes | None = None) -> bool | None:
    """Whether it has a down section; None where nobody asks for one, or where the file cannot be read.

    :param raw: the bytes of the file with the up section, where they have been read already.
    """
    if file.version.repeatable:
        return None
    if file.down_name is None and file.format not in _BEGINS:
        return False
    try:
        if raw is None or file.down_name is not None:
            raw = texts.read_bytes(os.path.join(file.folder, file.down_name or file.file_name))
    except DbopsError:
        return None
    if file.down_name is not None:
        return bool(_STATEMENT.search(_BLOCK.sub(b"", raw.lower())))
    return _is_within(raw.lower(), *_BEGINS[file.format])


def _is_within(raw: bytes, line: bytes, words: tuple[bytes, ...]) -> bool:
    """Whether the bytes of a file, in lower case, hold such a line with something behind it."""
    begins, behind = re.compile(line), _COMMENTED if line is _HEADING else _STATEMENT
    for word in words:
        at = raw.find(word)
        while at >= 0:
            end = raw.find(b"\n", at) % (len(raw) + 1)
            if begins.fullmatch(raw, raw.rfind(b"\n", 0, at) + 1, end) and behind.search(raw, end):
                return True
            at = raw.find(word, end)
    return False
