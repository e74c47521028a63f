"""Whether a PL/pgSQL body ends transactions by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbops.engines.postgres import libpg_query


def _ends_transaction(tree: Any) -> bool:
    """Whether a COMMIT or ROLLBACK stands anywhere in a PL/pgSQL tree."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            if "PLpgSQL_stmt_commit" in node or "PLpgSQL_stmt_rollback" in node:
                return True
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
    return False


def ends_transaction_in(text: bytes) -> bool:
    """Whether the body commits; one that this parser cannot read is left for the server to judge."""
    lowered = text.lower()
    if b"commit" not in lowered and b"rollback" not in lowered:
        return False
    try:
        return _ends_transaction(libpg_query.parse_plpgsql(text))
    except libpg_query.Refusal:
        return False


def is_plpgsql(options: Mapping[str, Any], default: str) -> bool:
    """Whether the options of a DO or CREATE FUNCTION name this language, or none and it is the default."""
    language = options.get("language")
    return (language["String"]["sval"] if language else default) == "plpgsql"
