"""All that seeding asks of a database engine; the parts are said where they are asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from dbops.engines.catalog import TableName
from dbops.events import Listener
from dbops.seeding.fixtures.engine import FixtureEngine
from dbops.seeding.generate.filling import GeneratingEngine
from dbops.seeding.generate.probing import Probe


class SeedingEngine(FixtureEngine, GeneratingEngine, Protocol):
    """A database to seed, by one connection."""

    def probe(self) -> Probe:
        """Questions of planning."""

    def comment(self) -> str | None:
        """The database's comment, with its marks (`dbops.engines.marks`)."""

    def analyze(self, tables: Iterable[TableName], listen: Listener) -> None:
        """Tell the planner of queries of many new rows, after the commit; what fails is told as a warning."""
