"""Whether a migration that was made leads from one schema to the other and back: run from its very text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.backups import temporary
from dbops.config.model import Setting, Settings, Target
from dbops.engines.schema import Difference, Schema, differences
from dbops.errors import DbopsError
from dbops.migrations import discovery, texts
from dbops.migrations.planner import Work
from dbops.safety.diff.likeness import is_order_only
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
    :param reordered: the tables that differ in nothing but the order of their columns, which no statement changes.
    """

    differences: tuple[Difference, ...]
    reordered: tuple[str, ...]


def compared(wanted: Schema, found: Schema) -> Compared:
    """How a schema differs from what it should be."""
    all_of_them = differences(wanted, found)
    reordered = tuple(one.object for one in all_of_them if is_order_only(one))
    return Compared(tuple(one for one in all_of_them if one.object not in reordered), reordered)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the migration leads to: of both ways what is not as it should be.  `down` is None where there is no way back."""

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
    :raises DbopsError: it does not run.
    """
    with temporary.folder() as place, session(settings, here, listen) as opened:
        _put(written, place, settings.migrations_dir.value)
        try:
            return _both_ways(opened, settings, _found(settings, written, place), there)
        except DbopsError as error:
            error.message = error.message.replace(str(place), str(settings.migrations_dir.value))
            error.args = (error.message,)
            raise


def _found(settings: Settings, written: Written, place: Path) -> MigrationFile:
    format_name = Setting(written.new.format, "the folder")
    (file,) = discovery.discover(Setting(place, "a copy"), format_name).files
    return dataclasses.replace(file, variables=settings.variables or None)


def _both_ways(session: Session, settings: Settings, file: MigrationFile, there: Schema) -> Verdict:
    wishes = Wishes(
        every=True, with_rows=False, twice=False, own_server=False, deadline=settings.deadline.value
    )
    before = session.schema()
    session.acquire_lock()
    session.initialise()
    run_section(session, file, Work.RUN_UP, wishes)
    up = compared(there, session.schema())
    if texts.read(file).down is None:
        return Verdict(up, None)
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


def sentences(reordered: Iterable[str]) -> list[str]:
    """What is to be said of tables whose columns come in another order."""
    return [
        f"the order of columns of {name} stays another, since no statement changes it" for name in reordered
    ]
