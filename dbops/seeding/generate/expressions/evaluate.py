"""An expression's tree made into a function of a row.

Three-valued logic: None is NULL.  What is not known (a user's function, an operator, a collation's order) raises
`UnknownExpression`, when compiled or when evaluated; the server is asked then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dbops.engines.postgres.nodes import Node, strings
from dbops.seeding.generate.expressions.casts import cast, constant
from dbops.seeding.generate.expressions.functions import FUNCTIONS
from dbops.seeding.generate.expressions.operators import OPERATORS, distinct
from dbops.seeding.generate.expressions.tree import column_names
from dbops.seeding.generate.expressions.values import UnknownExpression

Row = Mapping[str, Any]
Evaluate = Callable[[Row], Any]


def compiled(node: Any) -> Evaluate:
    """A function of the row; where a part is not known it raises when it is called, as another part may decide."""
    ((name, inner),) = node.items()
    rule = _RULES.get(name)
    if rule is None:
        return _unknown(name)
    try:
        return rule(inner)
    except UnknownExpression as error:
        return _unknown(str(error))


def _unknown(what: str) -> Evaluate:
    def evaluate(row: Row) -> Any:
        raise UnknownExpression(what)

    return evaluate


def _constant(node: Node) -> Evaluate:
    value = constant(node)
    return lambda row: value


def _column(node: Node) -> Evaluate:
    names = strings(node["fields"])
    if not names or len(names) != len(node["fields"]):
        raise UnknownExpression("*")
    name = names[-1]
    return lambda row: row[name]


def _cast(node: Node) -> Evaluate:
    inner, names = compiled(node["arg"]), strings(node["typeName"]["names"])
    target = names[-1] + ("[]" if node["typeName"].get("arrayBounds") else "")
    if "A_Const" in node["arg"]:
        value = cast(constant(node["arg"]["A_Const"]), target)
        return lambda row: value
    return lambda row: cast(inner(row), target)


def _bool(node: Node) -> Evaluate:
    parts = [compiled(argument) for argument in node["args"]]
    if node["boolop"] == "NOT_EXPR":
        return lambda row: None if (value := parts[0](row)) is None else not value
    ends = node["boolop"] == "OR_EXPR"  # the value that decides alone

    def evaluate(row: Row) -> Any:
        null, unknown = False, None
        for part in parts:
            try:
                value = part(row)
            except UnknownExpression as error:
                unknown = error  # another part may decide
                continue
            if value is ends:
                return ends
            null = null or value is None
        if unknown is not None:
            raise unknown
        return None if null else not ends

    return evaluate


def _null_test(node: Node) -> Evaluate:
    wanted = node["nulltesttype"] == "IS_NULL"
    if "RowExpr" in node["arg"]:
        parts = [compiled(part) for part in node["arg"]["RowExpr"].get("args", ())]
        return lambda row: all((part(row) is None) is wanted for part in parts)
    inner = compiled(node["arg"])
    return lambda row: (inner(row) is None) is wanted


def _boolean_test(node: Node) -> Evaluate:
    inner, kind = compiled(node["arg"]), node["booltesttype"]
    value = {"TRUE": True, "FALSE": False, "UNKNOWN": None}[kind.rpartition("_")[2]]
    negated = "_NOT_" in kind
    return lambda row: (inner(row) is value) is not negated


def _operator(node: Node) -> Evaluate:
    kind, name = node["kind"], strings(node["name"])[-1]
    if kind in _SPECIAL_OPERATORS:
        return _SPECIAL_OPERATORS[kind](node)
    function = OPERATORS.get(name)
    if function is None or kind not in ("AEXPR_OP", "AEXPR_OP_ANY", "AEXPR_OP_ALL"):
        raise UnknownExpression(f"operator {name}")
    right = compiled(node["rexpr"])
    if "lexpr" not in node:
        return lambda row: None if (value := right(row)) is None else function(0, value)
    left = compiled(node["lexpr"])
    if kind == "AEXPR_OP":
        return lambda row: _strict(function, left(row), right(row))
    any_of = kind == "AEXPR_OP_ANY"

    def over_array(row: Row) -> Any:
        value, elements = left(row), right(row)
        if elements is None:
            return None
        found = [_strict(function, value, element) for element in elements]
        if any_of in found:
            return any_of
        return None if None in found else not any_of

    return over_array


def _strict(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    return None if left is None or right is None else function(left, right)


def _distinct(node: Node) -> Evaluate:
    left, right = compiled(node["lexpr"]), compiled(node["rexpr"])
    wanted = node["kind"] == "AEXPR_DISTINCT"
    return lambda row: distinct(left(row), right(row)) is wanted


def _in(node: Node) -> Evaluate:
    left, equal = compiled(node["lexpr"]), OPERATORS["="]
    listed = [compiled(item) for item in node["rexpr"]["List"]["items"]]
    negated = strings(node["name"]) == ["<>"]

    def evaluate(row: Row) -> bool | None:
        found = [_strict(equal, left(row), item(row)) for item in listed]
        value = True if True in found else None if None in found else False
        return value if value is None else value is not negated

    return evaluate


def _between(node: Node) -> Evaluate:
    left = compiled(node["lexpr"])
    low, high = (compiled(item) for item in node["rexpr"]["List"]["items"])
    negated = "NOT" in node["kind"]

    def evaluate(row: Row) -> bool | None:
        value = left(row)
        above, below = _strict(OPERATORS[">="], value, low(row)), _strict(OPERATORS["<="], value, high(row))
        inside = False if False in (above, below) else None if None in (above, below) else True
        return inside if inside is None else inside is not negated

    return evaluate


def _null_if(node: Node) -> Evaluate:
    left, right = compiled(node["lexpr"]), compiled(node["rexpr"])

    def evaluate(row: Row) -> Any:
        value = left(row)
        return None if _strict(OPERATORS["="], value, right(row)) else value

    return evaluate


_SPECIAL_OPERATORS: dict[str, Callable[[Node], Evaluate]] = {
    "AEXPR_DISTINCT": _distinct,
    "AEXPR_NOT_DISTINCT": _distinct,
    "AEXPR_IN": _in,
    "AEXPR_BETWEEN": _between,
    "AEXPR_NOT_BETWEEN": _between,
    "AEXPR_NULLIF": _null_if,
}


def _case(node: Node) -> Evaluate:
    subject = compiled(node["arg"]) if "arg" in node else None
    branches = [
        (compiled(one["CaseWhen"]["expr"]), compiled(one["CaseWhen"]["result"])) for one in node["args"]
    ]
    default = compiled(node["defresult"]) if "defresult" in node else lambda row: None

    def evaluate(row: Row) -> Any:
        value = subject(row) if subject else True
        for condition, result in branches:
            if _strict(OPERATORS["="], value, condition(row)):
                return result(row)
        return default(row)

    return evaluate


def _coalesce(node: Node) -> Evaluate:
    parts = [compiled(part) for part in node["args"]]
    return lambda row: next((value for part in parts if (value := part(row)) is not None), None)


def _min_max(node: Node) -> Evaluate:
    parts = [compiled(part) for part in node["args"]]
    choose = max if node["op"] == "IS_GREATEST" else min
    return lambda row: choose((value for part in parts if (value := part(row)) is not None), default=None)


def _array(node: Node) -> Evaluate:
    parts = [compiled(part) for part in node.get("elements", ())]
    if not any(column_names(node)):
        values = [part({}) for part in parts]
        return lambda row: values
    return lambda row: [part(row) for part in parts]


def _call(node: Node) -> Evaluate:
    name = strings(node["funcname"])[-1]
    arguments = [compiled(part) for part in node.get("args", ())]
    if name in ("num_nulls", "num_nonnulls"):
        nulls = name == "num_nulls"
        return lambda row: sum((part(row) is None) is nulls for part in arguments)
    function = FUNCTIONS.get(name)
    if function is None:
        raise UnknownExpression(f"function {name}")

    def evaluate(row: Row) -> Any:
        values = [argument(row) for argument in arguments]
        return None if None in values else function(*values)

    return evaluate


def _subscript(node: Node) -> Evaluate:
    inner = compiled(node["arg"])
    index = node["indirection"][0].get("A_Indices", {}) if len(node["indirection"]) == 1 else {}
    if "uidx" not in index or index.get("is_slice"):
        raise UnknownExpression("field or slice")
    place = compiled(index["uidx"])

    def evaluate(row: Row) -> Any:
        array, at = inner(row), place(row)
        if array is None or at is None or not 1 <= at <= len(array):
            return None
        return array[at - 1]

    return evaluate


_RULES: dict[str, Callable[[Node], Evaluate]] = {
    "A_Const": _constant,
    "ColumnRef": _column,
    "TypeCast": _cast,
    "BoolExpr": _bool,
    "NullTest": _null_test,
    "BooleanTest": _boolean_test,
    "A_Expr": _operator,
    "CaseExpr": _case,
    "CoalesceExpr": _coalesce,
    "MinMaxExpr": _min_max,
    "A_ArrayExpr": _array,
    "FuncCall": _call,
    "A_Indirection": _subscript,
}
