"""What a format is asked: whose a file is, and what its text means."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from dbops.engines.records import Direction

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Section, Text
    from dbops.migrations.model import MigrationFile

Layout = Literal["flat", "folders", "tree"]


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """A format's answer to a file name: which version it is, under which name, with which sections.

    `direction` is None for a file that holds both sections.
    """

    version: str
    name: str
    direction: Direction | None = None


class Format(ABC):
    """One way to write migrations.  Implementations hold no state.

    `layout` says where its files are: in the folder itself, one level below it
    (a folder per migration), or anywhere below it.  `order` is "text" where
    the tool that the format comes from sorts versions as text.  `is_sql` is
    False where the files are code, to which nothing that psql reads belongs.
    """

    name: ClassVar[str]
    layout: ClassVar[Layout] = "flat"
    order: ClassVar[Literal["number", "text"]] = "number"
    has_placeholders: ClassVar[bool] = False
    is_sql: ClassVar[bool] = True
    up_beside_down: ClassVar[str] = "no file beside it that goes up"

    @abstractmethod
    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Whether a file of this name is a migration of this format; decided by the names alone.

        :param file_name: relative to the migrations folder, with `/` where the layout has folders.
        :param beside: the names of all files there.
        """

    @abstractmethod
    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """The sections of a migration.

        :param down: the text of `file.down_path`, None where there is no such file.
        :raises DbopsError: with file and line, where the text breaks the format's rules.
        """

    @abstractmethod
    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """The files of a new migration: file name to content.

        :param like: the newest migration of the folder, whose spelling they follow.
        :raises UsageError: where only the format's own tool can write them.
        """

    def next_version(self, newest: str | None) -> str | None:
        """The version behind the newest one, for a format whose versions are no numbers; None counts on."""
        return None

    def check(self, folder: Path, names: Collection[str]) -> None:
        """Look for what the format's own tool would run and dbops would not.

        :raises ConfigError: naming the file.
        """
        return

    def expand(self, section: Section, variables: Mapping[str, str]) -> Section:
        """The section with its placeholders replaced; as it is, where the format has none.

        :raises DbopsError: with file and line, for a placeholder without a value.
        """
        return section


class Plain(Format):
    """A format whose files are made for psql: its variables are replaced."""

    has_placeholders = True

    def expand(self, section: Section, variables: Mapping[str, str]) -> Section:
        """`:'name'`, `:"name"` and `:name` outside of strings and comments."""
        from dbops.migrations.formats import psql

        return psql.expand(section, variables)
