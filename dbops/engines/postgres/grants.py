"""Which roles a piece of SQL names, by PostgreSQL's own grammar."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from dbops.engines.postgres import libpg_query

_SESSION = "session_authorization"
_NEWER_PRIVILEGES = {"maintain": 17}


@dataclasses.dataclass(frozen=True)
class RoleStatement:
    """A statement and what it has to do with roles.

    :param text: the statement with its semicolon.
    :param roles: roles that it names; PUBLIC and CURRENT_USER are none.
    :param acts_as: the role of the SET SESSION AUTHORIZATION under which it runs, None for the session's own.
    :param frames: it is that SET or its RESET itself.
    :param since: the major version that first knew all its privileges, 0 for any.
    """

    text: str
    roles: frozenset[str]
    acts_as: str | None
    frames: bool
    since: int


def read(sql: str) -> tuple[RoleStatement, ...] | None:
    """The statements of an entry of an archive (grants, default privileges, a policy, a user mapping).

    None where the parser does not know them: then the server has to judge.
    """
    data = sql.encode("utf-8", "surrogateescape")
    try:
        nodes = libpg_query.parse(data) if b"\0" not in data else []
    except (libpg_query.Refusal, UnicodeDecodeError):
        return None
    found = []
    acts_as: str | None = None
    for node in nodes:
        start = node.get("stmt_location", 0)
        text = data[start : start + node["stmt_len"]] if node.get("stmt_len") else data[start:]
        statement = node["stmt"]
        sets = statement.get("VariableSetStmt", {})
        frames = sets.get("name") == _SESSION
        if frames:
            acts_as = next(_strings(sets.get("args")), None)
        found.append(
            RoleStatement(
                text.decode("utf-8", "surrogateescape").strip().rstrip(";") + ";",
                frozenset(_roles(statement)) | (frozenset({acts_as}) if frames and acts_as else frozenset()),
                acts_as,
                frames,
                max((_NEWER_PRIVILEGES.get(name, 0) for name in _privileges(statement)), default=0),
            )
        )
    return tuple(found)


def creates_schema(sql: str, name: str) -> bool:
    """Whether it is a CREATE SCHEMA of that name; pg_dump may write a comment in its place."""
    return any(node.get("CreateSchemaStmt", {}).get("schemaname") == name for node in _statements(sql))


def publishes_all_tables(sql: str) -> bool:
    """Whether it is a CREATE PUBLICATION ... FOR ALL TABLES."""
    return any(node.get("CreatePublicationStmt", {}).get("for_all_tables") for node in _statements(sql))


def _statements(sql: str) -> list[dict[str, Any]]:
    """The trees of its statements; none where the parser does not know them."""
    try:
        return [node["stmt"] for node in libpg_query.parse(sql.encode("utf-8", "surrogateescape"))]
    except (libpg_query.Refusal, UnicodeDecodeError):
        return []


def _roles(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("roletype") == "ROLESPEC_CSTRING" and isinstance(node.get("rolename"), str):
            yield node["rolename"]
        for child in node.values():
            yield from _roles(child)
    elif isinstance(node, list):
        for child in node:
            yield from _roles(child)


def _privileges(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("priv_name"), str):
            yield node["priv_name"]
        for child in node.values():
            yield from _privileges(child)
    elif isinstance(node, list):
        for child in node:
            yield from _privileges(child)


def _strings(nodes: Any) -> Iterator[str]:
    for node in nodes or ():
        value = node.get("A_Const", {}).get("sval", {}).get("sval")
        if isinstance(value, str):
            yield value
