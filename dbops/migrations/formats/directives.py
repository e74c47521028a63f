"""What the `-- dbops:` lines of a file ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from dbops.config.values import seconds
from dbops.engines.statements import position
from dbops.errors import ConfigError
from dbops.migrations.content import FileSettings
from dbops.migrations.formats.comments import Comment


def settings(text: str, label: str, comments: Iterable[Comment]) -> FileSettings:
    """The settings that comments ask for.

    :param label: the file, for errors.
    :raises ConfigError: for a line that is not known, with its place.
    """
    found = FileSettings()
    for comment in comments:
        words = comment.inner(text).strip()
        if comment.is_line and words.startswith("dbops:"):
            line, _ = position(text, comment.start)
            found = _directive(found, words.removeprefix("dbops:").split(), f"{label}:{line}")
    return found


def _directive(found: FileSettings, words: list[str], place: str) -> FileSettings:
    match words:
        case ["no-transaction"]:
            return dataclasses.replace(found, no_transaction=True)
        case ["deadline", value]:
            return dataclasses.replace(
                found, deadline=seconds(value, f"{place}: -- dbops: deadline", off=False)
            )
        case [("lock-timeout" | "statement-timeout") as name, value]:
            timeout = seconds(value, f"{place}: -- dbops: {name}", off=True)
            if name == "lock-timeout":
                return dataclasses.replace(found, lock_timeout=timeout)
            return dataclasses.replace(found, statement_timeout=timeout)
        case ["ignore" | "ignore-file", _, *_]:
            return found  # for lint
    raise ConfigError(
        f"{place}: -- dbops: {' '.join(words)} is not known",
        hint="known are no-transaction, lock-timeout TIME, statement-timeout TIME, deadline TIME, ignore RULE and ignore-file RULE",
    )
