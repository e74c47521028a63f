"""The planner's statistics after migrations: renewed where the tables are not what they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from dbops.engines.base import SessionLost
from dbops.engines.session import Session
from dbops.errors import CannotConnect, DbopsError, Interrupted
from dbops.events import Listener, Warned
from dbops.migrations.planner import Plan


@contextlib.contextmanager
def renewed(session: Session, plan: Plan, how: str, listen: Listener) -> Iterator[None]:
    """Around a run: look at the tables before it, renew the statistics after it, also after one that stopped.

    All that was run is recorded by then, and nothing that fails here is a failure of the migrations.

    :param how: "analyze", "vacuum" or "off".
    :raises Interrupted: meanwhile, by the user.
    :raises CannotConnect: the connection was lost meanwhile.
    """
    before = _look(session, listen) if plan.runs and how != "off" else None
    try:
        yield
    except (CannotConnect, Interrupted):
        raise
    except DbopsError:
        _renew(session, before, how, listen)
        raise
    _renew(session, before, how, listen)


def _look(session: Session, listen: Listener) -> object | None:
    try:
        return session.tables_before()
    except CannotConnect:
        raise
    except DbopsError as error:
        listen(
            Warned(f"statistics will not be renewed, since the tables cannot be looked at: {error.message}")
        )
        return None


def _renew(session: Session, before: object | None, how: str, listen: Listener) -> None:
    if before is None:
        return
    try:
        session.refresh_statistics(before, vacuum=how == "vacuum")
    except SessionLost as lost:
        raise CannotConnect(
            f"the connection was lost during ANALYZE; what was applied is recorded: {lost}",
            hint="bin/migrate status, once the server is back",
        ) from lost
    except CannotConnect:
        raise
    except DbopsError as error:
        listen(Warned(f"statistics could not be renewed: {error.message}"))
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted during ANALYZE; what was applied is recorded",
            hint="ANALYZE, or leave it to autovacuum",
        ) from None
