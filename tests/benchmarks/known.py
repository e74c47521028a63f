"""The known ways to back up and to restore, as the lines that an administrator would write."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

from tests.benchmarks.contestants import environ
from tests.benchmarks.ground import Database
from tests.benchmarks.measure import Command

_STRICT = "set -euo pipefail\n"


@dataclasses.dataclass(frozen=True)
class Backup:
    """A way to back up.

    :param made: the file or folder that it leaves.
    :param dump: the lines that make it.
    :param check: the lines that make sure of it: fsync, sha256, a full read back.
    """

    name: str
    made: str
    dump: str
    check: str

    def command(self, folder: Path, database: Database, *, checked: bool) -> Command:
        """To be run in an empty folder."""
        return _shell(self.dump + (self.check if checked else ""), folder, database)


@dataclasses.dataclass(frozen=True)
class Restore:
    """A way to restore into an empty database.  `of` is the backup that it reads."""

    name: str
    of: Backup
    load: str

    def command(self, folder: Path, database: Database, *, analyze: bool) -> Command:
        """To be run in the folder in which the backup was made.

        :param analyze: with what a restore needs after it before anyone queries.
        """
        return _shell(self.load + ("psql -X -q -c ANALYZE\n" if analyze else ""), folder, database)


ORIGINAL = Backup("pg_dump | gzip", "f.sql.gz", "pg_dump | gzip > f.sql.gz\n", "")
PLAIN = Backup(
    "pg_dump | zstd -3",
    "f.sql.zst",
    "pg_dump | zstd -q -3 > f.sql.zst\n",
    "sync f.sql.zst\nsha256sum f.sql.zst > sums\nzstd -q -t f.sql.zst\n",
)
DIRECTORY = Backup(
    "pg_dump -Fd -j2 -Z1",
    "f.dir",
    "pg_dump -Fd -j2 -Z1 -f f.dir\n",
    "sync f.dir/* f.dir\nsha256sum f.dir/* > sums\npg_restore -f /dev/null f.dir\n",
)
CUSTOM = Backup(
    "pg_dump -Fc -Z0 | zstd -1",
    "f.dump.zst",
    "pg_dump -Fc -Z0 | zstd -q -1 > f.dump.zst\n",
    "sync f.dump.zst\nsha256sum f.dump.zst > sums\nzstd -q -d -c f.dump.zst | pg_restore -f /dev/null\n",
)
BACKUPS = (PLAIN, DIRECTORY, CUSTOM)

ORIGINAL_BACK = Restore(
    "gunzip | psql", ORIGINAL, "gunzip -c f.sql.gz | psql -X -q -v ON_ERROR_STOP=1 > said\n"
)
RESTORES = (
    Restore("pg_restore -1", CUSTOM, 'zstd -q -d -c f.dump.zst | pg_restore -1 -d "$PGDATABASE"\n'),
    Restore("pg_restore -j2", DIRECTORY, 'pg_restore --exit-on-error -j2 -d "$PGDATABASE" f.dir\n'),
)


def without_missing(ways: tuple[Backup, ...]) -> tuple[list[Backup], list[str]]:
    """The ways whose programs are there, and the names of the others."""
    here = [way for way in ways if "zstd" not in way.dump or shutil.which("zstd")]
    return here, [way.name for way in ways if way not in here]


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _shell(lines: str, folder: Path, database: Database) -> Command:
    path = os.pathsep.join((str(database.cluster.bindir), os.environ.get("PATH", os.defpath)))
    variables = environ(folder, **database.variables) | {"PATH": path}
    return Command(("bash", "-c", _STRICT + lines), variables, folder)
