"""A statement as PostgreSQL's grammar has it, for what can be said of both in the same words.

SQLite's statements for tables, indexes, views and rows are those of PostgreSQL but for some words.  Where the rest is
not, nothing is known of the statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbops.engines.postgres.libpg_query import Refusal, parse
from dbops.engines.sqlite.tokens import Token, tokens
from dbops.engines.sqlite.words import Words

# What only SQLite has and what changes nothing of what is asked.
_LEFT_OUT = (
    ("AUTOINCREMENT",), ("WITHOUT", "ROWID"), ("STRICT",), ("OR", "ABORT"), ("OR", "FAIL"), ("OR", "IGNORE"),
    ("OR", "REPLACE"), ("OR", "ROLLBACK"), ("ON", "CONFLICT", "ABORT"), ("ON", "CONFLICT", "FAIL"),
    ("ON", "CONFLICT", "IGNORE"), ("ON", "CONFLICT", "REPLACE"), ("ON", "CONFLICT", "ROLLBACK"),
)  # fmt: skip

_OTHER = frozenset({"PRAGMA", "VACUUM", "ANALYZE", "REINDEX"})


def tree(sql: str) -> tuple[str, Mapping[str, Any]] | None:
    """The type of its node and the node; None where its words are SQLite's alone."""
    words = Words(sql)
    if words.verb in _OTHER:
        return words.verb, {}
    if words.verb in ("CREATE", "DROP") and "TRIGGER" in (words.word(1), words.word(2)):
        return _trigger(words)
    try:
        nodes = parse(" ".join(_translated([one for one in tokens(sql) if one.kind != "semicolon"])).encode())
    except Refusal:
        return None
    if len(nodes) != 1:
        return None
    ((kind, node),) = nodes[0]["stmt"].items()
    return kind, node


def _trigger(words: Words) -> tuple[str, Mapping[str, Any]]:
    """It has its statements in it, and is dropped without its table."""
    name = words.after("TRIGGER")
    if words.verb == "DROP":
        parts = {"List": {"items": [{"String": {"sval": name}}]}}
        return "DropStmt", {"objects": [parts], "removeType": "OBJECT_TRIGGER", "behavior": "DROP_RESTRICT"}
    return "CreateTrigStmt", {"trigname": name, "relation": {"relname": words.after("ON"), "inh": True}}


def _translated(every: list[Token]) -> Iterator[str]:
    at = 0
    while at < len(every):
        one = every[at]
        skipped = next((len(words) for words in _LEFT_OUT if _are(every, at, words)), 0)
        if skipped:
            at += skipped
            continue
        if one.name.lower() == "main" and at + 1 < len(every) and every[at + 1].text == ".":
            at += 2
            continue
        if at == 0 and one.word == "REPLACE":
            yield "INSERT"
        else:
            yield f'"{one.name.lower()}"' if one.kind == "quoted" else one.text
        at += 1


def _are(every: list[Token], at: int, words: tuple[str, ...]) -> bool:
    return tuple(one.word for one in every[at : at + len(words)]) == words
