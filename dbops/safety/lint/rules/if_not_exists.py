"""IF NOT EXISTS: what is there already is taken for what the file says."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.nodes import relation
from dbops.safety.lint.model import Found, Level, Rule
from dbops.safety.lint.reading import File, Parsed
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    for one in file.up.statements:
        for what, is_there in _made(one, around):
            if not file.is_applied and is_there():
                message = f"{what} is there already: IF NOT EXISTS would keep it, whatever it is like"
                yield Found(file.up, one, message, level=Level.WARNING)
            else:
                yield Found(
                    file.up, one, f"where {what} is there already, it stays as it is, and nobody is told"
                )


def _made(one: Parsed, around: Surroundings) -> Iterator[tuple[str, Callable[[], bool]]]:
    """What a statement makes unless it is there, and how to ask whether the database has it."""
    node = one.node
    if one.kind in ("CreateStmt", "CreateSeqStmt", "CreateTableAsStmt") and node.get("if_not_exists"):
        name = relation(node.get("relation") or node.get("sequence") or node["into"]["rel"])
        yield str(name), functools.partial(_is_there, around, name)
    elif one.kind == "IndexStmt" and node.get("if_not_exists"):
        name = QualifiedName(node["relation"].get("schemaname"), node["idxname"])
        yield str(name), functools.partial(_is_there, around, name)
    elif one.kind == "AlterTableStmt":
        table = relation(node["relation"])
        for command in (item["AlterTableCmd"] for item in node["cmds"]):
            if command["subtype"] == "AT_AddColumn" and command.get("missing_ok"):
                column = command["def"]["ColumnDef"]["colname"]
                yield f"the column {table}.{column}", functools.partial(_is_there, around, table, column)


def _is_there(around: Surroundings, name: QualifiedName, column: str | None = None) -> bool:
    found = around.live(name)
    return found is not None and (column is None or column in found.columns)


RULE = Rule(
    "if-not-exists",
    Level.NOTE,
    wrong="`IF NOT EXISTS` asks for a name, not for what is behind it. A table of that name with other columns is kept, "
    "an index that a failed `CONCURRENTLY` left invalid is kept, and the migration is recorded as applied. Where the "
    "database is known to have such an object already, this is a warning. `DROP TABLE IF EXISTS` hides nothing.",
    safer="Without it: each migration runs once, in one transaction with its record, and what stopped in the middle goes on "
    "where it was. The habit is harmless where nobody changes the database by hand.",
    instead="leave IF NOT EXISTS out: a migration runs once",
    check=_check,
)
