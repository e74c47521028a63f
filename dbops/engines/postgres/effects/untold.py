"""Statements of which nobody can tell beforehand what they do."""

from __future__ import annotations

from dbops.engines.postgres.libpg_query import Refusal, parse
from dbops.engines.postgres.nodes import Node

_UNTOLD = {
    "DoStmt": "what a block of code does",
    "CallStmt": "what a procedure does",
    "DropOwnedStmt": "what of these roles is dropped",
}
_UNTOLD_CASCADES = frozenset({"OBJECT_TYPE", "OBJECT_DOMAIN", "OBJECT_EXTENSION"})


def untold(sql: str) -> str:
    """Why the effects of a statement are not known beforehand, in words; empty where they are."""
    try:
        nodes = parse(sql.encode())
    except Refusal:
        return "what this grammar does not know"
    return next(filter(None, (_untold(*item) for node in nodes for item in node["stmt"].items())), "")


def _untold(kind: str, node: Node) -> str:
    if (
        kind == "DropStmt"
        and node.get("behavior") == "DROP_CASCADE"
        and node["removeType"] in _UNTOLD_CASCADES
    ):
        return "what CASCADE drops here"
    return _UNTOLD.get(kind, "")
