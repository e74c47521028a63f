"""Backups that no server made: a manifest and an archive of a few bytes, for tests of what keeps and judges them."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any

from dbops.backups.entries import Backup
from dbops.backups.manifest import ArchiveInfo, Manifest, Member, PostgresManifest, Summary, Verification
from dbops.backups.store import Store
from dbops.engines.inventory import DatabaseProperties, Inventory

NOON = datetime.datetime(2026, 1, 18, 12, tzinfo=datetime.UTC)
CONTENT = b"the output of pg_dump"
FULL: dict[str, Any] = {"level": "full"}


def member(path: str = "archive/toc.dat", content: bytes = CONTENT) -> Member:
    """What a manifest says of a file."""
    return Member(path, len(content), hashlib.sha256(content).hexdigest())


def manifest(name: str = "before_release", **fields: Any) -> Manifest:
    """A manifest of one member; `database` names the database, other fields as in `Manifest`."""
    database = fields.pop("database", "trading_engine")
    properties = DatabaseProperties(database, "app", "UTF8", "C.UTF-8", "C.UTF-8", "libc")
    given = {
        "created_at": NOON,
        "duration": 1.5,
        "dbops_version": "0.1.0",
        "client_version": "pg_dump (PostgreSQL) 15.18",
        "hostname": "laptop",
        "who": "alice",
        "server": "localhost:5432",
        "inventory": Inventory("15.18", 150018, "7300000000000000001", properties),
        "archive": ArchiveInfo("directory", "zstd", (member(),), raw_bytes=100),
        "min_restore_major": 15,
        "proof": FULL,
        **fields,
    }
    return PostgresManifest(name=name, **given)


def publish(store: Store, name: str = "before_release", **fields: Any) -> Backup:
    """A backup in the store."""
    with store.begin(name) as partial:
        fill(partial.path)
        return partial.publish(manifest(name, **fields))


def fill(folder: Path) -> None:
    """Write the archive of `manifest`."""
    (folder / "archive").mkdir()
    (folder / "archive" / "toc.dat").write_bytes(CONTENT)


def backup(name: str, at: datetime.datetime = NOON, **fields: Any) -> Backup:
    """A backup that is in no store, to be judged; `level` is that of the proof, other fields as in `Summary`."""
    given = {
        "created_at": at,
        "server": "localhost:5432",
        "system_identifier": "1",
        "database": "trading_engine",
        "version": "007",
        "bytes": 1000,
        "format": "directory",
        "compression": "zstd",
        "options": (),
        "proof_level": fields.pop("level", "full"),
        "self_sha256": "0" * 64,
    }
    verifications = fields.pop("verifications", ())
    problem = fields.pop("problem", None)
    return Backup(name, Path("backups") / name, Summary(**{**given, **fields}), verifications, problem)


def verification(outcome: Any = "passed", how: Any = "checksums", hours: float = 1) -> Verification:
    """What a verify found so many hours after noon."""
    differences = () if outcome == "passed" else ("orders has 3 rows, 4 were expected",)
    return Verification(NOON + datetime.timedelta(hours=hours), how, outcome, "15.18", differences)
