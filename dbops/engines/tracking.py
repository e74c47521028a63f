"""The tracking table, whatever the engine: its names, and whose a table of that name is."""

from __future__ import annotations

from dbops.engines.records import UNKNOWN_TOOL, ForeignTable
from dbops.errors import Refused

DEFAULT_TABLE = "schema_migrations"
BESIDE_ANOTHER_TOOL = "dbops_migrations"

OURS = frozenset({"version", "sort_key", "raw_checksum", "checksum_algorithm", "down_sql"})
"""Columns that only dbops' table has all of."""

_TRADING_ENGINE = frozenset({"version", "name", "description", "applied_at", "execution_time_ms", "checksum"})


def tool_of(columns: frozenset[str], *, rails: bool) -> str:
    """The other tool that made a table of these columns.

    :param rails: whether a table ar_internal_metadata stands beside it.
    """
    if "dirty" in columns:
        return "golang-migrate"
    if columns == {"version"}:
        return "Rails" if rails else "dbmate"
    if columns == _TRADING_ENGINE:
        return "the trading engine's original tool"
    return UNKNOWN_TOOL


def foreign_table(foreign: ForeignTable, *, adopts: bool) -> Refused:
    """Another tool's table stands where dbops' would be.

    :param adopts: whether `adopt` works on this engine.
    """
    return Refused(
        f"{foreign.table} belongs to {foreign.tool}; dbops does not write to it",
        hint="bin/migrate adopt takes its history over, and keeps dbops' records beside it"
        if adopts and foreign.tool != UNKNOWN_TOOL
        else 'keep dbops\' records beside it: tracking-table = "dbops_migrations" under [tool.dbops] in pyproject.toml, '
        "then bin/migrate baseline VERSION records what is applied already",
    )
