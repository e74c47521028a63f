"""What came of the rounds, as data."""

from __future__ import annotations

import dataclasses
import enum

from dbops.engines.schema import Difference
from dbops.migrations.model import MigrationFile


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What is asked for.

    :param every: also the applied ones.
    :param with_rows: the tables have rows when a migration runs.
    :param twice: each up runs again where it has run.
    :param own_server: migrations may change what all databases of the server share, roles for instance.
    :param deadline: seconds for which a migration is tried again that cannot get a lock.
    :param ignored: patterns of objects that are left out where the files are held against the database.
    """

    every: bool
    with_rows: bool
    twice: bool
    own_server: bool
    deadline: float
    ignored: tuple[str, ...] = ()


class Verdict(enum.Enum):
    """How a round ended.  The words are part of the JSON contract."""

    COMES_BACK = "comes back"
    NO_DOWN = "no down"
    DIFFERS = "differs"
    UP_FAILS = "up fails"
    DOWN_FAILS = "down fails"
    UP_AGAIN_FAILS = "up again fails"
    DOWN_AGAIN_FAILS = "down again fails"
    NOT_RUN = "not run"
    """One before it fails also without rows, so that there is nothing to begin with."""

    @property
    def good(self) -> bool:
        """Whether there is nothing to mend."""
        return self in {Verdict.COMES_BACK, Verdict.NO_DOWN}


class After(enum.Enum):
    """After what the schema is not what it should be; also words of the JSON contract."""

    DOWN = "down"
    UP_AGAIN = "up again"
    DOWN_AGAIN = "down again"
    UP_TWICE = "up twice"


@dataclasses.dataclass(frozen=True)
class Failure:
    """What a section was refused with.

    :param only_with_rows: it runs where the tables are empty.
    :param of_generated: it may well run with other rows, too, than those that were generated.
    """

    message: str
    detail: str | None
    only_with_rows: bool = False
    of_generated: bool = False


@dataclasses.dataclass(frozen=True)
class Found:
    """One object that is not as it should be: `before` is what should be there, `after` what is."""

    after: After
    difference: Difference


class Way(enum.Enum):
    """On which way values were lost; also words of the JSON contract."""

    UP_AND_DOWN = "up and down"
    """What was there before the migration is not there after its down."""
    DOWN_AND_UP = "down and up"
    """What came after the migration does not survive its down: what a rollback loses."""


@dataclasses.dataclass(frozen=True)
class Lost:
    """A column that has other values than before.  `values` is how many there were, not null.

    :param of_sequence: the values are there, but the sequence that the column takes from begins anew.
    """

    table: str
    column: str
    values: int
    way: Way = Way.DOWN_AND_UP
    of_sequence: bool = False


@dataclasses.dataclass(frozen=True)
class Bare:
    """A table that had no rows in a round, so that what they would have shown was not seen."""

    table: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Round:
    """One migration's.  `bare` is empty where no rows were asked for."""

    file: MigrationFile
    verdict: Verdict
    found: tuple[Found, ...] = ()
    failure: Failure | None = None
    lost: tuple[Lost, ...] = ()
    bare: tuple[Bare, ...] = ()


@dataclasses.dataclass(frozen=True)
class History:
    """The schema that the applied files make, held against the live one: `unknown` is why it was not."""

    unknown: str | None
    differences: tuple[Difference, ...] = ()


@dataclasses.dataclass(frozen=True)
class Rounds:
    """All of them, in order of version."""

    rounds: tuple[Round, ...]
    history: History
