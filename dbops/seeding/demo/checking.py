"""Proves with SQL that the trading engine's tables add up."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from dbops.seeding.demo.checks import CHECKS
from dbops.seeding.demo.reading import require_tables

if TYPE_CHECKING:
    import psycopg


@dataclasses.dataclass(frozen=True)
class Finding:
    """A rule, how many rows break it, and one of them."""

    rule: str
    violations: int
    sample: str | None

    @property
    def holds(self) -> bool:
        """Whether no row breaks it."""
        return self.violations == 0


def check(connection: psycopg.Connection[Any]) -> tuple[Finding, ...]:
    """Look at every rule; reads only.

    :raises DbopsError: not the trading engine's schema.
    """
    require_tables(connection)
    return tuple(_look(connection, rule, query) for rule, query in CHECKS)


def _look(connection: psycopg.Connection[Any], rule: str, query: str) -> Finding:
    counting = f"SELECT count(*), min(sample) FROM ({query}) AS v (sample)"
    row = connection.execute(counting.encode()).fetchone()
    assert row is not None
    return Finding(rule, row[0], row[1])
