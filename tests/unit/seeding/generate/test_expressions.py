"""The evaluator of check expressions: three-valued, as the server has it; what it does not know it says."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dbops.seeding.generate.expressions.expression import read_expression
from dbops.seeding.generate.expressions.values import Document, Opaque

TRUE: list[tuple[str, dict[str, Any]]] = [
    ("a > 1 AND b IS NULL", {"a": 2, "b": None}),
    ("a BETWEEN 1 AND 3", {"a": 3}),
    ("status = ANY (ARRAY['x'::text, 'y'::text])", {"status": "y"}),
    ("status <> ALL (ARRAY['x'::text])", {"status": "y"}),
    ("(a IS NULL) = (b IS NULL)", {"a": None, "b": None}),
    ("num_nonnulls(a, b) = 1", {"a": None, "b": 1}),
    ("COALESCE(a, b) = 5", {"a": None, "b": 5}),
    ("CASE s WHEN 'p' THEN a = b ELSE a IS NULL END", {"s": "p", "a": 1, "b": 1}),
    ("a % 4 = 0 AND (a / 3) = 2", {"a": 8}),
    ("-7 % 3 = -1", {}),
    ("s ~ '^[A-Z]{2}$'", {"s": "AB"}),
    ("s ~~ 'a%c_'", {"s": "abcd"}),
    ("char_length(btrim(s)) = 2", {"s": " ab "}),
    ("jsonb_typeof(j -> 'list') = 'array' AND j ? 'list'", {"j": Document({"list": []})}),
    ("NOT j ?| ARRAY['password']", {"j": Document({})}),
    ("d >= '2020-01-01'::date", {"d": date(2020, 1, 1)}),
    ("d2 >= d1 + 7", {"d1": date(2020, 1, 1), "d2": date(2020, 1, 8)}),
    ("EXTRACT(year FROM d) = (2020)::numeric", {"d": date(2020, 5, 1)}),
    ("t > '2020-01-01 00:00:00+00'::timestamp with time zone", {"t": datetime(2021, 1, 1)}),  # noqa: DTZ001
    ("a IS DISTINCT FROM b", {"a": None, "b": 1}),
    ("'NaN'::numeric <> n", {"n": Decimal(1)}),
    ("cardinality(v) = 2 AND v[1] = 3", {"v": [3, 4]}),
    ("x IS NOT NULL", {"x": Opaque("(1,2)")}),
    ("true OR unknown_function(a)", {"a": 1}),
]
FALSE: list[tuple[str, dict[str, Any]]] = [
    ("a > 1", {"a": 1}),
    ("'NaN'::numeric <> n", {"n": Decimal("NaN")}),
    ("s !~ 'b'", {"s": "abc"}),
    ("a IN (1, 2)", {"a": 3}),
    ("false AND unknown_function(a)", {"a": 1}),
]
NULL: list[tuple[str, dict[str, Any]]] = [
    ("a > 1", {"a": None}),
    ("a = 1 OR b = 1", {"a": None, "b": 2}),
    ("a = ANY (ARRAY[1, NULL::integer])", {"a": 2}),
    ("NOT a", {"a": None}),
]
UNKNOWN: list[tuple[str, dict[str, Any]]] = [
    ("luhn(card)", {"card": "1"}),
    ("a < b", {"a": "x", "b": "y"}),
    ("p <-> q > 1", {"p": 1, "q": 2}),
    ("x = '(1,2)'", {"x": Opaque("(1,2)")}),
]


@pytest.mark.parametrize(
    ("text", "row", "value"),
    [*((*one, True) for one in TRUE), *((*one, False) for one in FALSE), *((*one, None) for one in NULL)],
)
def test_value(text: str, row: dict[str, Any], value: bool | None) -> None:
    """The expression has this value for the row."""
    assert read_expression(text).evaluate(row) is value


@pytest.mark.parametrize(("text", "row"), UNKNOWN)
def test_what_is_not_known(text: str, row: dict[str, Any]) -> None:
    """A user's function, an order of strings, an operator: None, which is neither accepted nor refused."""
    assert read_expression(text).holds(row) is None


def test_a_check_accepts_null() -> None:
    """As the server does."""
    assert read_expression("a > 1").holds({"a": None}) is True


def test_conjuncts() -> None:
    """AND, and <> ALL over an array of columns, fall apart into what must hold each for itself."""
    whole = read_expression("a > 1 AND (b > 2 AND 'NaN'::numeric <> ALL (ARRAY[c, d]))")
    assert [sorted(one.columns) for one in whole.conjuncts()] == [["a"], ["b"], ["c"], ["d"]]
