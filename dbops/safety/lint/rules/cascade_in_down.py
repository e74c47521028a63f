"""CASCADE in a down section: it takes what nobody has named."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.safety.lint.model import Found, Level, Rule
from dbops.safety.lint.reading import File, Parsed
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    if file.down is None:
        return
    for one in file.down.statements:
        if _cascades(one):
            yield Found(file.down, one, "CASCADE drops what depends on it, too, whoever made that")


def _cascades(one: Parsed) -> bool:
    if one.kind == "AlterTableStmt":
        return any(item["AlterTableCmd"].get("behavior") == "DROP_CASCADE" for item in one.node["cmds"])
    return one.kind in ("DropStmt", "TruncateStmt") and one.node.get("behavior") == "DROP_CASCADE"


RULE = Rule(
    "cascade-in-down",
    Level.NOTE,
    wrong="A view, a foreign key or a function that a later migration or another team has made goes without a word, and "
    "`up` does not bring it back.",
    safer="Name what the up section has made, the newest first, and drop it without `CASCADE`: if something else depends "
    "on it, the statement fails, and nothing is lost. `bin/migrate validate rollback VERSION` names what depends.",
    instead="drop each object by its name, without CASCADE",
    check=_check,
)
