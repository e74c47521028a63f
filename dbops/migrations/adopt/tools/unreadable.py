"""Tools whose histories are recognised and cannot be taken over, since there are no files here that they could match."""

from __future__ import annotations

from typing import ClassVar

from dbops.errors import Refused
from dbops.migrations.adopt.model import History, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool


class _Unreadable(Tool):
    why: ClassVar[str]
    instead: ClassVar[str] = (
        "write the schema as it is into a first migration (pg_dump --schema-only), then: bin/migrate baseline VERSION"
    )

    def read(self, ask: Ask, table: TableName) -> History:
        """:raises Refused: always."""
        raise Refused(
            f"{table} is {self.name}'s, whose history cannot be taken over: {self.why}", hint=self.instead
        )


class Sqitch(_Unreadable):
    """Changes without versions, in the order of a plan."""

    name = "sqitch"
    tables = ("changes",)
    schema = "sqitch"
    columns = frozenset({"change_id", "script_hash", "change", "project"})
    why = "its changes have no version, only a place in sqitch.plan, and dbops has no format for that"


class Pgroll(_Unreadable):
    """Operations in JSON."""

    name = "pgroll"
    tables = ("migrations",)
    schema = "pgroll"
    columns = frozenset({"schema", "name", "migration", "parent", "done"})
    why = "its migrations are operations in JSON or YAML, not SQL"


class Reshape(_Unreadable):
    """Actions in TOML or JSON."""

    name = "reshape"
    tables = ("migrations",)
    schema = "reshape"
    columns = frozenset({"index", "name", "description", "actions"})
    why = "its migrations are actions in TOML or JSON, not SQL"
