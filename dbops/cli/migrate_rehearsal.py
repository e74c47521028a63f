"""`bin/migrate up --require-rehearsal`: only what a kept trace has run and brought back."""

from __future__ import annotations

from dbops.cli.connect import on_postgres
from dbops.config.model import Settings
from dbops.engines.marks import is_development
from dbops.engines.session import Session
from dbops.events import Detail, Listener
from dbops.migrations.planner import Plan
from dbops.safety.trace import rehearsal


def require(made: Plan, session: Session, settings: Settings, listen: Listener, *, asked: bool) -> None:
    """Return where the plan may run.

    :param asked: by the command line; else the project's configuration asks, which does not count for a development
        database, nor for a plan that undoes something.
    :raises Refused: it was not rehearsed; nothing was changed.
    """
    if not asked and (made.loses_data or is_development(session.comment())):
        listen(Detail("no rehearsal required: a development database, or migrations are undone"))
        return
    server = on_postgres(session, "up --require-rehearsal")
    rehearsal.require(made, server.schema(), settings.backups_dir.value, listen)
