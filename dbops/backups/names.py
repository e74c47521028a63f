"""What a backup may be called: its label is the name of a folder in `backups/`, and a word on a command line."""

from __future__ import annotations

import datetime
from collections.abc import Collection

from dbops.errors import UsageError

# `.partial-NAME-<random>` has to be a file's name, too; file systems allow 255 bytes.
LABEL_BYTES = 200
LATEST = "latest"
# The verbs of `bin/backup` and `bin/restore`, and what stands for the newest: none of them could be told from a name.
RESERVED = frozenset(
    {
        "create",
        "list",
        "show",
        "verify",
        "prune",
        "restore",
        "from",
        "undo",
        "discard",
        "help",
        "traces",
        LATEST,
    }
)


def default_label(now: datetime.datetime, taken: Collection[str] = ()) -> str:
    """`backup_20260118_120000`, the time in UTC; with `_2`, `_3`, ... where that is taken.

    :param now: an aware time.
    """
    label = f"backup_{now.astimezone(datetime.UTC):%Y%m%d_%H%M%S}"
    number = 2
    unique = label
    while unique in taken:
        unique = f"{label}_{number}"
        number += 1
    return unique


def check(name: str) -> str:
    """The same name, when a backup can be called so.

    :raises UsageError: it is empty or too long, is not one plain folder name, or could be taken for something else.
    """
    if reason := _problem(name):
        raise UsageError(
            f"a backup cannot be called {_shown(name)!r}: {reason}",
            hint="letters, digits, _ and - make a good name: bin/backup before_release_7",
        )
    return name


def _problem(name: str) -> str | None:
    if not name:
        return "it is empty"
    if "/" in name or "\\" in name:
        return "a name is not a path"
    if name[0] in ".-":
        return f"it begins with {name[0]!r}"
    if not name.isprintable():
        return "it has characters that cannot be seen"
    if name != name.strip():
        return "it begins or ends with a space"
    if name.lower() in RESERVED:
        return "that word has a meaning of its own"
    if len(name.encode()) > LABEL_BYTES:
        return f"it is longer than {LABEL_BYTES} bytes"
    return None


def _shown(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."
