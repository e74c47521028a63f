"""The tools whose histories can be taken over, each a module of its own; loaded only when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbops.migrations.adopt.tools.base import Tool

# Name to module and class, in the order in which tables are looked at.
_CLASSES = {
    "flyway": ("flyway", "Flyway"),
    "goose": ("goose", "Goose"),
    "sqlx": ("sqlx", "Sqlx"),
    "sql-migrate": ("sql_migrate", "SqlMigrate"),
    "node-pg-migrate": ("node_pg_migrate", "NodePgMigrate"),
    "yoyo": ("yoyo", "Yoyo"),
    "alembic": ("alembic", "Alembic"),
    "graphile-migrate": ("graphile_migrate", "GraphileMigrate"),
    "atlas": ("atlas", "Atlas"),
    "sqitch": ("unreadable", "Sqitch"),
    "pgroll": ("unreadable", "Pgroll"),
    "reshape": ("unreadable", "Reshape"),
    "golang-migrate": ("golang_migrate", "GolangMigrate"),
    "Rails": ("dbmate", "Rails"),
    "dbmate": ("dbmate", "Dbmate"),
    "pgmigrate": ("pgmigrate", "Pgmigrate"),
    "tern": ("tern", "Tern"),
    "trading-engine": ("homemade", "TradingEngine"),
    "market-maker": ("homemade", "MarketMaker"),
}
NAMES = tuple(_CLASSES)


def by_name(name: str) -> Tool:
    """The tool of a name in `NAMES`."""
    from importlib import import_module

    module, class_name = _CLASSES[name]
    tool: Tool = getattr(import_module(f"{__name__}.{module}"), class_name)()
    return tool
