"""Reading the nodes of a raw parse tree, as libpg_query's JSON gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbops.engines.names import QualifiedName

Node = Mapping[str, Any]


def strings(nodes: Any) -> list[str]:
    """The strings of a list of String nodes."""
    return [node["String"]["sval"] for node in nodes or () if "String" in node]


def qualified(parts: list[str]) -> QualifiedName:
    """The last two parts of a name; a database before them is the current one."""
    return QualifiedName(parts[-2] if len(parts) > 1 else None, parts[-1])


def relation(node: Node) -> QualifiedName:
    """The name in a RangeVar."""
    return QualifiedName(node.get("schemaname"), node.get("relname", ""))


def is_temporary(range_var: Node | None) -> bool:
    """Whether a RangeVar names what lives only as long as the session."""
    if not range_var:
        return False
    return range_var.get("relpersistence") == "t" or range_var.get("schemaname") == "pg_temp"


def options_of(nodes: Any) -> dict[str, Any]:
    """Names and arguments of a list of options (DefElem nodes)."""
    return {node["DefElem"]["defname"]: node["DefElem"].get("arg") for node in nodes or ()}


def is_on(options: Mapping[str, Any], name: str, default: bool) -> bool:
    """A boolean option as the server reads it: `name` without a value means true."""
    if name not in options:
        return default
    argument = options[name]
    if argument is None:
        return True
    ((_, value),) = argument.items()
    text = str(value.get("sval", value.get("ival", value.get("boolval", 0)))).lower()
    return text not in ("false", "off", "0")
