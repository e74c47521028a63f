"""Checks that tie columns together: which can be met by listed combinations, and finding these."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from dbops.engines.catalog import Check, Column
from dbops.engines.postgres.nodes import strings
from dbops.seeding.generate.expressions.expression import read_expression
from dbops.seeding.generate.expressions.tree import column_of
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
from dbops.seeding.generate.planning.rules import (
    TIMES,
    Rule,
    bound_of,
    constants_of,
    names_values,
    only_null_tested,
    order_of,
    overflows,
    rules_of,
)  # fmt: skip
from dbops.seeding.generate.planning.search import Problem, search

_COMBINATIONS = 250
_SAMPLE = 48
_BETWEEN = 6


# -- sorting -------------------------------------------------------------------------------------------


def sort_rules(draft: Draft, more: Sequence[Check] = ()) -> None:
    """Put each rule of the table where it will be met: `singles`, `orders`, `ties` or `residual`."""
    several = []
    for rule in [*rules_of(draft.table, more), *overflows(draft.table)]:
        if rule.columns and rule.columns <= draft.makers.keys():
            continue  # kept apart already: chosen so that it holds
        columns = [draft.table.column(name) for name in rule.columns]
        known = [column for column in columns if column is not None]
        if not columns or len(known) < len(columns):
            continue  # it speaks of no column, or of the whole row: the server will tell
        if len(known) == 1 and known[0].generated is None:
            _single(draft, rule, known[0].name)
        else:
            several.append(rule)
    _sort_several(draft, several)
    for name in [c for one in draft.references for c in one.columns]:
        column = draft.table.column(name)
        if column is not None and column.generated is not None:
            draft.concrete |= {name, *_sources(draft, name)}


def _single(draft: Draft, rule: Rule, name: str) -> None:
    if only_null_tested(rule, name):
        if rule.expression.holds({name: None}) is False:
            draft.never_null.add(name)
            draft.references = [
                one.without_nulls() if name in one.columns else one for one in draft.references
            ]
        elif rule.expression.holds({name: Opaque("")}) is False:
            draft.always_null.add(name)
        return
    if name not in draft.referring:
        draft.singles.setdefault(name, []).append(rule)
    elif names_values(rule, name) and name not in _keyed(draft):
        draft.ties.append(rule)
        draft.concrete.add(name)
    else:
        draft.residual.append(rule)


def _sort_several(draft: Draft, rules: Sequence[Rule]) -> None:
    ties = [rule for rule in rules if not _orders(draft, rule)]
    ordered = [rule for rule in rules if rule not in ties]
    while True:
        bound = {name for rule in ties for name in rule.columns if not only_null_tested(rule, name)}
        bound |= {
            order.after for rule in ordered if (order := order_of(rule)) and order.after in draft.singles
        }
        spoilt = [rule for rule in ordered if rule.columns & bound]
        if not spoilt:
            break
        ties += spoilt
        ordered = [rule for rule in ordered if rule not in spoilt]
    draft.orders += [order for rule in ordered if (order := order_of(rule))]
    draft.bounds += [limit for rule in ordered if (limit := bound_of(rule))]
    for rule in ties:
        valued = _with_sources(draft, (name for name in rule.columns if not only_null_tested(rule, name)))
        wide = {name for name in valued if _too_wide(draft, rule, name)}
        if _not_itself(draft, rule):
            continue
        if wide:
            draft.residual.append(rule)
        listed = {
            name for name in valued - wide if (c := draft.table.column(name)) and not (c.generated and wide)
        }
        if not wide or (listed and all(_counts(draft, name) for name in wide)):
            draft.ties.append(rule)
            draft.concrete |= listed


def _not_itself(draft: Draft, rule: Rule) -> bool:
    """Whether the rule says that a row is not its own parent, which then is seen to."""
    operator = rule.expression.tree.get("A_Expr", {})
    if strings(operator.get("name")) != ["<>"] or operator.get("kind") not in ("AEXPR_OP", "AEXPR_DISTINCT"):
        return False
    sides = {column_of(operator["lexpr"]), column_of(operator["rexpr"])}
    for reference in draft.references:
        pairs = ({*pair} for pair in zip(reference.columns, reference.referenced, strict=True))
        if reference.table == draft.table.id and not reference.existing and sides in list(pairs):
            place = draft.references.index(reference)
            draft.references[place] = dataclasses.replace(reference, itself=False)
            return True
    return False


def _orders(draft: Draft, rule: Rule) -> bool:
    order = order_of(rule) or bound_of(rule)
    if order is None:
        return False
    columns = [draft.table.column(order.before), draft.table.column(order.after)]
    kinds = {column.type.base.name for column in columns if column is not None}
    free = all(c is not None and c.generated is None and c.name not in draft.referring for c in columns)
    return free and len(kinds) == 1 and kinds <= TIMES


def _too_wide(draft: Draft, rule: Rule, name: str) -> bool:
    """Whether a column's values cannot be listed: a foreign key's, unless constants name them; a key's."""
    column = draft.table.column(name)
    if column is None or only_null_tested(rule, name):
        return column is None
    if name in draft.referring and column.generated is None:
        return not (names_values(rule, name) and constants_of([rule], name, column.type))
    return name in _keyed(draft) or column.sequence is not None


def _counts(draft: Draft, name: str) -> bool:
    """Whether a column's values are known beforehand: it counts the rows, or is another table's."""
    column = draft.table.column(name)
    return column is not None and (name in draft.referring or column.type.base.name in INTEGERS)


def _keyed(draft: Draft) -> set[str]:
    """Columns that are a key by themselves."""
    return {key.columns[0] for key in draft.table.keys if len(key.columns) == 1 and key.columns[0]}


def _with_sources(draft: Draft, names: Iterable[str]) -> set[str]:
    found = {*names}
    for name in list(found):
        found |= _sources(draft, name)
    return found


def _sources(draft: Draft, name: str) -> set[str]:
    """The columns that a generated column follows from."""
    column = draft.table.column(name)
    return set(read_expression(column.generated).columns) if column and column.generated else set()


# -- combining -----------------------------------------------------------------------------------------


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
    wholes = [(_with_sources(draft, rule.columns), [rule]) for rule in draft.ties]
    generated = [c.name for c in draft.table.columns if c.generated and c.name in draft.concrete]
    wholes += [({name, *_sources(draft, name)}, []) for name in generated]
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
