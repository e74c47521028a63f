"""Runs the checks on a session; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbops.safety.checkup import rows
from dbops.safety.checkup.catalog import CHECKS
from dbops.safety.checkup.model import Check, Finding

if TYPE_CHECKING:
    import psycopg


def checkup(connection: psycopg.Connection[Any], checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Everything that is found, problems first.

    :raises psycopg.Error: something may not be read.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        found = [
            Finding(check.name, check.level, about, said, check.query.strip(), mend)
            for check in checks
            for about, said, mend in connection.execute(check.query.encode()).fetchall()
        ]
        found += rows.orphans(connection)
    return sorted(found, key=lambda finding: finding.level.value != "problem")
