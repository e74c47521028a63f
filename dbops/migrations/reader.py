"""What can be said of a folder and a database without planning or changing anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dbops.events import Detail, Listener
from dbops.migrations import compare, discovery
from dbops.migrations.drift import has_drifted, same_as
from dbops.migrations.model import Folder, MigrationFile, State, Status
from dbops.migrations.moved import counted_as, recognised
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.config.model import Settings
    from dbops.engines.log import LoggedEvent
    from dbops.engines.records import Applied, Recorded
    from dbops.engines.session import Session
    from dbops.migrations.adopt.mirror import Mirror


class Reader:
    """Migrations of one folder, held against one database."""

    def __init__(self, session: Session, settings: Settings, listen: Listener) -> None:
        self.session = session
        self.settings = settings
        self._listen = listen
        self._folder: Folder | None = None
        self.elsewhere: tuple[str, ...] = ()
        """Where dbops has no records: tables that look like another tool's."""
        self.behind = False
        """Whether the other tool, whose table is kept in step, has done what is not recorded here yet."""

    @property
    def folder(self) -> Folder:
        """The migrations folder, read once.

        :raises ConfigError: where it is missing or holds no migration.
        """
        if self._folder is None:
            settings = self.settings
            if settings.alembic is not None:
                from dbops.migrations.alembic.update import catch_up

                catch_up(settings, self._begun, self._listen)
            self._folder = discovery.discover(
                settings.migrations_dir, settings.migration_format, settings.variables, self.session.dialect
            )
            self._listen(Detail(f"{self._folder.path}: {self._folder.read_as}"))
        return self._folder

    def _begun(self) -> frozenset[str]:
        """The sort keys of what is applied, or stopped in the middle."""
        found = self.session.read()
        halves = (Version.named(line.version).key for line in found.journal)
        return frozenset((*(row.sort_key for row in found.rows), *halves))

    @property
    def initialised(self) -> bool:
        """Whether the tracking tables are there.

        :raises Refused: where the tracking table belongs to another tool.
        """
        return self.session.read().initialised

    def statuses(self, drifted: Callable[[MigrationFile, Applied], bool] = has_drifted) -> list[Status]:
        """How every version stands, in order; with what another tool has done whose table is kept in step.

        :param drifted: what tells whether a file no longer means what was applied.
        :raises Refused: where the tracking table belongs to another tool.
        """
        recorded = self.session.read()
        self.elsewhere = recorded.elsewhere
        mirror = self.mirror(recorded)
        if mirror is not None:
            rows, recorded = recorded.rows, mirror.seen(recorded)
            self.behind = recorded.rows != rows
        found = compare.compare(self.folder, recorded, drifted)
        if any(status.state is State.OUT_OF_ORDER for status in found):
            moved = counted_as(self.session.events())
            found = compare.compare(self.folder, recorded, drifted, moved) if moved else found
        return recognised(found, same_as)

    def mirror(self, recorded: Recorded) -> Mirror | None:
        """The other tool's table that is kept in step, if there is one."""
        if recorded.mirror is None:
            return None
        from dbops.migrations.adopt.mirror import Mirror

        return Mirror.open(self.session, self.settings, self.folder, recorded.mirror, self._listen)

    def newest(self) -> Applied | None:
        """The row of the highest applied version; None where nothing is applied."""
        return compare.newest_row(self.session.read().rows)

    def history(self) -> list[LoggedEvent]:
        """The event log, oldest first."""
        return self.session.events()
