"""`migrate diff` from end to end: two scratch databases, what leads from one to the other, and whether it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbops.config.model import Settings, Target
from dbops.engines.postgres import databases, making, tracking
from dbops.engines.postgres.making import Making
from dbops.engines.schema import Schema
from dbops.errors import AnswerIsNo
from dbops.events import Listener, Note, plural
from dbops.migrations.model import State, Status
from dbops.safety import schema_copy
from dbops.safety.diff import targets, verifying
from dbops.safety.diff.model import Rename, Renames, Script, ordered
from dbops.safety.diff.verifying import Compared

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session
    from dbops.programs import Client

PREFIX = "dbops_diff_"
"""What the names of the scratch databases begin with."""
_BEHIND = {State.PENDING, State.OUT_OF_ORDER, State.PARTIAL}


@dataclasses.dataclass(frozen=True)
class Both:
    """Two scratch databases with the present schema and the one to get to.

    :param there: the schema that is in the second.
    :param compared: the first, held against it.
    :param unseen: what is in neither, as sentences without period.
    """

    settings: Settings
    here: Target
    target: Target
    there: Schema
    compared: Compared
    unseen: tuple[str, ...]
    listen: Listener

    def script(self, decide: Callable[[Renames], Renames]) -> Script:
        """What leads from here to there, and back.

        :param decide: told what may have been renamed, says what was; again for what is in a table that was.
        :raises ProgramFailed: the library that compares is not installed.
        """
        from dbops.safety.diff.compare import compare

        with (
            databases.session(self.here, "migrate", self.listen) as here,
            databases.session(self.target, "migrate", self.listen) as there,
        ):
            found = compare(here, there, _agreed(here, there, decide))
        return dataclasses.replace(found, unseen=tuple(dict.fromkeys((*self.unseen, *found.unseen))))


def _agreed(
    here: databases.Connection, there: databases.Connection, decide: Callable[[Renames], Renames]
) -> Renames:
    from dbops.safety.diff.renames import candidates

    agreed: Renames = ()
    asked: set[Rename] = set()
    while possible := tuple(one for one in candidates(here, there, agreed) if one not in asked):
        asked.update(possible)
        agreed = ordered((*agreed, *decide(possible)))
    return agreed


def require_up_to_date(statuses: Sequence[Status]) -> None:
    """:raises AnswerIsNo: a migration waits, which would be in the difference once more."""
    waiting = [status for status in statuses if status.state in _BEHIND]
    if waiting:
        raise AnswerIsNo(
            f"{plural(len(waiting), 'migration')} pending, the first is {waiting[0].version} {waiting[0].name}: "
            "the database is not what the folder makes",
            hint="bin/migrate up, then run this again",
        )


@contextmanager
def both(
    settings: Settings,
    live: Session,
    server: Target,
    goal: targets.Goal,
    clients: Sequence[Client],
    listen: Listener,
) -> Iterator[Both]:
    """Make both scratch databases; they are dropped whatever happens.

    :param server: where they are made: any database of it.
    :raises DbopsError: a schema cannot be made in one of them.
    """
    like = making.like(live.connection, live.identity.database) or Making()
    listen(Note(f"comparing {live.identity} with {goal}"))
    make = targets.ready(settings, live, goal, clients, listen)
    records = [*_own(live), *_of_other_tools(live)]
    with (
        schema_copy.empty(server, PREFIX, like, "diff", listen) as here,
        schema_copy.empty(server, PREFIX, like, "diff", listen) as there,
    ):
        unseen = schema_copy.copy(live, clients, settings.lock_timeout.value, here, listen)
        unseen += _reread(settings, server, make, here, there, like, clients, listen)
        for target in (here, there):
            targets.drop_tables(target, records, listen)
        wanted = verifying.schema_of(settings, there, listen)
        found = verifying.compared(wanted, verifying.schema_of(settings, here, listen))
        unseen += verifying.sentences(found.reordered)
        yield Both(settings, here, there, wanted, found, tuple(dict.fromkeys(unseen)), listen)


def _reread(
    settings: Settings,
    server: Target,
    make: targets.Make,
    here: Target,
    there: Target,
    like: Making,
    clients: Sequence[Client],
    listen: Listener,
) -> list[str]:
    """Make a goal's schema in a draft, and copy that as the live one is copied.

    The server spells many an expression otherwise once it reads its own words: `kind IN ('a', 'b')` of a varchar, say.
    Only when both sides have been read again does the same look the same.
    """
    with schema_copy.empty(server, PREFIX, like, "diff", listen) as draft:
        unseen = make(here, draft)
        with verifying.session(settings, draft, listen) as session:
            return unseen + schema_copy.copy(session, clients, settings.lock_timeout.value, there, listen)


def _own(live: Session) -> list[tuple[str, str]]:
    tables = live.tables
    return [(tables.schema, f"{tables.table}_events"), (tables.schema, tables.table)]


def _of_other_tools(live: Session) -> list[tuple[str, str]]:
    """What holds another tool's records is no part of the schema."""
    names = (name.partition(".") for name in tracking.elsewhere(live.connection))
    return [(schema, table) for schema, _, table in names]


def spelled(rename: Rename) -> str:
    """As `--rename` takes it."""
    return f"{'.'.join((*rename.owner, rename.old))}={rename.new}"
