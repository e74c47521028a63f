"""Pieces of a parse tree in the spelling that a server reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbops.engines.postgres.nodes import Node, strings


def type_text(node: Node) -> str:
    """A type's name with its modifiers and brackets, every part of the name quoted."""
    name = ".".join('"' + part.replace('"', '""') + '"' for part in strings(node["names"]))
    modifiers = [
        item["A_Const"]["ival"].get("ival", 0)
        for item in node.get("typmods", ())
        if "ival" in item.get("A_Const", {})
    ]
    brackets = "[]" * len(node.get("arrayBounds", ()))
    return name + (f"({', '.join(map(str, modifiers))})" if modifiers else "") + brackets


def functions_in(node: Any) -> Iterator[str]:
    """The names, without their schemas, of the functions that an expression calls."""
    if isinstance(node, dict):
        if "FuncCall" in node:
            yield strings(node["FuncCall"]["funcname"])[-1]
        for value in node.values():
            yield from functions_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from functions_in(value)


def expression(node: Node) -> str:
    """An expression as SQL; the printer costs 60 ms when it is first asked for."""
    from importlib import import_module  # neither of the two is typed

    postgast, json_format = import_module("postgast"), import_module("google.protobuf.json_format")
    target = {"ResTarget": {"val": node}}
    select = {
        "SelectStmt": {"targetList": [target], "limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE"}
    }
    tree = json_format.ParseDict({"stmts": [{"stmt": select}]}, postgast.pg_query_pb2.ParseResult())
    return str(postgast.deparse(tree)).removeprefix("SELECT ")
