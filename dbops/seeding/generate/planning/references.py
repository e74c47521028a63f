"""Foreign keys: which parent rows each refers to, and what goes together with what."""

from __future__ import annotations

import dataclasses

from dbops.engines.catalog import ForeignKey, TableName
from dbops.seeding.fill.model import label
from dbops.seeding.generate.model import How, Reference
from dbops.seeding.generate.planning.draft import CannotFill, Draft
from dbops.seeding.generate.planning.order import Backward
from dbops.seeding.generate.planning.progress import Progress
from dbops.seeding.generate.planning.rules import rules_of
from dbops.seeding.generate.planning.words import is_person

_NULL_PARENTS = 150  # thousandths


def choose_references(draft: Draft, progress: Progress, backward: Backward) -> None:
    """Decide which rows each foreign key refers to: those that come, those that are there, or none.

    :raises CannotFill: a parent has no rows, and the columns take no NULL.
    """
    seen: set[tuple[str, ...]] = set()
    for key in sorted(draft.table.foreign_keys, key=lambda key: (-len(key.columns), key.name)):
        pairs = tuple(f"{one}>{other}" for one, other in zip(key.columns, key.referenced, strict=True))
        place = (*key.table, *sorted(pairs))
        if place not in seen:
            seen.add(place)
            _add(draft, progress, key, (draft.table.id, key.name) in backward)
    draft.references = [one for one in draft.references if not _implied(draft, progress, one)]
    draft.references = [_late(draft, progress, one) for one in draft.references]


def _add(draft: Draft, progress: Progress, key: ForeignKey, backward: bool) -> None:
    columns = [draft.table.column(name) for name in key.columns]
    nullable = all(one is not None and draft.nullable(one) for one in columns)
    loose = [one.name for one in columns if one is not None and draft.nullable(one)]
    reference = Reference(
        key.name, key.columns, key.table, key.referenced, nulls=_NULL_PARENTS if nullable else 0,
        backward=backward,
    )  # fmt: skip
    waits = not backward or key.deferrable or draft.table.owned
    if (
        key.table in progress.coming
        and (key.table in progress.plans or key.table == draft.table.id or backward)
        and waits
    ):
        draft.references.append(reference)
    elif keys := progress.probe.keys(key.table, key.referenced):
        draft.references.append(dataclasses.replace(reference, existing=True, keys=keys, backward=False))
    elif loose:
        draft.always_null |= {*loose}
    else:
        parent = label(key.table)
        why = f": {progress.unfilled[key.table]}" if key.table in progress.unfilled else ""
        raise CannotFill(f"{key.name} needs rows of {parent}, which has none{why}")


def _late(draft: Draft, progress: Progress, reference: Reference) -> Reference:
    """A reference to rows that come later, or of the table itself, takes the columns that are decided without it.

    These are the key's own, and those that another reference brings.
    """
    primary = draft.table.primary_key
    own = {one for one in primary.columns if one} if primary else set()
    others = {c for one in draft.references if one is not reference and not one.backward for c in one.columns}
    if reference.existing or not (reference.backward or reference.table == draft.table.id):
        return _covering(draft, progress, reference)
    taken = own | others
    fixed = tuple(
        one
        for one, other in zip(reference.columns, reference.referenced, strict=True)
        if one in taken or one == other
    )
    if len(fixed) == len(reference.columns):
        fixed = ()
    decided = [draft.table.column(one) for one in reference.columns if one not in fixed]
    nulls = _NULL_PARENTS if all(one is not None and draft.nullable(one) for one in decided) else 0
    return dataclasses.replace(reference, fixed=fixed, late=bool(fixed), nulls=nulls, optional=nulls > 0)


def _covering(draft: Draft, progress: Progress, reference: Reference) -> Reference:
    """Where the parent waits for a row of this table that belongs to it, every parent gets one."""
    parent = progress.plans.get(reference.table)
    back = [one for one in parent.references if one.backward] if parent else []
    awaited = any(one.table == draft.table.id and _must(progress, reference.table, one) for one in back)
    return dataclasses.replace(reference, how=How.COVERING) if awaited else reference


def _must(progress: Progress, table: TableName, reference: Reference) -> bool:
    """Whether a table's reference must not be NULL, always or where a check says so."""
    checked = {name for rule in rules_of(progress.catalog.by_id[table]) for name in rule.columns}
    return not reference.optional or not checked.isdisjoint(reference.decides)


def _implied(draft: Draft, progress: Progress, reference: Reference) -> bool:
    """Whether another reference brings values that are the same parent's already, as the parent has them from it."""
    for other in draft.references:
        if other is reference or other.existing or other.backward or other.table == draft.table.id:
            continue
        if not {*reference.columns} <= {*other.columns}:
            continue
        through = tuple(other.referenced[other.columns.index(one)] for one in reference.columns)
        parent = progress.catalog.by_id.get(other.table)
        same_table = reference.table == other.table and through == reference.referenced
        if same_table and len(reference.columns) < len(other.columns):
            return True
        for key in parent.foreign_keys if parent else ():
            pairs = dict(zip(key.columns, key.referenced, strict=True))
            if key.table == reference.table and all(
                pairs.get(one) == target for one, target in zip(through, reference.referenced, strict=True)
            ):
                return True
    return False


def link_references(draft: Draft) -> None:
    """References that share columns, or with columns that are decided otherwise, go together."""
    counts: dict[str, int] = {}
    for one in draft.references:
        for column in () if one.late else one.columns:
            counts[column] = counts.get(column, 0) + 1
    linked = []
    for one in draft.references:
        if one.late:
            linked.append(dataclasses.replace(one, linked=one.table != draft.table.id))
            continue
        generated = [c for c in one.columns if (found := draft.table.column(c)) and found.generated]
        fixed = tuple(
            c for c in one.columns if c in draft.concrete or c in generated or c in draft.always_null
        )
        shared = any(counts[column] > 1 for column in one.columns)
        alone = (draft.table.column(c) for c in one.columns if counts[c] == 1 and c not in fixed)
        optional = any(c is not None and draft.nullable(c) and c.name not in draft.never_null for c in alone)
        linked.append(dataclasses.replace(one, fixed=fixed, linked=bool(fixed) or shared, optional=optional))
    draft.references = [_with_alike(draft, one) for one in linked]


def _with_alike(draft: Draft, reference: Reference) -> Reference:
    """An answer is to a comment on the same post: of what a row must belong to, the first that is no person."""
    if reference.table != draft.table.id or reference.existing or reference.late or reference.linked:
        return reference
    others = [
        one.columns[0] for one in draft.references
        if len(one.columns) == 1 and one.table != draft.table.id and not (one.linked or one.backward)
        and not is_person(one.table[1])
    ]  # fmt: skip
    sure = [c.name for c in draft.table.columns if c.name in others and not draft.nullable(c)]
    return dataclasses.replace(reference, alike=tuple(sure[:1]))
