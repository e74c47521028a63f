"""What hooks of `bin/migrate` are told, kept up to date while migrations run."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping

from dbops.cli.hooks import Hooks
from dbops.engines.records import Applied, Direction
from dbops.events import Event, Listener
from dbops.migrations.planner import Plan
from dbops.migrations.progress import MigrationDone
from dbops.migrations.version import Version


class Told:
    """A listener that passes on what it hears, and tells the hooks which versions are done."""

    def __init__(self, hook: Hooks, listen: Listener) -> None:
        self._hook = hook
        self._listen = listen
        self._versions: Mapping[str, Version] = {}
        self._applied: list[Version] = []  # in order, for a thousand of them end one by one
        self._done: dict[str, None] = {}

    def begins(self, made: Plan, rows: Iterable[Applied]) -> None:
        """Nothing is done yet of a plan that is made for a database with these rows."""
        self._versions = {step.version.text: step.version for step in made.steps}
        found = (Version(row.version, row.sort_key) for row in rows)
        self._applied = sorted(version for version in found if not version.repeatable)
        self._hook.tell(from_version=self._newest(), to_version=self._newest())

    def event(self, event: Event) -> None:
        """Hear one, and pass it on."""
        self._listen(event)
        if self._hook.awaits and isinstance(event, MigrationDone):
            version = self._versions.get(event.version) or Version.named(event.version)
            self._note(version, applied=event.direction == Direction.UP.value)
            self._done[event.version] = None
            self._hook.tell(versions=list(self._done), to_version=self._newest())

    def ended(self, done: Plan, newest: Applied | None) -> None:
        """All of the plan is done, the records that run no SQL, too."""
        versions = list(dict.fromkeys(step.version.text for step in done.steps))
        self._hook.tell(versions=versions, to_version=newest.version if newest else None)

    def _note(self, version: Version, *, applied: bool) -> None:
        place = bisect.bisect_left(self._applied, version)
        known = self._applied[place : place + 1] == [version]
        if applied and not known and not version.repeatable:
            self._applied.insert(place, version)
        elif known and not applied:
            del self._applied[place]

    def _newest(self) -> str | None:
        return self._applied[-1].text if self._applied else None
