"""What the library returns: frozen data."""

from __future__ import annotations

import dataclasses

from dbops.migrations.planner import Plan


@dataclasses.dataclass(frozen=True)
class Changed:
    """What a verb has done, or with `dry_run` would do.

    `versions` are those that were applied, undone or recorded, in the order of the plan, each as its file has it; none
    in a dry run.  `current` is the newest applied version afterwards, None on an empty database.  `database` is
    `user@host:port/name`.
    """

    plan: Plan
    versions: tuple[str, ...]
    current: str | None
    database: str
    dry_run: bool = False


@dataclasses.dataclass(frozen=True)
class Started:
    """What `migrate_on_start` has found and done.

    `applied` are the versions that this process has applied, in order: none where another replica did, where nothing
    was pending, and where it is `off`.  `current` is the newest applied version; None on an empty database, and where
    it is off, since no database was asked.  `ahead` are versions that the database has and this folder has not: this
    is an older image.  `waited` is how long this process waited for others and for room on the server, in seconds.
    """

    applied: tuple[str, ...] = ()
    current: str | None = None
    ahead: tuple[str, ...] = ()
    waited: float = 0.0
    off: bool = False
