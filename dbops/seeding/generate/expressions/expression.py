"""Expressions of CHECK constraints, indexes and generated columns, read with PostgreSQL's parser."""

from __future__ import annotations

import dataclasses
from functools import cache, cached_property
from typing import Any

from dbops.engines.postgres.libpg_query import parse
from dbops.engines.postgres.tokens import encode
from dbops.seeding.generate.expressions.evaluate import Evaluate, Row, compiled
from dbops.seeding.generate.expressions.tree import column_names, conjuncts_of
from dbops.seeding.generate.expressions.values import UNKNOWN


@dataclasses.dataclass(frozen=True, eq=False)
class Expression:
    """An expression over the columns of one table (a domain's speaks of `value`), or one of its conjuncts.

    :param text: the whole expression, for the server.
    """

    text: str
    tree: Any = dataclasses.field(repr=False)

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns that it speaks of."""
        return frozenset(column_names(self.tree))

    @cached_property
    def evaluate(self) -> Evaluate:
        """Its value for a row of Python values (`values.read`).

        :raises UnknownExpression: it has what is not known here.
        """
        return compiled(self.tree)

    def holds(self, row: Row) -> bool | None:
        """Whether a CHECK with it accepts the row, which NULL does; None where it is not known here."""
        try:
            return self.evaluate(row) is not False
        except UNKNOWN:
            return None

    def conjuncts(self) -> list[Expression]:
        """What must hold each for itself: AND is false exactly where one of its arguments is."""
        return [Expression(self.text, tree) for tree in conjuncts_of(self.tree)]


@cache
def read_expression(text: str) -> Expression:
    """Parse an expression as the server prints it.

    :raises dbops.engines.postgres.libpg_query.Refusal: it is not in the parser's grammar.
    """
    tree = parse(encode(f"SELECT ({text})"))[0]["stmt"]["SelectStmt"]["targetList"][0]["ResTarget"]["val"]
    return Expression(text, tree)
