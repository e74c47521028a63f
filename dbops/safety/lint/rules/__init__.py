"""A rule per module, by its name; none is loaded before lint runs."""

from __future__ import annotations

import functools
import importlib

from dbops.safety.lint.model import Rule

NAMES = (
    "cannot-run",
    "unknown-syntax",
    "concurrently-on-partitioned",
    "enum-value-in-its-transaction",
    "down-missing",
    "down-incomplete",
    "destructive-without-backup",
    "foreign-key-without-index",
    "ddl-with-data",
    "lock-held-while-slow",
    "unused-ignore",
    "if-not-exists",
    "cascade-in-down",
)
"""The worst first, as docs/lint.md has them."""

POSTGRESQL_ALONE = frozenset(
    {"concurrently-on-partitioned", "enum-value-in-its-transaction", "cascade-in-down"}
)
"""What they are about, other engines do not have."""


@functools.cache
def by_name(name: str) -> Rule:
    """The rule of that name."""
    module = importlib.import_module(f"dbops.safety.lint.rules.{name.replace('-', '_')}")
    rule: Rule = module.RULE
    return rule
