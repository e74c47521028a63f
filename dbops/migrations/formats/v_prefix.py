"""`V001_x.sql`, `v2-x.up.sql`: a number with a letter before it; otherwise single files and pairs."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.migrations.formats.base import Claim, Plain
from dbops.migrations.formats.pairs import Pairs, parse_pair
from dbops.migrations.formats.single import SingleFile

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile


class VPrefix(Plain):
    """Names of single files and pairs with `V` or `v` before them."""

    name = "v-prefix"
    up_beside_down = "no .up.sql beside it"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """What stands behind the letter is a pair's or a single file's name."""
        if file_name[:1] not in {"V", "v"}:
            return None
        claim = Pairs().claim(file_name[1:]) or SingleFile().claim(file_name[1:])
        return claim and Claim(claim.version, claim.name, claim.direction)

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """As a pair where the name says up or down, else as a single file."""
        if file.file_name.endswith(f".{Direction.UP.value}.sql"):
            return parse_pair(file, up, down)
        return SingleFile().parse(file, up, down)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """A single file; a pair, and a small letter, where the folder has those."""
        paired = like is not None and like.file_name.endswith(f".{Direction.UP.value}.sql")
        letter = like.file_name[0] if like else "V"
        made = (Pairs() if paired else SingleFile()).file_names(version, name, like)
        return {f"{letter}{file_name}": text for file_name, text in made.items()}
