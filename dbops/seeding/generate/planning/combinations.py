"""Columns that checks tie together: finding the combinations of values that satisfy them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from dbops.engines.catalog import Column
from dbops.seeding.generate.expressions.expression import read_expression
from dbops.seeding.generate.expressions.values import (
    FRACTIONS,
    INTEGERS,
    STRINGS,
    Opaque,
    UnknownValue,
    read,
    write,
)
from dbops.seeding.generate.model import OWN, Combinations
from dbops.seeding.generate.planning.choose import Chooser
from dbops.seeding.generate.planning.draft import CannotFill, Draft
from dbops.seeding.generate.planning.judge import inner
from dbops.seeding.generate.planning.rules import TIMES, Rule, constants_of
from dbops.seeding.generate.planning.search import Problem, search
from dbops.seeding.generate.planning.sorting import sources, with_sources

_COMBINATIONS = 250
_SAMPLE = 48
_BETWEEN = 6


def choose_combinations(draft: Draft, chooser: Chooser) -> None:
    """Find combinations for every group of columns that rules tie together.

    :raises CannotFill: for a group none is found; the checks are named.
    """
    for columns, rules in _grouped(draft):
        # The combinations say where a reference is NULL, and nothing else does.
        draft.references = [
            one.without_nulls() if {*one.columns} & {*columns} else one for one in draft.references
        ]
        draft.combinations.append(_combine(draft, chooser, columns, rules))


def _grouped(draft: Draft) -> list[tuple[list[str], list[Rule]]]:
    groups: list[tuple[set[str], list[Rule]]] = []
    wholes = [(with_sources(draft, rule.columns), [rule]) for rule in draft.ties]
    generated = [c.name for c in draft.table.columns if c.generated and c.name in draft.concrete]
    wholes += [({name, *sources(draft, name)}, []) for name in generated]
    for columns, rules in wholes:
        touching = [group for group in groups if group[0] & columns]
        merged = (
            {*columns}.union(*(group[0] for group in touching)),
            [r for g in touching for r in g[1]] + rules,
        )
        groups = [group for group in groups if group not in touching] + [merged]
    place = {column.name: number for number, column in enumerate(draft.table.columns)}
    return [(sorted(columns, key=place.__getitem__), rules) for columns, rules in groups]


def _combine(draft: Draft, chooser: Chooser, names: list[str], rules: list[Rule]) -> Combinations:
    columns = [column for name in names if (column := draft.table.column(name))]
    derived = {c.name: read_expression(c.generated).evaluate for c in columns if c.generated}
    values = {c.name: _values(draft, chooser, c, rules) for c in columns if not c.generated}
    singles = {name: draft.singles.get(name, ()) for name in names if name in draft.concrete}
    problem = Problem(values, rules, _alike(draft, columns), singles, derived)
    wanted = min(draft.rows, _COMBINATIONS)
    rows = search(problem, wanted, chooser.seed, f"{draft.table.schema}.{draft.table.name}/{names[0]}")
    rows = _judged(draft, chooser, columns, rules, rows)
    texts = [tuple(_text(draft, column, row) for column in columns) for row in rows]
    if not texts:
        checks = ", ".join(dict.fromkeys(rule.name for rule in rules))
        raise CannotFill(f"no values were found that satisfy {checks}")
    return Combinations(tuple(names), tuple(dict.fromkeys(texts)))


def _text(draft: Draft, column: Column, row: dict[str, Any]) -> str | None:
    value = row.get(column.name)
    return write(value) if value is None or column.name in draft.concrete else OWN


def _values(draft: Draft, chooser: Chooser, column: Column, rules: Sequence[Rule]) -> list[Any]:
    """What a column may have: NULL, constants and their neighbours, a sample of its usual values."""
    name = column.name
    nullable = draft.nullable(column) and name not in draft.never_null
    if name in draft.always_null:
        return [None]
    if name not in draft.concrete:
        own = _numbers_to_come(draft, column) or [Opaque("own")]
        if (
            nullable
            and name not in draft.referring
            and not chooser.column(draft.table, column, draft.singles.get(name, ()))
        ):
            return [None]
        return [*own, None] if nullable else own
    singles = draft.singles.get(name, ())
    near = _neighbours(constants_of([*rules, *singles], name, column.type))
    texts = [text for value in near if (text := write(value)) is not None]
    texts += chooser.between(column.type, rules, name, _BETWEEN)
    texts = chooser.passing(draft.table, column, singles, texts)
    space = chooser.column(draft.table, column, singles)
    if space is not None:
        texts += inner(space, _SAMPLE, chooser.seed)
    found: list[Any] = []
    for text in dict.fromkeys(texts):
        try:
            found.append(read(text, column.type))
        except UnknownValue:
            continue
    if not found and not nullable:
        raise CannotFill(f"no values are known for {name} ({column.type.sql})")
    return [*found, None] if nullable else found


def _numbers_to_come(draft: Draft, column: Column) -> list[Any]:
    """What a column will have that counts its rows; nothing for others."""
    if column.type.base.name not in INTEGERS or column.name in draft.referring:
        return []
    return [draft.first + 1, draft.first + draft.rows // 2 + 1, draft.first + draft.rows]


def _neighbours(constants: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in constants:
        found.append(value)
        if isinstance(value, int | Decimal) and not isinstance(value, bool) and value == value:
            found += [value + 1, value - 1, value * 2]
    return found


def _kind(column: Column) -> str:
    name = column.type.base.name
    for kind, names in (("number", INTEGERS | FRACTIONS), ("text", STRINGS), ("time", TIMES)):
        if name in names:
            return kind if kind != "time" else name
    return name


def _fits_in(small: Column, large: Column) -> bool:
    """Whether every value of one column's type is one of the other's."""
    one, other = small.type.base, large.type.base
    return one == other or (other.length is None and other.precision is None and one.name == other.name)


def _alike(draft: Draft, columns: Sequence[Column]) -> dict[str, list[str]]:
    concrete = [column for column in columns if column.name in draft.concrete and not column.generated]
    return {
        one.name: [
            other.name
            for other in concrete
            if other is not one and _kind(other) == _kind(one) and _fits_in(other, one)
        ]
        for one in concrete
    }


def _judged(
    draft: Draft,
    chooser: Chooser,
    columns: Sequence[Column],
    rules: Sequence[Rule],
    rows: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Without the rows that the server refuses by rules that are not known here."""
    unknown = [rule for rule in rules if any(rule.expression.holds(row) is None for row in rows)]
    if not unknown or chooser.probe is None:
        return rows
    asked = [column for column in columns if not column.generated]
    stand_ins = {column.name: chooser.any_text(column.type) for column in asked}
    texts = [
        [stand_ins[c.name] if isinstance(row[c.name], Opaque) and c.name not in draft.concrete else write(row[c.name])
         for c in asked]
        for row in rows
    ]  # fmt: skip
    expressions = list(dict.fromkeys(rule.expression.text for rule in unknown))
    kinds = [(column.name, column.type.base.sql) for column in asked]
    passed = chooser.probe.judge(draft.table.name, kinds, texts, expressions)
    return [row for row, passes in zip(rows, passed, strict=True) if passes]
