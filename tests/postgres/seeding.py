"""What the tests of fixture sets share: a folder of sets, and loading them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from dbops.events import Event
from dbops.seeding.fixtures import BadFixtures, Context, Options, Summary, choose, discover, load
from dbops.seeding.postgres.engine import Postgres

NOW = datetime(2026, 5, 31, 12, 30, tzinfo=UTC)


@dataclasses.dataclass
class Seeds:
    """A seeds folder, and a database to load it into.  `events` is what the last load told."""

    folder: Path
    connection: psycopg.Connection[Any]
    events: list[Event] = dataclasses.field(default_factory=list)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the set `dev`, or of the set named before a slash."""
        path = self.folder / (name if "/" in name else f"dev/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(
        self,
        *names: str,
        environ: Mapping[str, str] | None = None,
        now: datetime = NOW,
        connection: psycopg.Connection[Any] | None = None,
        **options: Any,
    ) -> Summary:
        """Load sets, `dev` where none is named."""
        self.events = []
        sets = choose(discover(self.folder), names or ("dev",))
        context = Context(now, environ or {})
        engine = Postgres(connection or self.connection)
        return load(engine, sets, context, Options(**options), self.events.append)

    def counts(self, *names: str, **keywords: Any) -> dict[str, tuple[int, int, int]]:
        """Load; by table how many rows were inserted, updated, unchanged."""
        summary = self.load(*names, **keywords)
        return {one.table: (one.inserted, one.updated, one.unchanged) for one in summary.tables}

    def problems(self, *names: str, **keywords: Any) -> list[str]:
        """What is wrong, one sentence each."""
        try:
            self.load(*names, **keywords)
        except BadFixtures as error:
            return [str(problem) for problem in error.problems]
        return []

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        return self.connection.execute(query.encode()).fetchall()
