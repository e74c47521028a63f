"""`001_x.sql` with `001_x_rollback.sql` or `001_x.rollback.sql`: the file that undoes another has its name and a word."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.migrations.formats.base import Claim, Plain
from dbops.migrations.formats.naming import down_text, separator, up_text
from dbops.migrations.formats.pairs import parse_pair
from dbops.migrations.formats.single import claim_single

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile

_ENDINGS = ("_rollback.sql", ".rollback.sql", "-rollback.sql")


class RollbackPairs(Plain):
    """A file per direction; only files that have their other half are of this format."""

    name = "rollback-pairs"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Names of which the other half is there, too."""
        for ending in _ENDINGS:
            forward = f"{file_name.removesuffix(ending)}.sql"
            if file_name.endswith(ending) and forward in beside:
                claim = claim_single(forward)
                return claim and Claim(claim.version, claim.name, Direction.DOWN)
        stem = file_name.removesuffix(".sql")
        if any(f"{stem}{ending}" in beside for ending in _ENDINGS):
            claim = claim_single(file_name)
            return claim and Claim(claim.version, claim.name, Direction.UP)
        return None

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Each file is a section as a whole."""
        return parse_pair(file, up, down)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """A file and the one that undoes it."""
        undoing = like.down_name if like and like.down_name else ""
        ending = next((ending for ending in _ENDINGS if undoing.endswith(ending)), _ENDINGS[0])
        stem = f"{version}{separator(like)}{name}"
        return {f"{stem}.sql": up_text(version, name), f"{stem}{ending}": down_text(version, name)}
