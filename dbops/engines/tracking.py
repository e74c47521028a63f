"""The tracking table, whatever the engine: its names, and whose a table of that name is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from dbops.engines.records import UNKNOWN_TOOL, ForeignTable
from dbops.errors import Refused

DEFAULT_TABLE = "schema_migrations"
BESIDE_ANOTHER_TOOL = "dbops_migrations"

OURS = frozenset({"version", "sort_key", "raw_checksum", "checksum_algorithm", "down_sql"})
"""Columns that only dbops' table has all of."""

_TRADING_ENGINE = frozenset({"version", "name", "description", "applied_at", "execution_time_ms", "checksum"})


Tables = TypeVar("Tables")
"""Where an engine's two tables are; as text, the name that people know."""


@dataclasses.dataclass(frozen=True)
class Found(Generic[Tables]):
    """Which tables to use, whether they are there, and the other tool's table of that name, if there is one."""

    tables: Tables
    exist: bool
    foreign: ForeignTable | None = None


def found(
    candidates: Sequence[Tables], columns: Callable[[Tables], frozenset[str]], rails: Callable[[], bool]
) -> Found[Tables]:
    """The first of the candidates that are dbops' own, else the first of all, which may be there as another tool's.

    :param columns: of a tracking table; none where it is not there.
    :param rails: whether a table ar_internal_metadata stands beside it.
    """
    for tables in candidates:
        if columns(tables) >= OURS:
            return Found(tables, exist=True)
    wanted = candidates[0]
    there = columns(wanted)
    if not there:
        return Found(wanted, exist=False)
    tool = tool_of(there, rails=rails())
    return Found(wanted, exist=False, foreign=ForeignTable(str(wanted), tool))


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
