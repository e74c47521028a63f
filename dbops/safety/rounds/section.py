"""Running one section of a migration in a scratch database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.engines.base import ServerError, StatementFailed, Trouble
from dbops.engines.dialect import POSTGRESQL, by_name
from dbops.engines.statements import Kind
from dbops.errors import CannotConnect, DbopsError, Interrupted, Refused
from dbops.events import ignore
from dbops.migrations import texts
from dbops.migrations.executor import Executor
from dbops.migrations.migrator import nobody_knows
from dbops.migrations.model import MigrationFile, State, Status
from dbops.migrations.planner import Plan, Step, Work
from dbops.migrations.preparation import Preparation
from dbops.migrations.prepare import prepare
from dbops.migrations.report import place
from dbops.safety.rounds.model import Wishes

if TYPE_CHECKING:
    from dbops.engines.session import Session

NOT_THE_FILES = (CannotConnect, Interrupted)
"""What is no answer to the question whether a migration runs."""


def run(session: Session, file: MigrationFile, work: Work, wishes: Wishes) -> None:
    """Run one section.

    :raises DbopsError: it does not run.
    """
    row = next((row for row in session.read().rows if row.sort_key == file.version.key), None)
    status = Status(file.version, file.name, State.APPLIED if row else State.PENDING, file, row)
    step = Step(work, status)
    refuse_beyond(step, session, wishes)
    execute(Plan(work.value, (step,)), session, wishes)


def execute(plan: Plan, session: Session, wishes: Wishes) -> None:
    """Run all of a plan, which reaches nothing beyond the scratch database.

    :raises DbopsError: it does not run.
    """
    executor = Executor(session, deadline=wishes.deadline, listen=ignore, decide=nobody_knows)
    executor.execute(Preparation(plan, session))


def renamed(file: MigrationFile, table: str) -> str:
    """The name that the up section gives to a table in the end; both in lower case, since SQLite tells none apart."""
    up = texts.read(file).up
    dialect = by_name(up.dialect)
    known = (one for one in dialect.split(up.sql).statements if one.kind is not Kind.UNKNOWN)
    trees = (dialect.tree(one.text) or ("", {}) for one in known)
    renames = (node for kind, node in trees if kind == "RenameStmt" and node["renameType"] == "OBJECT_TABLE")
    names = {node["relation"]["relname"].lower(): str(node["newname"]).lower() for node in renames}
    return names.get(table, table)


def refusal(error: DbopsError) -> ServerError | None:
    """What the server said, where it was a statement of the section that it refused."""
    return error.__cause__.error if isinstance(error.__cause__, StatementFailed) else None


def lacks_room(error: DbopsError) -> bool:
    """Whether the server had no room on its disk, or in its memory: no answer to whether a migration runs, either."""
    refused = refusal(error)
    return refused is not None and refused.trouble is Trouble.NO_ROOM


class Beyond(Refused):
    """A section was not run, since it would change what the live database shares with the scratch database.

    :param wholly: all its statements are of that kind, so that nothing is missing in the schema without it.
    """

    def __init__(self, where: str, dialect: str, *, wholly: bool) -> None:
        on_server = dialect == POSTGRESQL
        whither = "what all databases of the server share" if on_server else "other files"
        hint = "run it on a server for it alone: --scratch-url postgresql://user@host:port/postgres"
        super().__init__(
            f"{where}: not run, since it reaches beyond the scratch database, to {whither}",
            hint=hint if on_server else None,
        )
        self.wholly = wholly


def refuse_beyond(step: Step, session: Session, wishes: Wishes) -> None:
    """See that a step changes nothing that others share, unless they wish it.

    :raises Beyond: where a statement says so.
    """
    if wishes.own_server:
        return
    prepared = prepare(step, session)
    statements, dialect = prepared.statements.statements, by_name(session.dialect)
    found = [one for one in statements if dialect.reaches_beyond(one.text)]
    if found:
        line, column = place(prepared.section, found[0].offset)
        where = f"{prepared.section.label}:{line}:{column}"
        raise Beyond(where, session.dialect, wholly=len(found) == len(statements))
