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

_HEADING = re.compile(
    rb"[ \t/*=#-]*(?:down migration\b.*|\+migrate down\b.*|(?:down|downgrade|rollback|rollback sql)[ \t:*/=#-]*)\r?"
)
# The line that a down section begins with, in lower case, where it is in the file of the up section; and a word of it.
_BEGINS = {
    "single": (_HEADING, (b"down", b"rollback")),
    "v-prefix": (_HEADING, (b"down", b"rollback")),
    "goose": (re.compile(rb"--[ \t]*\+goose[ \t]+down\b.*"), (b"down",)),
    "dbmate": (re.compile(rb"--[ \t]*migrate:down\b.*"), (b"down",)),
    "sql-migrate": (re.compile(rb"-- \+migrate down\b.*"), (b"down",)),
    "node-pg-migrate": (re.compile(rb"\s*--[\s-]*down\s+migration.*"), (b"down",)),
    "tern": (re.compile(rb"---- create above / drop below ----.*"), (b"drop below",)),
    "python-modules": (re.compile(rb"def down(?:grade)?\b.*"), (b"def down",)),
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


def has_down(file: MigrationFile) -> bool | None:
    """Whether it has a down section; None where nobody asks for one, or where the file cannot be read."""
    if file.version.repeatable:
        return None
    if file.down_name is None and file.format not in _BEGINS:
        return False
    try:
        raw = texts.read_bytes(os.path.join(file.folder, file.down_name or file.file_name)).lower()
    except DbopsError:
        return None
    if file.down_name is not None:
        return bool(_STATEMENT.search(_BLOCK.sub(b"", raw)))
    begins, words = _BEGINS[file.format]
    behind = _COMMENTED if begins is _HEADING else _STATEMENT
    for word in words:
        at = raw.find(word)
        while at >= 0:
            end = raw.find(b"\n", at) % (len(raw) + 1)
            if begins.fullmatch(raw, raw.rfind(b"\n", 0, at) + 1, end) and behind.search(raw, end):
                return True
            at = raw.find(word, end)
    return False
