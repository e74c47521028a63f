"""`pg_dump -s` in one form, whichever versions made it: without noise, and without what differs from version to version.

The text stays pg_dump's own, which is made to be read.  What is left out or written in another way is found in the
parse tree; a statement that this grammar does not know stays as it is.  What differs nevertheless:

- PostgreSQL 18 knows the names of NOT NULL constraints, and writes those that are not the usual ones;
- what only a newer version can say, of course;
- 17 has the privilege MAINTAIN: what was ALL before is not all any more, and is written out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from dbops.engines.postgres import libpg_query
from dbops.engines.postgres.nodes import Node
from dbops.engines.postgres.statements import split

_Edit = tuple[int, int, bytes]
"""From byte, to byte, what stands there instead."""

# pg_dump of 2025 and later brackets its script with these, each time with another key.
_META = re.compile(r"^\\(?:un)?restrict \w+$", re.MULTILINE)

# Settings that say what a table is made with: kept where they change.
_STORAGE = {"default_tablespace": "", "default_table_access_method": "heap"}

# What ALL on a table was before there was MAINTAIN; pg_dump from 17 on writes it out for an older server.
_ALL_BEFORE_17 = {"select", "insert", "references", "delete", "trigger", "truncate", "update"}
_FIRST_WITH_MAINTAIN = 17

# Who may do what in "public" of a fresh database before 15, as pg_dump from 15 on sees it: what that version gives.
_PUBLIC_BEFORE_15 = {b"REVOKE USAGE ON SCHEMA public FROM PUBLIC", b"GRANT ALL ON SCHEMA public TO PUBLIC"}
_FIRST_WITH_CLOSED_PUBLIC = 15


def in_one_form(dump: str, owner: str, major: int) -> Iterator[str]:
    """The statements of a dump, each with its semicolon, in the order in which they can be run.

    :param dump: what `pg_dump -s --no-owner` wrote.
    :param owner: the role that owns the database: CURRENT_USER stands for it, since it has another name elsewhere.
    :param major: the server's version, 15 for 15.18.
    """
    set_to = dict(_STORAGE)
    for statement in split(_without_meta_commands(dump)).statements:
        text = statement.text.rstrip().removesuffix(";").encode()
        if major < _FIRST_WITH_CLOSED_PUBLIC and text in _PUBLIC_BEFORE_15:
            continue
        node = _parsed(text)
        if node is None or not _is_noise(node, set_to):
            yield f"{_edited(text, node or {}, owner, major).decode()};"


def _without_meta_commands(dump: str) -> str:
    """Without the first and the last of psql's own lines; one in between is in somebody's text."""
    found = list(_META.finditer(dump))
    if len(found) < 2:
        return dump
    return dump[: found[0].start()] + dump[found[0].end() : found[-1].start()] + dump[found[-1].end() :]


def _parsed(text: bytes) -> Node | None:
    try:
        (statement,) = libpg_query.parse(text)
    except (libpg_query.Refusal, ValueError):
        return None
    node: Node = statement["stmt"]
    return node


def _is_noise(node: Node, set_to: dict[str, str]) -> bool:
    """Whether it is a setting of the session; one that says where tables go counts where it changes something."""
    if "SelectStmt" in node:  # set_config
        return True
    if (setting := node.get("VariableSetStmt")) is None:
        return False
    name, value = setting["name"], _text(setting)
    same = set_to.get(name, value) == value
    if name in set_to:
        set_to[name] = value
    return same


def _text(setting: Node) -> str:
    constant = setting.get("args", [{}])[0].get("A_Const", {})
    return str(constant.get("sval", {}).get("sval", ""))


def _edited(text: bytes, node: Node, owner: str, major: int) -> bytes:
    tokens = libpg_query.scan(text)
    edits = list(_roles(node, owner, dict(tokens)))
    if query := _query_of_a_view(node):
        edits += _unqualified(text, query, tokens)
    if (grant := _grant(node)) is not None:
        edits += _single_spaces(text, tokens)
        edits += _all(text, grant, tokens, major)
    for start, end, instead in sorted(edits, reverse=True):
        text = text[:start] + instead + text[end:]
    return text


# -- roles and privileges ----------------------------------------------------------------------------------------------


def _roles(tree: Any, owner: str, ends: dict[int, int]) -> Iterator[_Edit]:
    """CURRENT_USER for the owner, wherever a role is named."""
    for role in _found(tree, "RoleSpec"):
        if role.get("rolename") == owner and role.get("roletype") == "ROLESPEC_CSTRING":
            at = role.get("location", 0)
            yield at, ends[at], b"CURRENT_USER"


def _grant(node: Node) -> Node | None:
    default = node.get("AlterDefaultPrivilegesStmt")
    grant: Node | None = default["action"] if default else node.get("GrantStmt")
    return grant


def _single_spaces(text: bytes, tokens: list[tuple[int, int]]) -> Iterator[_Edit]:
    """pg_dump 15 writes two in some places."""
    for (_, end), (start, _) in itertools.pairwise(tokens):
        if start - end > 1:
            yield end, start, b" "


def _all(text: bytes, grant: Node, tokens: list[tuple[int, int]], major: int) -> Iterator[_Edit]:
    """ALL for the privileges that it stood for."""
    privileges = [entry["AccessPriv"] for entry in grant.get("privileges", ())]
    names = {privilege.get("priv_name") for privilege in privileges if "cols" not in privilege}
    on_table = grant.get("objtype") == "OBJECT_TABLE"
    if major >= _FIRST_WITH_MAINTAIN or not on_table or names != _ALL_BEFORE_17:
        return
    words = [text[start:end] for start, end in tokens]
    first = next(index for index, word in enumerate(words) if word in {b"GRANT", b"REVOKE"}) + 1
    if words[first : first + 3] == [b"GRANT", b"OPTION", b"FOR"]:
        first += 3
    last = words.index(b"ON", first) - 1
    yield tokens[first][0], tokens[last][1], b"ALL"


# -- views -------------------------------------------------------------------------------------------------------------


def _query_of_a_view(node: Node) -> Node | None:
    """The SELECT of a view over one relation; None for any other statement."""
    made = node.get("ViewStmt") or node.get("CreateTableAsStmt")
    query: Node | None = made["query"].get("SelectStmt") if made else None
    return query if query and len(query.get("fromClause", ())) == 1 else None


def _unqualified(text: bytes, query: Node, tokens: list[tuple[int, int]]) -> Iterator[_Edit]:
    """Columns without the name of the only relation, which servers before 16 write, and only at this level of a view."""
    name = _name(query["fromClause"][0])
    places = [start for start, _ in tokens]
    parts = {key: value for key, value in query.items() if key not in {"fromClause", "withClause"}}
    outputs = _outputs(query)
    sorted_by = [item["SortBy"]["node"].get("ColumnRef") for item in query.get("sortClause", ())]
    for column in _found(parts, "ColumnRef", but="subselect"):
        fields = _fields(column)
        if len(fields) != 2 or fields[0] != name or fields[1] is None:
            continue
        if column in sorted_by and outputs.get(fields[1], fields) != fields:
            continue  # without it, it would be that column of the result
        index = places.index(column.get("location", 0))
        yield tokens[index][0], tokens[index + 2][0], b""


def _name(item: Node) -> str | None:
    """That of what a query selects from; None for a join."""
    ((kind, source),) = item.items()
    if kind == "RangeTableSample":
        return _name(source["relation"])
    if alias := source.get("alias"):
        return str(alias["aliasname"])
    return str(source["relname"]) if kind == "RangeVar" else None


def _outputs(query: Node) -> dict[str, list[str | None]]:
    """The named columns of a query's result, each with the column that it is, if it is one."""
    found = {}
    for target in query.get("targetList", ()):
        result = target["ResTarget"]
        names = _fields(result.get("val", {}).get("ColumnRef", {}))
        if (name := result.get("name") or (names[-1] if names else None)) is not None:
            found[name] = names
    return found


def _fields(column: Node) -> list[str | None]:
    """The parts of a column's name; None for `*`."""
    return [field.get("String", {}).get("sval") for field in column.get("fields", ())]


def _found(tree: Any, kind: str, but: str | None = None) -> Iterator[Node]:
    """All nodes of a kind, but for those under the key `but`."""
    if isinstance(tree, list):
        for item in tree:
            yield from _found(item, kind, but)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key == kind:
                yield value
            if key != but:
                yield from _found(value, kind, but)
