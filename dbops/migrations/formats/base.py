"""What a format is asked: whose a file is, and what its text means."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from dbops.engines.records import Direction

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """A format's answer to a file name: which version it is, under which name, with which sections.

    `direction` is None for a file that holds both sections.
    """

    version: str
    name: str
    direction: Direction | None = None


class Format(Protocol):
    """One way to write migrations.  Implementations hold no state."""

    name: str

    def claim(self, file_name: str) -> Claim | None:
        """Whether a file of this name is a migration of this format; decided by the name alone."""

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """The sections of a migration.

        :param down: the text of `file.down_path`, None where there is no such file.
        :raises DbopsError: with file and line, where the text breaks the format's rules.
        """

    def file_names(self, version: str, name: str) -> dict[str, str]:
        """The files of a new migration: file name to content."""
