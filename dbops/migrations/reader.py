"""What can be said of a folder and a database without planning or changing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.events import Detail, Listener
from dbops.migrations import compare, discovery
from dbops.migrations.drift import has_drifted, same_as
from dbops.migrations.model import Folder, State, Status
from dbops.migrations.moved import counted_as, recognised
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.config.model import Settings
    from dbops.engines.log import LoggedEvent
    from dbops.engines.records import Applied
    from dbops.engines.session import Session


class Reader:
    """Migrations of one folder, held against one database."""

    def __init__(self, session: Session, settings: Settings, listen: Listener) -> None:
        self.session = session
        self.settings = settings
        self._listen = listen
        self._folder: Folder | None = None

    @property
    def folder(self) -> Folder:
        """The migrations folder, read once.

        :raises ConfigError: where it is missing or holds no migration.
        """
        if self._folder is None:
            settings = self.settings
            self._folder = discovery.discover(
                settings.migrations_dir, settings.migration_format, settings.variables, self.session.dialect
            )
            self._listen(Detail(f"{self._folder.path}: {self._folder.read_as}"))
        return self._folder

    @property
    def initialised(self) -> bool:
        """Whether the tracking tables are there.

        :raises Refused: where the tracking table belongs to another tool.
        """
        return self.session.read().initialised

    def statuses(self) -> list[Status]:
        """How every version stands, in order.

        :raises Refused: where the tracking table belongs to another tool.
        """
        recorded = self.session.read()
        found = compare.compare(self.folder, recorded, has_drifted)
        if any(status.state is State.OUT_OF_ORDER for status in found):
            moved = counted_as(self.session.events())
            found = compare.compare(self.folder, recorded, has_drifted, moved) if moved else found
        return recognised(found, same_as)

    def newest(self) -> Applied | None:
        """The row of the highest applied version; None where nothing is applied."""
        rows = reversed(self.session.read().rows)
        return next((row for row in rows if not Version(row.version, row.sort_key).repeatable), None)

    def history(self) -> list[LoggedEvent]:
        """The event log, oldest first."""
        return self.session.events()
