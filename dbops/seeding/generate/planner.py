"""Decide how a database is filled: a frozen plan, made from the catalog and from looking at the rows it has."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from dbops.engines.catalog import Catalog, ForeignKey, Table, TableName
from dbops.seeding.fill.model import label
from dbops.seeding.generate.making.numbers import key_of_new, key_places
from dbops.seeding.generate.making.rows import CircularValues, Maker
from dbops.seeding.generate.making.sieve import sieve_of
from dbops.seeding.generate.model import GeneratePlan, How, Key, Own, Reference, Request, TablePlan, Unfilled
from dbops.seeding.generate.planning.beside import beside
from dbops.seeding.generate.planning.choose import Chooser
from dbops.seeding.generate.planning.columns import birth, choose_columns, keep_apart
from dbops.seeding.generate.planning.combinations import choose_combinations, sort_rules
from dbops.seeding.generate.planning.draft import CannotFill, Draft
from dbops.seeding.generate.planning.keys import Known, Wanted, choose_keys, fit, reference_named
from dbops.seeding.generate.planning.meaning import is_person
from dbops.seeding.generate.planning.order import Backward, filling_order
from dbops.seeding.generate.planning.rules import rules_of
from dbops.seeding.generate.probing import Probe

_MOST_WHOLE = 20_000
"""Rows of a table whose rows must be compared with each other."""
_NULL_PARENTS = 150  # thousandths
_FEW = 5000
_MORE = (3, 10)
"""So many times the rows that are wanted are made, until enough pass the sieve."""


def plan(catalog: Catalog, request: Request, probe: Probe) -> GeneratePlan:
    """Decide for every table how its rows are made; what cannot be filled is named with the reason.

    Reads the tables' counts and samples of the keys of parents that are not filled themselves; writes nothing.
    """
    return _Planning(catalog, request, probe).run()


class _Planning:
    def __init__(self, catalog: Catalog, request: Request, probe: Probe) -> None:
        self.catalog, self.request, self.probe = catalog, request, probe
        self.chooser = Chooser(request.seed, request.as_of, probe)
        self.plans: dict[TableName, TablePlan] = {}
        self.unfilled: dict[TableName, str] = {}
        self.coming: set[TableName] = set()

    def run(self) -> GeneratePlan:
        chosen = [table for table in self.catalog.tables if self._asked_for(table)]
        order, backward = filling_order(chosen)
        self.coming = {table.id for table in order}
        for table in order:
            try:
                self.plans[table.id] = self._either(table, backward)
            except (CannotFill, CircularValues) as reason:
                self.unfilled[table.id] = str(reason)
                self.coming.discard(table.id)
        while (circular := self._circular()) is not None:
            self.unfilled[circular[0]] = circular[1]
            del self.plans[circular[0]]
        return self.made()

    def _either(self, table: Table, backward: Backward) -> TablePlan:
        """With the parents' rows that come; where no row can be made of those, with the ones that are there."""
        try:
            return self._table(table, backward)
        except CannotFill:
            parents = {key.table for key in table.foreign_keys if key.table != table.id}
            if any((table.id, key.name) in backward for key in table.foreign_keys) or not any(
                self.probe.count(parent) for parent in parents & self.coming
            ):
                raise
            coming, self.coming = self.coming, self.coming - parents
            try:
                return self._table(table, backward)
            finally:
                self.coming = coming

    def _circular(self) -> tuple[TableName, str] | None:
        """A table whose values follow from each other in a circle, and why; what refers to it is left to the filling."""
        maker = Maker(GeneratePlan(self.request.seed, self.request.as_of, tuple(self.plans.values())))
        for planned in self.plans.values():
            if not any(one.backward or one.late for one in planned.references):
                continue
            try:
                for one in planned.references:
                    for column in one.columns:
                        maker.block(planned.table, 0).candidates(column)
            except CircularValues as circle:
                return planned.table, str(circle)
            except KeyError:  # its parent was such a table
                return planned.table, "its parent gets no rows"
        return None

    def made(self) -> GeneratePlan:
        unfilled = tuple(Unfilled(table, reason) for table, reason in self.unfilled.items())
        return GeneratePlan(
            self.request.seed, self.request.as_of, tuple(self.plans.values()), unfilled, self.catalog
        )

    def _asked_for(self, table: Table) -> bool:
        request = self.request
        chosen = not request.only or table.id in request.only
        return chosen and table.id not in request.skip and self._rows(table) > 0

    def _rows(self, table: Table) -> int:
        return self.request.per_table.get(table.id, self.request.rows)

    def _table(self, table: Table, backward: Backward) -> TablePlan:
        if not table.insertable:
            raise CannotFill("this role may not insert into it")
        draft = Draft(table, self._rows(table), self.probe.count(table.id))
        if draft.rows <= 0:
            raise CannotFill("no rows were asked for")
        self._references(draft, backward)
        keep_apart(draft, self.chooser)
        sort_rules(draft, self.probe.checks_of_partitions(table))
        self._without_nulls(draft)
        self._link(draft)
        unsure = choose_keys(draft, Known(self._unique_in, lambda name: self._values(draft, name)))
        choose_combinations(draft, self.chooser)
        choose_columns(draft, self.chooser, self._births(draft))
        fit(draft, lambda key, rows: self._room(draft, key, rows))
        return self._beside(self._finished(draft), unsure)

    def _without_nulls(self, draft: Draft) -> None:
        """Find the columns to whose own rules NULL is false: `coalesce(a, '') <> ''`, SQLite's `json_valid(a)`."""
        for name, rules in draft.singles.items():
            column = draft.table.column(name)
            if column is None or not draft.nullable(column):
                continue
            verdicts = {rule.expression.text: rule.expression.holds({name: None}) for rule in rules}
            unknown = [text for text, verdict in verdicts.items() if verdict is None]
            kinds = [(name, column.type.base.sql)]
            asked = self.probe.judge(draft.table.name, kinds, [(None,)], unknown)
            if False in verdicts.values() or not all(asked):
                draft.never_null.add(name)

    def _values(self, draft: Draft, name: str) -> int:
        """How many different values a column has."""
        column = draft.table.column(name)
        assert column is not None
        needed = draft.first + draft.rows
        space = self.chooser.column(draft.table, column, draft.singles.get(name, ()), needed)
        return space.size if space else 0

    def _births(self, draft: Draft) -> tuple[tuple[str, str], ...]:
        """The references to rows that are made before, each with the column that says when the parent came to be."""
        found = []
        for one in draft.references:
            parent = self.plans.get(one.table)
            plain = not (one.existing or one.linked or one.backward or one.table == draft.table.id)
            if parent is None or not plain or any(key.backward for key in parent.references):
                continue
            tied = {name for group in parent.combinations for name in group.columns}
            if column := birth(parent.makers, tied):
                found.append((one.name, column))
        return tuple(found)

    # -- foreign keys ----------------------------------------------------------------------------------

    def _references(self, draft: Draft, backward: Backward) -> None:
        seen: set[tuple[str, ...]] = set()
        for key in sorted(draft.table.foreign_keys, key=lambda key: (-len(key.columns), key.name)):
            pairs = tuple(f"{one}>{other}" for one, other in zip(key.columns, key.referenced, strict=True))
            place = (*key.table, *sorted(pairs))
            if place not in seen:
                seen.add(place)
                self._reference(draft, key, (draft.table.id, key.name) in backward)
        draft.references = [one for one in draft.references if not self._implied(draft, one)]
        draft.references = [self._late(draft, one) for one in draft.references]

    def _reference(self, draft: Draft, key: ForeignKey, backward: bool) -> None:
        columns = [draft.table.column(name) for name in key.columns]
        nullable = all(one is not None and draft.nullable(one) for one in columns)
        loose = [one.name for one in columns if one is not None and draft.nullable(one)]
        reference = Reference(
            key.name, key.columns, key.table, key.referenced, nulls=_NULL_PARENTS if nullable else 0,
            backward=backward,
        )  # fmt: skip
        waits = not backward or key.deferrable or draft.table.owned
        if (
            key.table in self.coming
            and (key.table in self.plans or key.table == draft.table.id or backward)
            and waits
        ):
            draft.references.append(reference)
        elif keys := self.probe.keys(key.table, key.referenced):
            draft.references.append(dataclasses.replace(reference, existing=True, keys=keys, backward=False))
        elif loose:
            draft.always_null |= {*loose}
        else:
            parent = label(key.table)
            why = f": {self.unfilled[key.table]}" if key.table in self.unfilled else ""
            raise CannotFill(f"{key.name} needs rows of {parent}, which has none{why}")

    def _late(self, draft: Draft, reference: Reference) -> Reference:
        """A reference to rows that come later, or of the table itself, takes the columns that are decided without it.

        These are the key's own, and those that another reference brings.
        """
        primary = draft.table.primary_key
        own = {one for one in primary.columns if one} if primary else set()
        others = {
            c for one in draft.references if one is not reference and not one.backward for c in one.columns
        }
        if reference.existing or not (reference.backward or reference.table == draft.table.id):
            return self._covering(draft, reference)
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

    def _covering(self, draft: Draft, reference: Reference) -> Reference:
        """Where the parent waits for a row of this table that belongs to it, every parent gets one."""
        parent = self.plans.get(reference.table)
        back = [one for one in parent.references if one.backward] if parent else []
        awaited = any(one.table == draft.table.id and self._must(reference.table, one) for one in back)
        return dataclasses.replace(reference, how=How.COVERING) if awaited else reference

    def _must(self, table: TableName, reference: Reference) -> bool:
        """Whether a table's reference must not be NULL, always or where a check says so."""
        checked = {name for rule in rules_of(self.catalog.by_id[table]) for name in rule.columns}
        return not reference.optional or not checked.isdisjoint(reference.decides)

    def _implied(self, draft: Draft, reference: Reference) -> bool:
        """Whether another reference brings values that are the same parent's already, as the parent has them from it."""
        for other in draft.references:
            if other is reference or other.existing or other.backward or other.table == draft.table.id:
                continue
            if not {*reference.columns} <= {*other.columns}:
                continue
            through = tuple(other.referenced[other.columns.index(one)] for one in reference.columns)
            parent = self.catalog.by_id.get(other.table)
            same_table = reference.table == other.table and through == reference.referenced
            if same_table and len(reference.columns) < len(other.columns):
                return True
            for key in parent.foreign_keys if parent else ():
                pairs = dict(zip(key.columns, key.referenced, strict=True))
                if key.table == reference.table and all(
                    pairs.get(one) == target
                    for one, target in zip(through, reference.referenced, strict=True)
                ):
                    return True
        return False

    def _link(self, draft: Draft) -> None:
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
            optional = any(
                c is not None and draft.nullable(c) and c.name not in draft.never_null for c in alone
            )
            linked.append(
                dataclasses.replace(one, fixed=fixed, linked=bool(fixed) or shared, optional=optional)
            )
        draft.references = [self._with_alike(draft, one) for one in linked]

    def _with_alike(self, draft: Draft, reference: Reference) -> Reference:
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

    def _unique_in(self, parent: TableName, columns: Sequence[str]) -> bool:
        table = self.catalog.by_id.get(parent)
        if table is None:
            return True  # a foreign key always refers to a key
        keys = [key for key in table.keys if key.plain]
        return any({*columns} >= {one for one in key.columns if one} for key in keys)

    def _room(self, draft: Draft, key: Key, rows: int) -> int:
        """How many of so many rows a key has place for, with the parents' blocks that each block draws from."""
        if any(one.table == draft.table.id and one.name in key.units for one in draft.references):
            return rows  # a ring through the rows themselves
        trial = dataclasses.replace(self._outline(draft), rows=rows)
        fixed = 1
        for unit in key.units:
            maker, reference = draft.makers.get(unit), reference_named(draft, unit)
            if isinstance(maker, Own):
                fixed *= maker.space.size
            elif reference is not None and (reference.existing or reference.table not in self.plans):
                fixed *= self._size(reference)
        seen: Counter[tuple[range, ...]] = Counter()
        for number in range(trial.blocks):
            places = tuple(key_places(trial, self.plans, key.units, number))
            seen[places] += min(trial.block, rows - number * trial.block)
            made = [
                one
                for one in draft.references
                if one.name in key.units and one.table in self.plans and not one.existing
            ]
            room = fixed
            for one, blocks in zip(made, places, strict=True):
                room *= sum(self._block_rows(self.plans[one.table], block) for block in blocks)
            there = 0 if key_of_new(trial, self.plans, key) else draft.first
            if seen[places] + there > room:
                return max(number * trial.block, room - there if len(seen) == 1 else 0)
        return rows

    def _outline(self, draft: Draft) -> TablePlan:
        return TablePlan(draft.table.id, draft.rows, (), references=tuple(draft.references))

    @staticmethod
    def _block_rows(plan: TablePlan, number: int) -> int:
        return min(plan.block, plan.rows - number * plan.block)

    def _size(self, reference: Reference) -> int:
        if reference.existing:
            return len(reference.keys)
        planned = self.plans.get(reference.table)
        return planned.rows if planned else self._rows(self.catalog.by_id[reference.table])

    # -- rows that are there ---------------------------------------------------------------------------

    def _beside(self, made: TablePlan, unsure: Sequence[Wanted]) -> TablePlan:
        """With other numbers for the rows whose keys are in the table already."""
        for wanted in unsure:
            if not any(key.name == wanted.name and key_of_new(made, self.plans, key) for key in made.keys):
                made = beside(made, wanted, self._trial, self.probe, self.catalog.by_id[made.table])
        return made

    def _trial(self, made: TablePlan) -> Maker:
        plans = (*self.plans.values(), made)
        return Maker(GeneratePlan(self.request.seed, self.request.as_of, plans))

    # -- the end ---------------------------------------------------------------------------------------

    def _finished(self, draft: Draft) -> TablePlan:
        table = draft.table
        if all(not c.writable or c.name in draft.left_out for c in table.columns):
            raise CannotFill("it has no column that values can be written to")
        columns = tuple(c.name for c in table.columns if c.writable and c.name not in draft.left_out)
        required = tuple(
            one.name
            for one in draft.references
            if one.linked and not one.backward and not self._may_be_null(draft, one)
        )
        checks = tuple(dict.fromkeys(rule.expression.text for rule in draft.residual))
        sieve = sieve_of(table, checks, tuple(draft.sieved), required)
        if draft.first and sieve.keys:
            sieve = dataclasses.replace(
                sieve, taken=self.probe.rows(table.id, [name for name, _ in sieve.types])
            )
        made = TablePlan(
            table.id, draft.rows, columns, dict(draft.makers), tuple(draft.references), tuple(draft.combinations),
            tuple(draft.keys), sieve, draft.first, notes=tuple(draft.notes), asked=self._rows(table),
        )  # fmt: skip
        if sieve.keys or any(one.table == table.id and not one.existing for one in made.references):
            made = self._whole(made)
        return self._sifted(made) if sieve.needed else made

    def _may_be_null(self, draft: Draft, reference: Reference) -> bool:
        columns = [draft.table.column(name) for name in reference.columns]
        return any(
            one is not None and draft.nullable(one) and one.name not in draft.concrete for one in columns
        )

    def _whole(self, made: TablePlan) -> TablePlan:
        if made.rows <= _MOST_WHOLE or not made.sieve.keys:
            return dataclasses.replace(made, whole=bool(made.sieve.keys) or made.rows <= _MOST_WHOLE)
        note = "its keys can only be told apart row by row"
        return dataclasses.replace(made, whole=True, rows=_MOST_WHOLE, notes=(*made.notes, note))

    def _sifted(self, made: TablePlan) -> TablePlan:
        """With the rows that pass: where all rows are made at once, they are made here once to count them."""
        if not made.whole and made.rows <= _MOST_WHOLE:
            made = dataclasses.replace(made, whole=True)
        if not made.whole or any(one.backward for one in made.references):
            return made
        passing = 0
        for more in _MORE if made.rows <= _FEW else _MORE[:1]:
            sieve = dataclasses.replace(made.sieve, made=made.rows * more)
            trial = dataclasses.replace(made, sieve=sieve)
            passing = self._trial(trial).block(made.table, 0).size
            if passing == made.rows:
                return trial
            made = dataclasses.replace(made, sieve=sieve)
        if not passing:
            raise CannotFill("no row was found that satisfies its keys and checks")
        note = "no more rows were found that satisfy its keys and checks"
        return dataclasses.replace(made, rows=passing, notes=(*made.notes, note))
