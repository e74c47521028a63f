"""The revisions of an Alembic project, rendered before its history is taken over: the files are made from them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dbops.migrations.adopt.find import AUTO, NothingToAdopt, find
from dbops.migrations.adopt.tools.alembic import Alembic, heads

if TYPE_CHECKING:
    from dbops.config.model import Settings
    from dbops.engines.neighbour import Neighbour
    from dbops.events import Listener
    from dbops.migrations.adopt.run import Wishes
    from dbops.migrations.version import Version


@dataclasses.dataclass(frozen=True)
class Revisions:
    """What rendering comes to: the stems of the new pairs in order, and the versions that the database is at.

    `has_table`: the database has a table of Alembic, so that there is a history to take over.
    """

    stems: tuple[str, ...]
    applied: tuple[Version, ...]
    has_table: bool


def render(
    session: Neighbour, settings: Settings, wishes: Wishes, listen: Listener, *, dry_run: bool
) -> Revisions | None:
    """Render what is not rendered yet; None where the project has no Alembic, or another tool's history is meant.

    On a database that Alembic has never seen they are rendered all the same, for `up` to begin from the beginning.

    :raises UsageError: there is no such tool.
    :raises ConfigError: the revisions make no graph, or the database is at one that is not among them.
    :raises ProgramFailed: Alembic is not there, or failed.
    """
    if settings.alembic is None:
        return None
    try:
        tool, found = find(session.query, wishes.tool, wishes.table)
    except NothingToAdopt:
        if wishes.tool not in {AUTO, Alembic.name} or wishes.table is not None:
            return None
        at, has_table = [], False
    else:
        if not isinstance(tool, Alembic):
            return None
        at, has_table = heads(session.query, found.table), True
    from dbops.migrations.alembic.update import render_all

    made = render_all(settings, at, listen, dry_run=dry_run)
    return Revisions(made.stems, tuple(sorted(made.applied)), has_table)
