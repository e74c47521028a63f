"""Types of columns as SQLite's applications declare them, in the terms of the model.

SQLite keeps what it is given and knows five affinities; the declared type says what the application means by it.
https://www.sqlite.org/datatype3.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from dbops.engines.catalog import DataType
from dbops.engines.sqlite.tokens import tokens

_DECLARED = re.compile(r"\s*([^(]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*", re.ASCII)
_NAMED = {
    "BOOL": "bool", "BOOLEAN": "bool", "TINYINT": "int2", "SMALLINT": "int2", "INT2": "int2",
    "DATE": "date", "TIME": "time", "DATETIME": "timestamp", "JSON": "json", "JSONB": "json",
    "UUID": "uuid", "GUID": "uuid", "UNIQUEIDENTIFIER": "uuid", "BYTEA": "bytea", "BINARY": "bytea",
    "VARBINARY": "bytea", "DECIMAL": "numeric", "NUMERIC": "numeric", "NUMBER": "numeric", "MONEY": "numeric",
    "CURRENCY": "numeric",
}  # fmt: skip
_ANYTHING = frozenset({"", "ANY"})
"""Declared types that say nothing."""
_DIGITS = 15
"""What a REAL keeps: a longer decimal would come back as another number."""
_TIME_FUNCTIONS = {
    "CURRENT_TIMESTAMP": "timestamp", "CURRENT_DATE": "date", "CURRENT_TIME": "time",
    "DATETIME": "timestamp", "DATE": "date", "TIME": "time", "STRFTIME": "timestamp",
}  # fmt: skip
_FIRST_WORD = re.compile(r"[\s(]*([A-Za-z_]+)")


def data_type(declared: str, name: str, default: str | None, *, shown: str | None = None) -> DataType:
    """The type of a column.

    :param declared: as the definition has it; empty where it has none.
    :param name: of the column: `created_at TEXT` holds a time, as does what has a time for its default.
    :param shown: what its checks show of it (`shown_by_checks`).
    """
    found = _DECLARED.fullmatch(declared)
    word = (found[1] if found else declared).upper()
    size, scale = (
        (int(found[2]) if found and found[2] else None),
        (int(found[3]) if found and found[3] else 0),
    )
    kind = _NAMED.get(word) or _by_affinity(word)
    if kind == "int8" and _counts_seconds(default or ""):
        kind = "epoch"
    if kind == "text" and word in _ANYTHING and shown == "numeric":
        kind = shown
    elif kind == "text":
        is_json = shown == "json" or (default or "").strip("( ").startswith("'{")
        kind = "json" if is_json else _time_in_text(name, default) or ("varchar" if size else "text")
    if kind == "numeric" and size:
        digits = min(size, _DIGITS)
        return DataType("pg_catalog", kind, declared, precision=digits, scale=min(scale, digits))
    length = size if kind in {"varchar", "bytea"} else None
    return DataType("pg_catalog", kind, declared, length=length)


def shown_by_checks(checks: Sequence[str], columns: Collection[str]) -> dict[str, str]:
    """What checks show of columns: `json` where they ask `json_valid`, `numeric` where they compare with numbers alone."""
    found: dict[str, str] = {}
    for check in checks:
        read = list(tokens(check))
        named = {token.name for token in read if token.name in columns}
        kinds = {token.kind for token in read}
        for name in named:
            if any(token.word == "JSON_VALID" for token in read):
                found[name] = "json"
            elif len(named) == 1 and "number" in kinds and "string" not in kinds:
                found.setdefault(name, "numeric")
    return found


def affinity(declared: str) -> str:
    """INTEGER, TEXT, BLOB, REAL or NUMERIC, by the rules of SQLite in their order."""
    upper = declared.upper()
    if "INT" in upper:
        return "INTEGER"
    if any(part in upper for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in upper or not upper.strip():
        return "BLOB"
    return "REAL" if any(part in upper for part in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def _by_affinity(word: str) -> str:
    if word.startswith(("TIMESTAMP", "DATETIME")):
        return "timestamp"
    if word == "" or "TEXT" in word:
        return "text"
    # A name that SQLite takes for a number, and that says none, is an application's own: STRING, ENUM, INET.
    return {"INTEGER": "int8", "TEXT": "text", "BLOB": "bytea", "REAL": "float8", "NUMERIC": "text"}[
        affinity(word)
    ]


def _counts_seconds(default: str) -> bool:
    words = [token.name.upper() for token in tokens(default) if token.kind in {"word", "string"}]
    return "UNIXEPOCH" in words or ("STRFTIME" in words and "%S" in words)


def _time_in_text(name: str, default: str | None) -> str | None:
    first = _FIRST_WORD.match(default or "")
    if first and (found := _TIME_FUNCTIONS.get(first[1].upper())):
        return found
    if name.lower().endswith("_at"):
        return "timestamp"
    return "date" if name.lower() == "date" or name.lower().endswith("_date") else None
