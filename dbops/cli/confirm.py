"""Asking before data can be lost."""

from __future__ import annotations

import shlex
import sys

from dbops.cli.output import Output
from dbops.config.model import Setting
from dbops.engines.postgres.protection import is_development
from dbops.errors import Refused


def confirm_loss(
    out: Output, what: str, server: str, database: str, comment: str | None, confirmed: Setting[str | None]
) -> None:
    """Let work that can lose data go on only on a development database, or once its name has been given.

    :param what: the work, as a noun: "undoing 2 migrations".
    :param comment: the database's comment, which carries the mark of a development database.
    :param confirmed: the name that --confirm or DBOPS_CONFIRM gave.
    :raises Refused: without it.
    """
    if is_development(comment):
        return
    if confirmed.value is not None:
        if confirmed.value == database:
            return
        raise Refused(
            f"{what} was confirmed for {confirmed.value!r} ({confirmed.origin}), but this database is {database!r} on {server}",
            hint=f"look at what is configured; if it is this database that you mean: --confirm {shlex.quote(database)}",
        )
    if out.interactive:
        print(f"{what} can lose data in the database {database!r} on {server}.", file=sys.stderr)
        print("Type its name to go on: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().rstrip("\n") == database:
            return
        raise Refused("the name does not match; nothing was changed")
    raise Refused(
        f"{what} can lose data in the database {database!r} on {server}, which is not marked as development",
        hint=f"--confirm {shlex.quote(database)} (or DBOPS_CONFIRM={shlex.quote(database)}) allows it",
    )


def confirm_yes(out: Output, question: str, *, yes: bool, hint: str) -> None:
    """A question that is not about losing data.

    :raises Refused: for a no, and where nobody can be asked.
    """
    if yes:
        return
    if not out.interactive:
        raise Refused(question, hint=hint)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Refused("nothing was changed")
