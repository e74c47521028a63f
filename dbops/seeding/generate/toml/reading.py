"""Reading `generate.toml`, which somebody may have edited: every table, column and field is looked at before any is used."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from dbops.engines.catalog import Catalog, Table, TableName
from dbops.engines.postgres.libpg_query import Refusal
from dbops.errors import ConfigError
from dbops.seeding.generate.making.numbers import unit_of_combination
from dbops.seeding.generate.model import (
    NULLS,
    OWN,
    After,
    Combinations,
    GeneratePlan,
    How,
    Key,
    Own,
    Reference,
    Sieve,
    SievedKey,
    TablePlan,
)  # fmt: skip
from dbops.seeding.generate.planning.rules import TIMES
from dbops.seeding.generate.probing import Probe
from dbops.seeding.generate.spaces.times import Times
from dbops.seeding.generate.toml.fields import BadField, Fields
from dbops.seeding.generate.toml.makers import read_maker
from dbops.seeding.generate.toml.writing import FILE, NULL

_MOST_ROWS = 10**12
_YEARS = (1900, 2200)


def read_set(folder: Path, catalog: Catalog, probe: Probe) -> GeneratePlan:
    """The plan of a folder's `generate.toml`, for the database as it is now.

    :raises ConfigError: the file is not of this form, or names what the database does not have; the message names
        the table, the column and the field.
    """
    path = folder / FILE
    try:
        return from_toml(path.read_text(encoding="utf-8"), catalog, probe)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # TOML that is none, a text that is no UTF-8, a bad field
        hint = "bin/seed-test-data generate --write-set writes a new one"
        raise ConfigError(f"{path}: {error}", hint=hint) from None


def from_toml(text: str, catalog: Catalog, probe: Probe) -> GeneratePlan:
    """The plan of a text that `to_toml` wrote and somebody may have edited.

    :raises ValueError: see `read_set`.
    """
    fields = Fields("the file", tomllib.loads(text))
    seed, as_of = fields.whole("seed", 0, (1 << 63) - 1), fields.any("as-of")
    if not isinstance(as_of, datetime) or not _YEARS[0] <= as_of.year <= _YEARS[1]:
        raise fields.wrong("as-of", f"a time such as 2026-01-31T00:00:00Z, from {_YEARS[0]} to {_YEARS[1]}")
    if as_of.tzinfo:
        as_of = as_of.astimezone(UTC).replace(tzinfo=None)
    tables = [_read_table(one, catalog, probe) for one in fields.parts("tables")]
    fields.end()
    named = [one.table for one in tables]
    for place, one in enumerate(tables):
        if one.table in named[:place]:
            raise BadField(f"{'.'.join(one.table)} is there twice")
        _require_parents(one, {*named})
        _require_births(one, {made.table: made for made in tables})
    return GeneratePlan(seed, as_of, tuple(tables), catalog=catalog)


def _require_parents(plan: TablePlan, named: set[TableName]) -> None:
    """:raises BadField: a reference needs rows of a table that the file does not fill."""
    for one in plan.references:
        if not one.existing and one.table not in named:
            raise BadField(
                f"{'.'.join(plan.table)}, reference {one.name}: the file does not fill {'.'.join(one.table)};"
                " with existing = true it takes the rows that are there"
            )


def _require_births(plan: TablePlan, plans: Mapping[TableName, TablePlan]) -> None:
    """:raises BadField: a time comes after a parent's, and that is none that is made before."""
    references = {one.name: one for one in plan.references if not one.existing and not one.linked}
    for name, maker in plan.makers.items():
        for reference, column in maker.parents if isinstance(maker, After) else ():
            where = f"{'.'.join(plan.table)}, column {name}: parents"
            parent = plans.get(references[reference].table) if reference in references else None
            if parent is None or parent.table == plan.table:
                raise BadField(f"{where}: {reference} is no reference to another table of the file")
            time = parent.makers.get(column)
            if not isinstance(time, After) and not (isinstance(time, Own) and isinstance(time.space, Times)):
                raise BadField(f"{where}: {column} is no time of {'.'.join(parent.table)}")


def _read_table(read: Any, catalog: Catalog, probe: Probe) -> TablePlan:
    fields = Fields("a table", read)
    label = fields.text("name")
    fields.where = label
    table = catalog.by_id.get(_name(label))
    if table is None:
        raise BadField(f"{label}: the database has no such table")
    columns = {column.name for column in table.columns}
    makers = _read_makers(label, fields.any("columns"), columns)
    references = tuple(
        _read_reference(label, one, columns, catalog, probe) for one in fields.parts("references")
    )
    together = tuple(_read_together(label, one, columns, makers) for one in fields.parts("together"))
    made = TablePlan(
        table.id, fields.whole("rows", 0, _MOST_ROWS), fields.texts("order", columns), makers, references, together,
        tuple(_read_key(label, one) for one in fields.parts("keys")),
        _read_sieve(label, fields.any("sieve", {}), table, references, probe), probe.count(table.id), fields.flag("whole"),
    )  # fmt: skip
    fields.end()
    _require_decided(label, made, table)
    _require_times(label, made, table)
    _require_units(label, made)
    return made


def _name(text: str) -> TableName:
    schema, _, table = text.partition(".")
    return (schema, table)


def _read_makers(label: str, read: Any, columns: set[str]) -> dict[str, Own | After]:
    if not isinstance(read, Mapping):
        raise BadField(f"{label}: columns must be a table of makers")
    for name in read:
        if name not in columns:
            raise BadField(f"{label} has no column {name}")
    return {name: read_maker(f"{label}, column {name}", one) for name, one in read.items()}


def _read_reference(label: str, read: Any, columns: set[str], catalog: Catalog, probe: Probe) -> Reference:
    fields = Fields(f"{label}, a reference", read)
    name = fields.text("name")
    fields.where = f"{label}, reference {name}"
    parent = catalog.by_id.get(_name(fields.text("table")))
    if parent is None:
        raise BadField(f"{fields.where}: the database has no table {fields.text('table')}")
    own = fields.texts("columns", columns)
    reference = Reference(
        name, own, parent.id, fields.texts("referenced", {column.name for column in parent.columns}),
        How(fields.one_of("how", {one.value for one in How}, How.SKEWED.value)), fields.whole("nulls", 0, NULLS, 0),
        fixed=fields.texts("fixed", own), itself="itself" not in read or fields.flag("itself"),
        existing=fields.flag("existing"), linked=fields.flag("linked"), backward=fields.flag("backward"),
        alike=fields.texts("alike", columns), late=fields.flag("late"), optional=fields.flag("optional"),
    )  # fmt: skip
    fields.end()
    if not own or len(own) != len(reference.referenced):
        raise BadField(f"{fields.where}: columns and referenced must be of one length")
    if reference.existing:
        return dataclasses.replace(reference, keys=probe.keys(reference.table, reference.referenced))
    return reference


def _read_together(
    label: str, read: Any, columns: set[str], makers: Mapping[str, Own | After]
) -> Combinations:
    fields = Fields(f"{label}, together", read)
    names, rows = fields.texts("columns", columns), fields.parts("rows")
    fields.end()
    for row in rows:
        if (
            not isinstance(row, list)
            or len(row) != len(names)
            or not all(isinstance(one, str) for one in row)
        ):
            raise BadField(f"{fields.where}: each of rows must be a list of {len(names)} texts, not {row!r}")
    if not names or not rows:
        raise BadField(f"{fields.where}: columns and rows must not be empty")
    return Combinations(names, tuple(tuple(None if text == NULL else text for text in row) for row in rows))


def _read_key(label: str, read: Any) -> Key:
    fields = Fields(f"{label}, a key", read)
    name = fields.text("name")
    fields.where = f"{label}, key {name}"
    key = Key(
        name,
        fields.texts("units"),
        fields.flag("counting"),
        fields.flag("covering"),
        fields.text("along", ""),
    )
    fields.end()
    return key


def _read_sieve(
    label: str, read: Any, table: Table, references: tuple[Reference, ...], probe: Probe
) -> Sieve:
    from dbops.seeding.generate.making.sieve import sieve_of

    fields = Fields(f"{label}, sieve", read)
    keys = tuple(_sieved_key(fields.where, one) for one in fields.parts("keys"))
    required = fields.texts("required", {one.name for one in references})
    checks, made = fields.texts("checks"), fields.whole("made", 0, _MOST_ROWS, 0)
    fields.end()
    try:
        sieve = sieve_of(table, checks, keys, required)
    except Refusal as error:
        raise BadField(f"{fields.where}: {error}") from None
    taken = probe.rows(table.id, [name for name, _ in sieve.types]) if keys else ()
    return dataclasses.replace(sieve, taken=taken, made=made)


def _sieved_key(where: str, read: Any) -> SievedKey:
    fields = Fields(f"{where}, a key", read)
    key = (fields.texts("entries"), fields.text("where", "") or None, fields.flag("nulls-equal"))
    fields.end()
    return key


# -- what goes together --------------------------------------------------------------------------------


def _require_decided(label: str, plan: TablePlan, table: Table) -> None:
    """:raises BadField: nothing says what a column to be written gets, or it cannot be written."""
    referring = {name for one in plan.references for name in one.columns}
    tied = {name: one for one in plan.combinations for name in one.columns}
    for name in plan.columns:
        column = table.column(name)
        if column is None or not column.writable:
            raise BadField(f"{label}, column {name}: the server computes it; take it out of order")
        place = tied[name].columns.index(name) if name in tied else 0
        own = name not in tied or any(row[place] == OWN for row in tied[name].rows)
        if own and name not in plan.makers and name not in referring:
            raise BadField(f"{label}, column {name}: it is in order, but nothing makes its values")
    if len({*plan.columns}) < len(plan.columns):
        raise BadField(f"{label}: order names a column twice")


def _require_times(label: str, plan: TablePlan, table: Table) -> None:
    """:raises BadField: a time comes after what is no time, or after itself by way of others."""
    after = {name: maker for name, maker in plan.makers.items() if isinstance(maker, After)}
    for name, maker in after.items():
        for before in maker.columns:
            found, column = plan.makers.get(before), table.column(before)
            times = isinstance(found, After) or (
                isinstance(found, Own) and (isinstance(found.space, Times) or (column and column.type.base.name in TIMES))
            )  # fmt: skip
            if not times:
                raise BadField(f"{label}, column {name}: columns: {before} is no time that is made here")
    try:
        tuple(TopologicalSorter({name: maker.columns for name, maker in after.items()}).static_order())
    except CycleError as error:
        circle = " after ".join(error.args[1])
        raise BadField(f"{label}, column {error.args[1][0]}: it comes after itself ({circle})") from None


def _require_units(label: str, plan: TablePlan) -> None:
    """:raises BadField: a key names what has no numbers, or something is chosen by a key that there is not."""
    own = {name: maker.how for name, maker in plan.makers.items() if isinstance(maker, Own)}
    hows = {
        **own,
        **{one.name: one.how for one in plan.references},
        **{unit_of_combination(one): one.how for one in plan.combinations},
    }
    for key in plan.keys:
        for unit in (*key.units, *((key.along,) if key.along else ())):
            if unit not in hows:
                raise BadField(f"{label}, key {key.name}: units: there is no {unit}")
        if not key.units or len({*key.units}) < len(key.units):
            raise BadField(f"{label}, key {key.name}: units must be different, and at least one")
    keyed = {unit for key in plan.keys for unit in key.units}
    for unit, how in hows.items():
        if how is How.KEY and unit not in keyed:
            raise BadField(f'{label}, {unit}: how = "key", but it is in none of the keys')
    _require_alongs(label, plan)


def _require_alongs(label: str, plan: TablePlan) -> None:
    counting = {key.units[-1]: {*key.units[:-1]} for key in plan.keys if key.counting and not key.along}
    for key in plan.keys:
        if key.along and counting.get(key.along) != {*key.units[:-1]}:
            raise BadField(f"{label}, key {key.name}: along: no key counts {key.along} within the same units")
