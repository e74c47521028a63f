"""The formats that migrations are written in, one module each, imported when a folder has files of it.

To add one: a module with a class that is a `Format`, its line in `_CLASSES`,
what tells its files from others' in `dbops/migrations/detection.py`, cases
under `tests/data/formats/`, and a section in `docs/formats.md`.
"""

from __future__ import annotations

import functools
import importlib

from dbops.migrations.formats.base import Claim, Format

_CLASSES = {
    "single": "SingleFile",
    "pairs": "Pairs",
    "rollback-pairs": "RollbackPairs",
    "v-prefix": "VPrefix",
    "folders": "Folders",
    "goose": "Goose",
    "dbmate": "Dbmate",
    "sql-migrate": "SqlMigrate",
    "sqlx": "Sqlx",
    "node-pg-migrate": "NodePgMigrate",
    "tern": "Tern",
    "graphile-migrate": "GraphileMigrate",
    "yoyo": "Yoyo",
    "pgmigrate": "Pgmigrate",
    "flyway": "Flyway",
    "python-modules": "PythonModules",
}
NAMES = tuple(_CLASSES)


@functools.cache
def by_name(name: str) -> Format:
    """The format of that name; KeyError if there is none."""
    class_name = _CLASSES[name]
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    made: Format = getattr(module, class_name)()
    return made


__all__ = ["NAMES", "Claim", "Format", "by_name"]
