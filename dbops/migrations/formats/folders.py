"""`2024-01-31-120000_name/up.sql` with `down.sql` beside it: a folder per migration (Diesel's layout)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.errors import DbopsError
from dbops.migrations.formats.base import Claim, Plain
from dbops.migrations.formats.pairs import down_text, outside_transactions, parse_pair, up_text

if TYPE_CHECKING:
    from pathlib import Path

    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<version>\d[\d-]*)_(?P<name>[^/]+)/(?P<direction>up|down)\.sql", re.ASCII | re.DOTALL)


class Folders(Plain):
    """The version is what stands before the first `_` of the folder's name, without hyphens."""

    name = "folders"
    layout = "folders"
    up_beside_down = "no up.sql beside it"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """`up.sql` and `down.sql` in a folder of their own."""
        match = _NAME.fullmatch(file_name)
        if match is None:
            return None
        return Claim(match["version"].replace("-", ""), match["name"], Direction(match["direction"]))

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Each file is a section as a whole; `run_in_transaction` of `metadata.toml` counts for both."""
        migration = parse_pair(file, up, down)
        if _in_transaction(file.path.parent / "metadata.toml"):
            return migration
        return outside_transactions(migration)

    def file_names(self, version: str, name: str) -> dict[str, str]:
        """A folder with both files; a version that is a time is written as Diesel does."""
        if len(version) == 14 and version.isdigit():
            version = f"{version[:4]}-{version[4:6]}-{version[6:8]}-{version[8:]}"
        return {
            f"{version}_{name}/up.sql": up_text(version, name),
            f"{version}_{name}/down.sql": down_text(version, name),
        }


def _in_transaction(path: Path) -> bool:
    """What `metadata.toml` says.

    :raises DbopsError: where it is not TOML, or says something else than true or false.
    """
    if not path.exists():
        return True
    import tomllib

    from dbops.migrations.texts import read_text

    try:
        value = tomllib.loads(read_text(path).text).get("run_in_transaction", True)
    except tomllib.TOMLDecodeError as error:
        raise DbopsError(f"{path}: {error}", hint="mend the file") from None
    if not isinstance(value, bool):
        raise DbopsError(f"{path}: run_in_transaction is not true or false", hint="mend the file")
    return value
