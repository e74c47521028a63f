"""The `results` library, which compares; nothing else of dbops sees what it is made of."""

from __future__ import annotations

import contextlib
import shlex
import sys
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.libpg_query import Refusal, parse
from dbops.engines.postgres.nodes import Node, options_of
from dbops.engines.postgres.statements import split
from dbops.engines.statements import UnreadableSql
from dbops.errors import ProgramFailed

if TYPE_CHECKING:
    import psycopg


def statements(here: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> list[str]:
    """What leads from one schema to the other as far as the library sees, in its order, without semicolons.

    It asks the catalogs through these connections, as their transactions see them.  Privileges are not asked for.

    :raises ProgramFailed: it is not installed, or cannot make anything of these schemas.
    """
    try:
        from results.dbdiff import Migration
        from results.schemainspect import PostgreSQL
    except ImportError as error:
        raise ProgramFailed(
            f"schemas are compared by the results library, which is not installed ({error})",
            hint=shlex.join([sys.executable, "-m", "pip", "install", "dbops[diff]"]),
        ) from error
    import psycopg
    from psycopg.rows import tuple_row

    inspected: Any = PostgreSQL  # neither says its types
    compared: Any = Migration
    with contextlib.ExitStack() as stack:
        try:
            schemas = []
            for connection in (here, there):
                cursor = stack.enter_context(connection.cursor(row_factory=tuple_row))
                stack.enter_context(connection.transaction(force_rollback=True))
                for (statement,) in cursor.execute(_SECOND_PARENTS).fetchall():
                    cursor.execute(statement.encode())
                schemas.append(inspected(cursor))
                _without_inherited(cursor, schemas[-1])
            migration = compared(*schemas, ignore_extension_versions=True)
            migration.add_all_changes_ordered()
        except (ValueError, KeyError, AttributeError, psycopg.DatabaseError) as error:
            raise ProgramFailed(f"results cannot compare these schemas: {error!r}") from error
    return [one for text in migration.statements if (one := _statement(text)) is not None]


# It knows of one parent only: the others are left for as long as it looks.
_SECOND_PARENTS = """
select pg_catalog.format('ALTER TABLE %s NO INHERIT %s',
    inhrelid::pg_catalog.regclass, inhparent::pg_catalog.regclass) from pg_catalog.pg_inherits where inhseqno > 1
"""
_INHERITED = """
select n.nspname::text, c.relname::text, k.conname::text
from pg_catalog.pg_constraint as k join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where k.contype = 'c' and not k.conislocal
"""


def _without_inherited(cursor: psycopg.Cursor[Any], schema: Any) -> None:
    """What comes and goes with a parent's is not a table's own; and a partition's bounds have the name asked for."""
    inherited = set(cursor.execute(_INHERITED).fetchall())
    for key, one in list(schema.constraints.items()):
        if (one.schema, one.table_name, one.name) in inherited:
            del schema.constraints[key]
    for table in schema.tables.values():
        table.partition_spec = table.partition_def


def _statement(text: str) -> str | None:
    """The one statement of a text that PostgreSQL's grammar has read; None for a setting, and what is not one statement.

    A name or a value that was not quoted as it should be gives what cannot be read, or more than one; what is missing
    then is found by who looks at the schemas afterwards.
    """
    try:
        found = split(text).statements
        parsed = [node["stmt"] for one in found for node in parse(one.text.encode())]
    except (UnreadableSql, Refusal):
        return None
    if len(parsed) != 1 or _is_unwanted(parsed[0]):
        return None
    return found[0].text.rstrip().removesuffix(";")


def through_text(statement: str) -> str | None:
    """A change of a column's type for which there is no cast, by way of text; None for another statement."""
    ((kind, node),) = parse(statement.encode())[0]["stmt"].items()
    if kind != "AlterTableStmt" or node["cmds"][0]["AlterTableCmd"].get("subtype") != "AT_AlterColumnType":
        return None
    begin, _, to_type = statement.rpartition("::")
    return f"{begin}::text::{to_type}" if begin else None


def _is_unwanted(node: Node) -> bool:
    """What does nothing; a sequence that would begin anew; a foreign key, of which it does not know all that there is; a
    table under another, all of whose columns are told.

    The latter three are made elsewhere, without that.
    """
    if "AlterTableStmt" in node:
        return all(_is_of_foreign_key(one["AlterTableCmd"]) for one in node["AlterTableStmt"]["cmds"])
    if "AlterSeqStmt" in node:
        return "restart" in options_of(node["AlterSeqStmt"].get("options"))
    return bool({"VariableSetStmt", "SelectStmt"} & node.keys()) or "inhRelations" in node.get(
        "CreateStmt", {}
    )


def _is_of_foreign_key(command: Node) -> bool:
    """Whether it makes one, or checks a constraint that was made without."""
    if command.get("subtype") == "AT_ValidateConstraint":
        return True
    return bool(command.get("def", {}).get("Constraint", {}).get("contype") == "CONSTR_FOREIGN")
