"""Statements that reach beyond the database in which they run: to what all databases of a server share."""

from __future__ import annotations

from dbops.engines.postgres import libpg_query

_NODES = frozenset(
    {
        "CreateRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "DropRoleStmt", "GrantRoleStmt", "ReassignOwnedStmt",
        "DropOwnedStmt", "CreatedbStmt", "DropdbStmt", "AlterDatabaseStmt", "AlterDatabaseSetStmt", "AlterSystemStmt",
        "CreateTableSpaceStmt", "DropTableSpaceStmt", "AlterTableSpaceOptionsStmt",
    }
)  # fmt: skip
_KINDS = frozenset({"OBJECT_DATABASE", "OBJECT_ROLE", "OBJECT_TABLESPACE"})
_SAY_KIND = ("objtype", "objectType", "renameType")


def reaches_beyond(sql: str) -> bool:
    """Whether the grammar tells so of a statement; what functions and blocks do it cannot tell."""
    try:
        parsed = libpg_query.parse(sql.encode())
    except (libpg_query.Refusal, ValueError):
        return False
    for statement in parsed:
        ((name, node),) = statement["stmt"].items()
        if name in _NODES or any(node.get(key) in _KINDS for key in _SAY_KIND):
            return True
    return False
