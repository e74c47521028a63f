"""`2024-01-31-120000_name/up.sql` with `down.sql` beside it: a folder per migration (Diesel's layout)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.errors import DbopsError
from dbops.migrations.formats.base import Claim, Plain
from dbops.migrations.formats.naming import down_text, up_text
from dbops.migrations.formats.pairs import outside_transactions, parse_pair

if TYPE_CHECKING:
    from pathlib import Path

    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile

_NAME = re.compile(r"(?P<version>\d[\d-]*)_(?P<name>[^/]+)/(?P<direction>up|down)\.sql", re.ASCII | re.DOTALL)
_METADATA = "metadata.toml"
_DATED = (8, 14, 18)  # how many digits a date has, a time, and a time with four more


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
        if _in_transaction(file.path.parent / _METADATA):
            return migration
        return outside_transactions(migration)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """A folder with both files, and metadata.toml where the newest has one; a time is written as Diesel does."""
        if version.isdigit() and version[0] != "0" and len(version) in _DATED:
            parts = (version[:4], version[4:6], version[6:8], version[8:14], version[14:])
            version = "-".join(part for part in parts if part)
        stem = f"{version}_{name}"
        files = {f"{stem}/up.sql": up_text(version, name), f"{stem}/down.sql": down_text(version, name)}
        if like and (like.path.parent / _METADATA).exists():
            files[f"{stem}/{_METADATA}"] = "run_in_transaction = true\n"
        return files


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
