"""A scratch database with the schema of another one, or of a script: everything but rows, owners and dbops' own tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbops.config.model import Target
from dbops.engines.postgres import databases, libpg_query
from dbops.engines.postgres.making import Making
from dbops.engines.postgres.statements import split
from dbops.engines.statements import Kind, Statement, UnreadableSql, position
from dbops.errors import DbopsError
from dbops.events import Listener
from dbops.restore import scratch
from dbops.safety import schema_file

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection
    from dbops.engines.postgres.nodes import Node
    from dbops.engines.postgres.session import Session
    from dbops.programs import Client

AS_DUMPED = "set check_function_bodies = off; set search_path = ''"
"""As pg_dump's own script sets them, which its text in one form leaves out."""
_UNCHECKED = "set check_function_bodies = off"  # a function may use what comes later in the file
# Named by what holds them all: no database with a subscription can be dropped.
_LEFT_OUT = {
    "CreateSubscriptionStmt": "subscriptions: they belong to a database and its peer, and no copy may have them",
    "AlterSubscriptionStmt": "subscriptions: they belong to a database and its peer, and no copy may have them",
}
_SETS_OWNER = "AT_ChangeOwner"
_SHOWN = 8
"""How many lines of a statement that fails are shown."""


@contextmanager
def empty(server: Target, prefix: str, like: Making, what: str, listen: Listener) -> Iterator[Target]:
    """An empty scratch database, dropped whatever happens; those that killed runs have left are dropped first.

    :param like: how the database was made that it is a copy of.  The others are as for `scratch.made`.
    :raises Refused: the role may make no databases.
    """

    def make(connection: Connection, name: str) -> None:
        scratch.empty(connection, name, like, listen)

    with scratch.made(server, prefix, what, make, listen, elsewhere=True) as name:
        yield server.replace("the scratch database", dbname=name)


def copy(
    session: Session, clients: Sequence[Client], lock_wait: float, target: Target, listen: Listener
) -> list[str]:
    """Make the schema of a session's database in an empty database of the same server.

    :param clients: the pg_dump, as for `schema_file.text_of`.
    :param lock_wait: seconds that pg_dump waits for a table that another session has locked.
    :returns: what was left out, as sentences without period.
    :raises DbopsError: something of it cannot be made there, an extension for want of privileges for instance.
    """
    text = schema_file.text_of(session, clients, lock_wait)
    return load(text, f"the schema of {session.identity.database}", target, listen, dumped=True)


def load(
    text: str,
    label: str,
    target: Target,
    listen: Listener,
    *,
    dumped: bool = False,
) -> list[str]:
    """Run the statements of a script in a scratch database; owners are left as they are, rows are left out.

    :param label: what the text is called in messages; the file's path for instance.
    :param dumped: it is pg_dump's in one form, which names everything in full.
    :returns: what was left out, as sentences without period.
    :raises DbopsError: with line and column, at the first statement that the server refuses.
    """
    left_out: dict[str, None] = {}
    with databases.session(target, "migrate", listen) as connection:
        connection.execute(AS_DUMPED if dumped else _UNCHECKED)
        roles = {name for (name,) in connection.execute("select rolname::text from pg_catalog.pg_roles")}
        for statement, place in placed(text, label):
            node = parsed(statement)
            why = _why_left_out(statement, node, roles)
            if why is None:
                run(connection, statement, place)
            elif why:
                left_out[why] = None
    return list(left_out)


def parsed(statement: Statement) -> Node:
    """Its syntax tree, kind to node; empty where the grammar does not know it."""
    try:
        (found,) = libpg_query.parse(statement.text.encode())
    except (libpg_query.Refusal, ValueError):
        return {}
    node: Node = found["stmt"]
    return node


def run(connection: Connection, statement: Statement, place: str) -> None:
    """:raises DbopsError: the server refuses it."""
    import psycopg

    try:
        connection.execute(statement.text.encode())
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise DbopsError(
            f"{place}: {error.diag.message_primary or error}",
            detail=_shown(statement.text, int(error.diag.statement_position or 1)),
            hint=error.diag.message_hint,
        ) from error


def _shown(text: str, position: int) -> str:
    """A statement's beginning, and what is around the character that the server means, counted from 1."""
    lines, at = text.splitlines(), text.count("\n", 0, position - 1)
    if at < _SHOWN:
        shown, last = lines[:_SHOWN], _SHOWN
    else:
        shown, last = [lines[0], "...", *lines[at - _SHOWN + 3 : at + 1]], at + 1
    return "\n".join([*shown, *(["..."] if len(lines) > last else [])])


def placed(text: str, label: str) -> Iterator[tuple[Statement, str]]:
    """The statements of a text, each with its place.

    :raises DbopsError: it cannot be cut into statements.
    """
    try:
        statements = split(text).statements
    except UnreadableSql as error:
        line, column = position(text, error.offset)
        raise DbopsError(f"{label}:{line}:{column}: {error.message}") from None
    for statement in statements:
        line, column = position(text, statement.offset)
        yield statement, f"{label}:{line}:{column}"


def _why_left_out(statement: Statement, node: Node, roles: set[str]) -> str | None:
    """A sentence; empty for what is nothing to speak of, None for what runs."""
    if statement.kind is Kind.COPY_FROM_CLIENT:
        return ""
    for kind, why in _LEFT_OUT.items():
        if kind in node:
            return why
    if "AlterOwnerStmt" in node:
        return ""
    commands = node.get("AlterTableStmt", {}).get("cmds", ())
    if commands and all(one["AlterTableCmd"]["subtype"] == _SETS_OWNER for one in commands):
        return ""
    unknown = sorted(_grantees(node) - roles)
    if unknown:
        return f"privileges of {', '.join(unknown)}: no such role on the server with the scratch database"
    return None


def _grantees(node: Node) -> set[str]:
    """The roles that are granted something, or that default privileges are about."""
    default = node.get("AlterDefaultPrivilegesStmt")
    grant = default["action"] if default else node.get("GrantStmt")
    if not grant:
        return set()
    specs = [one["RoleSpec"] for one in grant.get("grantees", ())]
    for option in default["options"] if default else ():
        if option["DefElem"]["defname"] == "roles":
            specs += [one["RoleSpec"] for one in option["DefElem"]["arg"]["List"]["items"]]
    return {spec["rolename"] for spec in specs if spec["roletype"] == "ROLESPEC_CSTRING"}
