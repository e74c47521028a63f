"""The checks of a table, taken apart: each rule with the columns that it binds, and what it says of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from dbops.engines.catalog import Check, DataType, Table, TypeKind
from dbops.engines.postgres.libpg_query import Refusal
from dbops.engines.postgres.nodes import strings
from dbops.seeding.generate.expressions.casts import cast, constant
from dbops.seeding.generate.expressions.expression import Expression, read_expression
from dbops.seeding.generate.expressions.matching import like_pattern
from dbops.seeding.generate.expressions.tree import column_of, walk
from dbops.seeding.generate.expressions.values import UnknownExpression, UnknownValue, read, read_named

_ORDERS = {"<": (0, 1, True), "<=": (0, 1, False), ">": (1, 0, True), ">=": (1, 0, False)}
TIMES = frozenset({"timestamp", "timestamptz", "date"})


@dataclasses.dataclass(frozen=True, eq=False)
class Rule:
    """What must not be false of a row."""

    name: str
    expression: Expression

    @property
    def columns(self) -> frozenset[str]:
        return self.expression.columns


@dataclasses.dataclass(frozen=True)
class Order:
    """A time that must not come before (or, strictly, at) another."""

    before: str
    after: str
    strict: bool


def rules_of(table: Table, more: Sequence[Check] = ()) -> list[Rule]:
    """The rules of the table's checks, its partitions and its keys' MATCH FULL, conjunct by conjunct.

    :param more: checks of its partitions alone.
    """
    texts = [(check.name, check.expression) for check in (*table.checks, *more)]
    if table.partitioning and (leaves := [text for _, text in table.partitioning.leaves]) and all(leaves):
        texts.append(("its partitions", " OR ".join(f"({text})" for text in leaves)))
    for key in table.foreign_keys:
        if key.match_full and len(key.columns) > 1:
            nulls = " + ".join(f'(CASE WHEN "{column}" IS NULL THEN 1 ELSE 0 END)' for column in key.columns)
            texts.append((key.name, f"({nulls}) IN (0, {len(key.columns)})"))
    return [rule for name, text in texts for rule in _rules(name, text)]


def domain_rules(kind: DataType) -> Iterator[Rule]:
    """The rules of a domain and those below it; they speak of `value`."""
    while kind.kind is TypeKind.DOMAIN and kind.element:
        for check in kind.checks:
            yield from _rules(check.name, check.expression)
        kind = kind.element


def _rules(name: str, text: str) -> list[Rule]:
    try:
        return [Rule(name, one) for one in read_expression(text).conjuncts()]
    except Refusal:  # a newer server's grammar: the server itself judges at the end
        return []


def order_of(rule: Rule) -> Order | None:
    """The order of two columns that a rule asks for, with or without `IS NULL OR` before it."""
    tree = rule.expression.tree
    bool_expr = tree.get("BoolExpr")
    if bool_expr and bool_expr["boolop"] == "OR_EXPR":
        others = [one for one in bool_expr["args"] if "NullTest" not in one]
        tests = [one["NullTest"] for one in bool_expr["args"] if "NullTest" in one]
        if len(others) != 1 or any(test["nulltesttype"] != "IS_NULL" for test in tests):
            return None
        tree = others[0]
    operator = tree.get("A_Expr", {})
    if operator.get("kind") != "AEXPR_OP" or "lexpr" not in operator:
        return None
    sides = (column_of(operator["lexpr"]), column_of(operator["rexpr"]))
    direction = _ORDERS.get(strings(operator["name"])[-1])
    if direction is None or None in sides or sides[0] == sides[1]:
        return None
    before, after, strict = direction
    return Order(str(sides[before]), str(sides[after]), strict)


@dataclasses.dataclass(frozen=True)
class Bound:
    """A time that comes at most so many seconds after another (or, strictly, fewer)."""

    before: str
    after: str
    seconds: int
    strict: bool


def bound_of(rule: Rule) -> Bound | None:
    """`ends_at <= starts_at + interval '16 hours'`, `last_day < first_day + 31`."""
    operator = rule.expression.tree.get("A_Expr", {})
    name = strings(operator.get("name"))[-1:]
    if operator.get("kind") != "AEXPR_OP" or name not in (["<"], ["<="]):
        return None
    after, total = column_of(operator["lexpr"]), operator["rexpr"].get("A_Expr", {})
    if after is None or strings(total.get("name")) != ["+"]:
        return None
    before, more = column_of(total["lexpr"]), constant_texts(total["rexpr"])
    if before is None or len(more) != 1 or column_of(total["rexpr"]):
        return None
    try:
        seconds = (
            int(more[0]) * 86_400
            if more[0].isdigit()
            else int(read_named(more[0], "interval").total_seconds())
        )
    except ValueError:
        return None
    return Bound(before, after, seconds, name == ["<"])


def only_null_tested(rule: Rule, column: str) -> bool:
    """Whether the rule asks of the column no more than whether it is NULL."""
    return _occurrences(rule.expression.tree, column) == 0


def _occurrences(node: Any, column: str) -> int:
    """How often the column stands where its value counts."""
    if isinstance(node, list):
        return sum(_occurrences(one, column) for one in node)
    if not isinstance(node, dict):
        return 0
    if "NullTest" in node:
        argument = node["NullTest"]["arg"]
        return 0 if column_of(argument) or "RowExpr" in argument else _occurrences(argument, column)
    if "FuncCall" in node and strings(node["FuncCall"]["funcname"])[-1] in ("num_nulls", "num_nonnulls"):
        return sum(
            _occurrences(one, column) for one in node["FuncCall"].get("args", ()) if not column_of(one)
        )
    if "ColumnRef" in node:
        return column_of(node) == column
    return sum(_occurrences(value, column) for value in node.values())


def constants_of(rules: Sequence[Rule], column: str, kind: DataType) -> list[Any]:
    """The constants in rules that speak of a column, as far as they are values of its type."""
    found: dict[Any, None] = {}
    for rule in rules:
        if column not in rule.columns:
            continue
        for text in constant_texts(rule.expression.tree):
            try:
                value = read(text, kind)
                if not isinstance(value, Decimal) or value.is_finite():
                    found.setdefault(value, None)
            except (UnknownValue, ValueError, TypeError):  # a constant for another column; an array
                continue
    return list(found)


def constant_texts(tree: Any) -> list[str]:
    """The texts of all constants of a tree, arrays taken apart."""
    texts = []
    for name, node in walk(tree):
        if name == "A_Const" and not node.get("isnull"):
            try:
                value = constant(node)
            except UnknownExpression:
                continue
            text = str(value).lower() if isinstance(value, bool) else str(value)
            texts.append(text)
            if text.startswith("{") and text.endswith("}"):
                texts += _elements(text)
    return texts


def _elements(text: str) -> list[str]:
    try:
        return [str(one) for one in cast(text, "text[]") if one is not None]
    except (UnknownExpression, UnknownValue, IndexError):
        return []


def patterns_of(rules: Sequence[Rule]) -> list[str]:
    """The patterns that strings are matched against, as regular expressions."""
    found = []
    for rule in rules:
        for name, node in walk(rule.expression.tree):
            if name != "A_Expr" or not (texts := constant_texts(node.get("rexpr"))):
                continue
            operator = strings(node["name"])[-1]
            if operator in ("~", "~*"):
                found += texts
            elif operator in ("~~", "~~*"):
                found += [like_pattern(text) for text in texts]
    return found


def names_values(rule: Rule, column: str | None = None) -> bool:
    """Whether the rule compares (this column) with `=`, IN or ANY."""
    return any(
        name == "A_Expr" and strings(node["name"]) == ["="]
        and (column is None or column in (column_of(node["lexpr"]), column_of(node["rexpr"])))
        for name, node in walk(rule.expression.tree)
    )  # fmt: skip


def overflows(table: Table) -> list[Rule]:
    """Products of small integers in generated columns, which may leave their type: that they can be computed at all."""
    found = []
    for column in table.columns:
        tree = read_expression(column.generated).tree if column.generated else {}
        small = (c.name for c in table.columns if c.type.base.name in ("int2", "int4"))
        products = [node for name, node in walk(tree) if name == "A_Expr" and strings(node["name"]) == ["*"]]
        if products and {*small} & read_expression(column.generated or "").columns:
            unknown = {
                "FuncCall": {"funcname": [{"String": {"sval": "computed by the server"}}], "args": [tree]}
            }
            text = f"(({column.generated}) IS NULL) IS NOT NULL"
            found.append(Rule(f"the expression of {column.name}", Expression(text, unknown)))
    return found
