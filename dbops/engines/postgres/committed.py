"""What follows a commit: whatever ends it, the rows are there, and the error has to say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dbops.engines.postgres.errors import first_line
from dbops.engines.postgres.failure import ENDS_SESSION
from dbops.errors import CannotConnect, DbopsError, Interrupted

_LEFT = "the data are there, but not all of their statistics, views and checks"
_HINT = "vacuumdb --analyze-only, and for demo data bin/seed-test-data check"


@contextmanager
def committed() -> Iterator[None]:
    """Around statistics, views and checks of rows that are committed.

    :raises Interrupted: by Ctrl-C, SIGTERM or SIGHUP.
    :raises CannotConnect: the connection was lost.
    :raises DbopsError: the server gave up for another reason: a timeout, a full disk.
    """
    import psycopg

    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {_LEFT}", hint=_HINT) from None
    except psycopg.OperationalError as error:
        if error.sqlstate is None or error.sqlstate in ENDS_SESSION:
            raise CannotConnect(
                f"the connection was lost; {_LEFT}: {first_line(error)}", hint=_HINT
            ) from error
        raise DbopsError(f"{first_line(error)}; {_LEFT}", hint=_HINT) from error
