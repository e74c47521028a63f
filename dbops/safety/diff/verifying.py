"""Whether a migration that was made leads from one schema to the other and back: run from its very text."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.backups import temporary
from dbops.config.model import Setting, Settings, Target
from dbops.engines.schema import Difference, Schema, differences
from dbops.errors import DbopsError
from dbops.migrations import discovery, texts
from dbops.migrations.planner import Work
from dbops.safety.diff.likeness import apart
from dbops.safety.rounds.model import Wishes
from dbops.safety.rounds.section import run as run_section

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session
    from dbops.events import Listener
    from dbops.migrations.model import MigrationFile
    from dbops.safety.diff.writing import Written


@dataclasses.dataclass(frozen=True)
class Compared:
    """Two schemas, held against each other.

    :param differences: `before` is what should be there, `after` what is.
    :param unchangeable: sentences on what differs and no statement changes, without period.
    """

    differences: tuple[Difference, ...]
    unchangeable: tuple[str, ...]


def compared(wanted: Schema, found: Schema) -> Compared:
    """How a schema differs from what it should be."""
    return Compared(*apart(differences(wanted, found)))


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the migration leads to: of both ways what is not as it should be.  `down` is None where there is no way back, or no way there."""

    up: Compared
    down: Compared | None

    @property
    def good(self) -> bool:
        """Whether nothing differs."""
        return not self.up.differences and not (self.down and self.down.differences)


def schema_of(settings: Settings, target: Target, listen: Listener) -> Schema:
    """What is in a scratch database."""
    with session(settings, target, listen) as opened:
        return opened.schema()


def verified(settings: Settings, written: Written, here: Target, there: Schema, listen: Listener) -> Verdict:
    """Run a migration up and down in a scratch database with the present schema.

    :param there: the schema that it shall lead to.
    :raises DbopsError: it does not run; its hint is of files that are there, so it has another one here.
    """
    with temporary.folder() as place, session(settings, here, listen) as opened:
        _put(written, place, settings.migrations_dir.value)
        try:
            file = _found(settings, written, place)
            return _both_ways(opened, settings, file, there, has_down=written.has_down)
        except DbopsError as error:
            said = error.message.replace(str(place), str(settings.migrations_dir.value))
            error.message = f"what could be made does not run, so nothing was written: {said}"
            error.args = (error.message,)
            error.hint = "bring it about by hand: bin/migrate new NAME"
            raise


def _found(settings: Settings, written: Written, place: Path) -> MigrationFile:
    format_name = Setting(written.new.format, "the folder")
    (file,) = discovery.discover(Setting(place, "a copy"), format_name).files
    return dataclasses.replace(file, variables=settings.variables or None)


def _both_ways(
    session: Session, settings: Settings, file: MigrationFile, there: Schema, *, has_down: bool
) -> Verdict:
    """What up leads to, and down where up leads there: it begins at what is there then."""
    wishes = Wishes(
        every=True, with_rows=False, twice=False, own_server=False, deadline=settings.deadline.value
    )
    before = session.schema()
    session.acquire_lock()
    session.initialise()
    run_section(session, file, Work.RUN_UP, wishes)
    up = compared(there, session.schema())
    if up.differences or not has_down:
        return Verdict(up, None)
    if texts.read(file).down is not None:  # None where nothing could be made that leads back
        run_section(session, file, Work.RUN_DOWN, wishes)
    return Verdict(up, compared(before, session.schema()))


def _put(written: Written, place: Path, folder: Path) -> None:
    """Write the files as they will be, in a folder for them alone."""
    for path, text in written.new.texts.items():
        copy = place / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")


def session(settings: Settings, target: Target, listen: Listener) -> Session:
    """A session in a scratch database."""
    from dbops.engines.postgres.session import Session

    return Session.open(dataclasses.replace(settings, target=target), "migrate diff", listen)
