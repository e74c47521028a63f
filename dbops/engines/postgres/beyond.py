"""Statements that reach beyond the database in which they run: to what all databases of a server share, or its host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbops.engines.postgres import libpg_query

_NODES = frozenset(
    {
        "CreateRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "DropRoleStmt", "GrantRoleStmt", "ReassignOwnedStmt",
        "DropOwnedStmt", "CreatedbStmt", "DropdbStmt", "AlterDatabaseStmt", "AlterDatabaseSetStmt", "AlterSystemStmt",
        "CreateTableSpaceStmt", "DropTableSpaceStmt", "AlterTableSpaceOptionsStmt", "CreateSubscriptionStmt",
        "AlterSubscriptionStmt", "DropSubscriptionStmt", "AlterDatabaseRefreshCollStmt",
    }
)  # fmt: skip
_KINDS = frozenset({"OBJECT_DATABASE", "OBJECT_ROLE", "OBJECT_TABLESPACE", "OBJECT_PARAMETER_ACL"})
_SAY_KIND = ("objtype", "objectType", "renameType")
# To other sessions, the server itself, its files, other servers.
_FUNCTIONS = frozenset(
    {
        "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_rotate_logfile", "pg_promote", "pg_switch_wal",
        "pg_create_restore_point", "lo_export", "pg_file_write", "pg_file_unlink", "pg_file_rename",
    }
)  # fmt: skip
_FAMILIES = ("dblink", "pg_create_physical_replication_slot", "pg_create_logical_replication_slot",
             "pg_drop_replication_slot", "pg_replication_origin_", "pg_wal_replay_")  # fmt: skip


def reaches_beyond(sql: str) -> bool:
    """Whether the grammar tells so of a statement, of one in a DO block, too.

    What a function does that is called it cannot tell, nor a statement that a block puts together.
    """
    return any(_beyond(statement["stmt"], sql) for statement in _parsed(sql))


def _parsed(sql: str) -> list[dict[str, Any]]:
    try:
        return libpg_query.parse(sql.encode())
    except (libpg_query.Refusal, ValueError):
        return []


def _beyond(statement: dict[str, Any], sql: str) -> bool:
    ((name, node),) = statement.items()
    if name in _NODES or any(node.get(key) in _KINDS for key in _SAY_KIND):
        return True
    if name == "CopyStmt" and _leaves_the_server(node):
        return True
    if name == "DoStmt":
        return any(reaches_beyond(inner) for inner in _in_block(sql))
    return any(_is_beyond(call["funcname"][-1]["String"]["sval"]) for call in _all(node, "FuncCall"))


def _in_block(sql: str) -> Iterator[str]:
    """What may be SQL in a block: its statements, and the strings in its expressions, which it may execute."""
    try:
        block = libpg_query.parse_plpgsql(sql.encode())
    except libpg_query.Refusal:  # another language
        return
    for expression in _all(block, "PLpgSQL_expr"):
        query = expression["query"]
        yield query
        yield f"SELECT {query}"
        for constant in _all(_parsed(query) or _parsed(f"SELECT {query}"), "A_Const"):
            text = constant.get("sval", {}).get("sval")
            if text:
                yield text


def _leaves_the_server(copy: dict[str, Any]) -> bool:
    """Runs a program, or writes a file; to read one harms nobody."""
    return copy.get("is_program", False) or ("filename" in copy and not copy.get("is_from", False))


def _is_beyond(function: str) -> bool:
    return function in _FUNCTIONS or function.startswith(_FAMILIES)


def _all(node: object, name: str) -> Iterator[dict[str, Any]]:
    """All nodes of a kind."""
    if isinstance(node, dict):
        if name in node:
            yield node[name]
        for inner in node.values():
            yield from _all(inner, name)
    elif isinstance(node, list):
        for inner in node:
            yield from _all(inner, name)
