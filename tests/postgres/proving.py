"""Measures a test's database the way that backups do."""

from __future__ import annotations

from typing import Any

from dbops.config.model import Setting, Target
from dbops.engines.contents import Contents
from dbops.engines.postgres.crew import Measure
from dbops.engines.postgres.fingerprint import measure
from dbops.engines.postgres.snapshot import Snapshot
from dbops.events import Listener, ignore
from tests.servers import Database


def target_of(database: Database, **keywords: Any) -> Target:
    """The database's owner, or who the keywords say."""
    parts = {**database.keywords, **keywords}
    return Target({part: Setting(str(value)) for part, value in parts.items()})


def superuser(database: Database) -> dict[str, Any]:
    """Keywords that connect as the server's superuser."""
    return {"user": database.server.user, "password": database.server.password}


def contents_of(
    database: Database,
    *,
    held: Snapshot | str | None = None,
    level: Measure = "full",
    jobs: int = 2,
    listen: Listener = ignore,
    only: set[tuple[str, str]] | None = None,
) -> Contents:
    """Measured by the superuser, so that a test's types and extensions are in nobody's way."""
    target = target_of(database, **superuser(database))
    return measure(target, held, level, jobs, listen, only)


def fingerprints(database: Database) -> dict[str, str | None]:
    """By table name, whatever the schema."""
    return {table.name: table.fingerprint for table in contents_of(database).tables}
