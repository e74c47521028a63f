"""What this machine has: PostgreSQL's programs, processors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbops.programs import Client


def clients() -> tuple[Client, ...]:
    """Every pg_dump, pg_restore and psql that is found, the user's `PATH` included."""
    from dbops import programs

    return programs.clients(os.environ.get("PATH", os.defpath))


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
