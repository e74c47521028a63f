"""The keys that a table's rows must keep, and which columns each is one to one with."""

from __future__ import annotations

import dataclasses

from dbops.engines.catalog import Key as TableKey
from dbops.engines.postgres.nodes import strings
from dbops.seeding.generate.expressions.expression import read_expression
from dbops.seeding.generate.expressions.tree import column_of
from dbops.seeding.generate.expressions.values import INTEGERS
from dbops.seeding.generate.model import SievedKey
from dbops.seeding.generate.planning.draft import Draft
from dbops.seeding.generate.planning.words import words_of

_ONE_TO_ONE = frozenset({"lower", "upper", "btrim", "trim", "md5", "sha256", "digest", "encode", "reverse"})
_LINES = frozenset((
    "line", "lineno", "position", "pos", "sequence", "seq", "seqno", "number", "no", "nr", "index", "idx", "ordinal",
    "ord", "item", "step", "rank", "place", "row", "version", "revision",
))  # fmt: skip
_PERIODS = frozenset(("year", "month", "week", "day", "hour", "quarter", "season"))


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A key of the table, its entries as columns where they are one to one with a column."""

    name: str
    columns: tuple[str, ...] | None
    expressions: tuple[str, ...]
    predicate: str | None
    nulls_equal: bool

    @property
    def sieved(self) -> SievedKey:
        """The key as a sieve has it."""
        return self.expressions, self.predicate, self.nulls_equal


def wanted_keys(draft: Draft) -> list[Wanted]:
    """The table's keys and the exclusion constraints that mean the same, the shortest first."""
    keys = [_wanted(key) for key in draft.table.keys]
    keys += [
        _wanted(TableKey(one.name, one.columns, one.expressions, predicate=one.predicate))
        for one in draft.table.exclusions if all(operator == "=" for operator in one.operators)
    ]  # fmt: skip
    lines = [{one for one in key.columns or () if is_line(draft, one)} for key in keys]
    places = sorted(
        range(len(keys)), key=lambda place: (len(keys[place].expressions), not lines[place], keys[place].name)
    )
    return [keys[place] for place in places]


def _wanted(key: TableKey) -> Wanted:
    columns = [name or _simple(text) for name, text in zip(key.columns, key.expressions, strict=True)]
    plain = None if None in columns else tuple(str(one) for one in columns)
    return Wanted(
        key.name, plain, key.expressions, key.predicate, key.nulls_equal or "COALESCE" in str(key.expressions)
    )


def _simple(text: str) -> str | None:
    """The column of an expression that differs where the column does."""
    node = read_expression(text).tree
    while "FuncCall" in node and strings(node["FuncCall"]["funcname"])[-1] in _ONE_TO_ONE:
        node = node["FuncCall"]["args"][0]
    if "CoalesceExpr" in node:
        node = node["CoalesceExpr"]["args"][0]
    return column_of(node)


def is_line(draft: Draft, name: str) -> bool:
    """Whether a column counts within a parent: by its name, or as a number of the primary key that means nothing else."""
    column, primary = draft.table.column(name), draft.table.primary_key
    if column is None or column.type.base.name not in INTEGERS or name in draft.referring:
        return False
    words = {*words_of(name)}
    return bool(words & _LINES) or bool(primary and name in primary.columns and not words & _PERIODS)
