"""A shop on a database of either engine that can be backed up, restored and spoilt."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tests.conftest import Outcome
from tests.contract.site import Postgres, Site, Sqlite
from tests.postgres.scratching import allow_databases, scratches
from tests.servers import drop_database

ROWS = 500
_FILL = f"""
INSERT INTO items WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
SELECT i, 'item ' || i, i / 7.0 FROM n
"""


@dataclasses.dataclass(frozen=True)
class Shop:
    """The site with two tables; `what` tells which state the database is in."""

    site: Site

    @property
    def folder(self) -> Path:
        """The folder of backups."""
        return self.site.project.folder / "backups"

    @property
    def confirmed(self) -> tuple[str, str]:
        """The consent to what can lose data."""
        return "--confirm", self.site.engine.name

    def run(self, *argv: str) -> Outcome:
        """`dbops ARGV`."""
        return self.site.project.run(*argv)

    def ran(self, *argv: str) -> Outcome:
        """`dbops ARGV`, which must succeed."""
        outcome = self.run(*argv)
        assert outcome.code == 0, outcome
        return outcome

    def what(self) -> str:
        """The state of the database."""
        ((found,),) = self.site.engine.query("SELECT what FROM state")
        return str(found)

    def become(self, what: str) -> None:
        """Another state."""
        self.site.engine.query(f"UPDATE state SET what = '{what}'")

    def spoil(self) -> None:
        """Change one byte in the middle of the newest backup's largest file."""
        files = [path for path in self.folder.rglob("archive*") if path.is_file()]
        files += list(self.folder.rglob("archive/*"))
        path = max(files, key=lambda one: one.stat().st_size)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))

    def listed(self) -> list[dict[str, Any]]:
        """What `backup list` says."""
        rows: list[dict[str, Any]] = self.ran("backup", "list", "--json").json["backups"]
        return rows

    def displaced(self) -> list[str]:
        """The displaced databases of this one."""
        rows = self.ran("restore", "--json").json["displaced"]
        ours = {self.site.engine.name, *([self._path.name] if self._path else [])}
        return [row["name"] for row in rows if row["database"] in ours]

    @property
    def elsewhere(self) -> str:
        """What --to takes."""
        return str(self._path.with_name("copy.db")) if self._path else f"{self.site.engine.name}_copy"

    def query_elsewhere(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement in the database `elsewhere`."""
        engine = self.site.engine
        if isinstance(engine, Sqlite):
            return Sqlite(Path(self.elsewhere)).query(statement)
        assert isinstance(engine, Postgres)
        other = dataclasses.replace(engine.database, name=self.elsewhere)
        return Postgres(other).query(statement)

    @property
    def _path(self) -> Path | None:
        return self.site.engine.path if isinstance(self.site.engine, Sqlite) else None


def build(site: Site) -> Shop:
    """Make the tables; on a server let the role make databases, as a restore must."""
    if isinstance(site.engine, Postgres):
        allow_databases(site.engine.database)
    for statement in (
        "CREATE TABLE state (what text)",
        "INSERT INTO state VALUES ('first')",
        "CREATE TABLE items (id integer PRIMARY KEY, name text, price real)",
        _FILL,
    ):
        site.engine.query(statement)
    return Shop(site)


def clear(shop: Shop) -> None:
    """Drop the databases that restores have made on the server; files go with their folder."""
    engine = shop.site.engine
    if not isinstance(engine, Postgres):
        return
    ours = engine.database
    for name in scratches(ours, ""):
        if name != ours.name:
            drop_database(dataclasses.replace(ours, name=name))
