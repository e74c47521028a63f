"""What stands in an expression's tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbops.engines.postgres.nodes import Node, strings


def walk(node: Any) -> Iterator[tuple[str, Node]]:
    """Every node of a tree with its type's name, from the top."""
    if isinstance(node, dict):
        for name, value in node.items():
            if isinstance(value, dict) and name[:1].isupper():
                yield name, value
            yield from walk(value)
    elif isinstance(node, list):
        for item in node:
            yield from walk(item)


def column_of(node: Any) -> str | None:
    """The column that a node is, casts taken away."""
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    fields = node.get("ColumnRef", {}).get("fields")
    return strings(fields)[-1] if fields and strings(fields) else None


def column_names(tree: Any) -> Iterator[str]:
    """The columns that a tree speaks of, as often as it does."""
    for name, node in walk(tree):
        if name == "ColumnRef" and (names := strings(node["fields"])):
            yield names[-1]


def conjuncts_of(tree: Any) -> list[Any]:
    """The trees that must all hold for this one to hold."""
    bool_expr, operator = tree.get("BoolExpr"), tree.get("A_Expr", {})
    if bool_expr and bool_expr["boolop"] == "AND_EXPR":
        return [one for argument in bool_expr["args"] for one in conjuncts_of(argument)]
    if operator.get("kind") == "AEXPR_OP_ALL" and "A_ArrayExpr" in operator["rexpr"]:
        elements = operator["rexpr"]["A_ArrayExpr"].get("elements", ())
        return [{"A_Expr": {**operator, "kind": "AEXPR_OP", "rexpr": element}} for element in elements]
    return [tree]
