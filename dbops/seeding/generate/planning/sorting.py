"""Where each rule of a table is met: by one column's values, in the order of times, by combinations, or by the sieve."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from dbops.engines.catalog import Check
from dbops.engines.postgres.nodes import strings
from dbops.seeding.generate.expressions.expression import read_expression
from dbops.seeding.generate.expressions.tree import column_of
from dbops.seeding.generate.expressions.values import INTEGERS, Opaque
from dbops.seeding.generate.planning.draft import Draft
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
from dbops.seeding.generate.probing import Probe


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
            draft.concrete |= {name, *sources(draft, name)}


def find_never_null(draft: Draft, probe: Probe) -> None:
    """Find the columns to whose own rules NULL is false: `coalesce(a, '') <> ''`, SQLite's `json_valid(a)`."""
    for name, rules in draft.singles.items():
        column = draft.table.column(name)
        if column is None or not draft.nullable(column):
            continue
        verdicts = {rule.expression.text: rule.expression.holds({name: None}) for rule in rules}
        unknown = [text for text, verdict in verdicts.items() if verdict is None]
        kinds = [(name, column.type.base.sql)]
        asked = probe.judge(draft.table.name, kinds, [(None,)], unknown)
        if False in verdicts.values() or not all(asked):
            draft.never_null.add(name)


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
        valued = with_sources(draft, (name for name in rule.columns if not only_null_tested(rule, name)))
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


def with_sources(draft: Draft, names: Iterable[str]) -> set[str]:
    """The columns, and those that the generated ones among them follow from."""
    found = {*names}
    for name in list(found):
        found |= sources(draft, name)
    return found


def sources(draft: Draft, name: str) -> set[str]:
    """The columns that a generated column follows from."""
    column = draft.table.column(name)
    return set(read_expression(column.generated).columns) if column and column.generated else set()
