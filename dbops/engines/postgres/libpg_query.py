"""PostgreSQL's own scanner and parser (libpg_query, shipped by postgast), called with UTF-8 bytes.

postgast's package costs 60 ms to import, since it builds protobuf classes for the whole grammar; its ctypes
binding alone costs 20 ms, and is all that is loaded here.  The parse tree is taken as JSON, which also knows
no limit of 100 nested levels as the protobuf reader does.
"""

from __future__ import annotations

import ctypes
import functools
import json
from types import ModuleType
from typing import Any


class Refusal(Exception):
    """The scanner or the parser does not accept the text.

    :param message: PostgreSQL's words, without the excerpt of the text that may follow them.
    :param offset: characters (not bytes) before the place, 0 where it is not known.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@functools.cache
def _native() -> ModuleType:
    """postgast's binding, loaded by its path so that the package around it is not imported."""
    import importlib.util
    from pathlib import Path

    package = importlib.util.find_spec("postgast")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'postgast'", name="postgast")
    path = Path(package.origin).with_name("native.py")
    spec = importlib.util.spec_from_file_location("_dbops_postgast_native", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _check(result: Any) -> None:
    """Raise the error that a C result carries, if it does."""
    if result.error:
        error = result.error.contents
        message = (error.message or b"cannot read the SQL").decode("utf-8", "replace")
        raise Refusal(message.partition(" at or near ")[0], max(error.cursorpos - 1, 0))


def scan(sql: bytes) -> list[tuple[int, int]]:
    """Start and end, in bytes, of every token, comments included.

    :raises Refusal: unterminated quotes and comments, malformed numbers and escapes.
    """
    lib = _native().lib
    result = lib.pg_query_scan(sql)
    try:
        _check(result)
        return _token_spans(ctypes.string_at(result.pbuf.data, result.pbuf.len))
    finally:
        lib.pg_query_free_scan_result(result)


def _token_spans(message: bytes) -> list[tuple[int, int]]:
    """Read libpg_query's ScanResult: field 2 repeats tokens, whose fields 1 and 2 are start and end.

    Only two integers of each token are needed: reading them here takes little longer than the protobuf
    library and saves its import.
    """
    found = []
    at, size = _after_varint(message, 1), len(message)  # field 1 of the result is its version
    while at < size:
        next_token = at + 2 + message[at + 1]  # a token is shorter than 128 bytes
        at, start, end = at + 2, 0, 0
        if message[at] == 0x08:  # an integer that is 0 is left out
            start, shift, at = message[at + 1] & 127, 7, at + 2
            while message[at - 1] > 127:
                start, shift, at = start | (message[at] & 127) << shift, shift + 7, at + 1
        if message[at] == 0x10:
            end, shift, at = message[at + 1] & 127, 7, at + 2
            while message[at - 1] > 127:
                end, shift, at = end | (message[at] & 127) << shift, shift + 7, at + 1
        found.append((start, end))
        at = next_token
    return found


def _after_varint(message: bytes, at: int) -> int:
    while message[at] > 127:
        at += 1
    return at + 1


def parse(sql: bytes) -> list[dict[str, Any]]:
    """The raw statements: each has `stmt` (a node by its type), `stmt_location` and `stmt_len` in bytes.

    A location of 0 is left out; so is a length that reaches to the end.

    :raises Refusal: the text is not in this parser's grammar, or nested too deeply to be read.
    """
    lib = _native().lib
    result = lib.pg_query_parse(sql)
    try:
        _check(result)
        tree = json.loads(result.parse_tree)
    except RecursionError:
        raise Refusal("nested too deeply", 0) from None
    finally:
        lib.pg_query_free_parse_result(result)
    return list(tree.get("stmts", ()))


def bounds(sql: bytes) -> list[tuple[int, int]]:
    """Start and length, in bytes, of every statement, without building a tree in Python.

    :raises Refusal: the text is not in this parser's grammar.
    """
    lib = _native().lib
    result = lib.pg_query_split_with_parser(sql)
    try:
        _check(result)
        found = [result.stmts[i].contents for i in range(result.n_stmts)]
        return [(statement.stmt_location, statement.stmt_len) for statement in found]
    finally:
        lib.pg_query_free_split_result(result)


def parse_plpgsql(sql: bytes) -> Any:
    """The tree of the PL/pgSQL body of a DO, CREATE FUNCTION or CREATE PROCEDURE statement, as JSON gives it.

    :raises Refusal: it is not PL/pgSQL that this parser knows.
    """
    lib = _native().lib
    result = lib.pg_query_parse_plpgsql(sql)
    try:
        _check(result)
        return json.loads(result.plpgsql_funcs)
    except RecursionError:
        raise Refusal("nested too deeply", 0) from None
    finally:
        lib.pg_query_free_plpgsql_parse_result(result)
