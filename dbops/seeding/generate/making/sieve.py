"""Leaving out rows that break what only made rows show, and rows that repeat a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import Table
from dbops.seeding.generate.expressions.expression import Expression, read_expression
from dbops.seeding.generate.expressions.values import UNKNOWN, Opaque, UnknownValue, read
from dbops.seeding.generate.making.itself import Among
from dbops.seeding.generate.model import Sieve, SievedKey

if TYPE_CHECKING:
    from dbops.seeding.generate.making.rows import Block


def sieve_of(
    table: Table, checks: tuple[str, ...], keys: tuple[SievedKey, ...], required: tuple[str, ...]
) -> Sieve:
    """A sieve with what its checks and keys need to know of the table."""
    asked = {name for text in checks for name in read_expression(text).columns}
    for texts, predicate, _ in keys:
        asked |= {name for text in (*texts, predicate) if text for name in read_expression(text).columns}
    derived = [c for c in table.columns if c.generated and c.name in asked]
    for column in derived:
        asked |= read_expression(column.generated or "").columns
    types = tuple((c.name, c.type) for c in table.columns if c.name in asked and c.writable)
    return Sieve(checks, keys, types, tuple((c.name, c.generated or "") for c in derived), required)


def sift(block: Block) -> tuple[list[int], dict[str, list[str | None]]]:
    """The places of the rows that pass, in order, at most as many as are wanted.

    With them the values of the columns that refer to the table itself, for the rows that are kept.
    """
    sieve, among = block.plan.sieve, Among(block)
    test = _Test(sieve)
    texts = {name: block.candidates(name) for name, _ in sieve.types}
    missing, kept = block.missing(), list[int]()
    for place in range(block.count):
        if place in missing:
            continue
        row = {name: column[place] for name, column in texts.items()}
        for chosen in (among.choose(place), among.none()):
            if chosen is not None and test.passes({**row, **chosen}):
                among.keep(place, chosen)
                kept.append(place)
                break
        if len(kept) == block.wanted:
            break
    return kept, among.texts


class _Test:
    """The checks and keys of a sieve, and the keys that are taken."""

    def __init__(self, sieve: Sieve) -> None:
        self._sieve = sieve
        self._checks = [read_expression(text) for text in sieve.checks]
        self._keys = [
            (_key(texts), predicate and read_expression(predicate), nulls)
            for texts, predicate, nulls in sieve.keys
        ]
        self._seen: list[set[tuple[Any, ...]]] = [set() for _ in self._keys]
        for texts in sieve.taken:
            self._add(_row(sieve, texts))

    def passes(self, texts: Mapping[str, str | None]) -> bool:
        """Whether a row breaks no check and repeats no key; its keys are taken then."""
        row = _row(self._sieve, [texts[name] for name, _ in self._sieve.types])
        return all(check.holds(row) is not False for check in self._checks) and self._add(row)

    def _add(self, row: dict[str, Any]) -> bool:
        return _add_new(
            [_found(key, predicate, nulls, row) for key, predicate, nulls in self._keys], self._seen
        )


def _add_new(found: Sequence[tuple[Any, ...] | None], seen: Sequence[set[tuple[Any, ...]]]) -> bool:
    """Add a row's keys to those seen, unless one is among them; whether it was not."""
    if any(one is not None and one in known for one, known in zip(found, seen, strict=True)):
        return False
    for one, known in zip(found, seen, strict=True):
        if one is not None:
            known.add(one)
    return True


def _key(texts: tuple[str, ...]) -> list[Expression]:
    return [read_expression(text) for text in texts]


def _found(
    key: list[Expression], predicate: Any, nulls_equal: bool, row: dict[str, Any]
) -> tuple[Any, ...] | None:
    """The key's values; None where the row is not bound by it."""
    if predicate is not None:
        try:
            if predicate.evaluate(row) is not True:
                return None
        except UNKNOWN:
            pass  # as if it were bound
    parts = []
    for expression in key:
        try:
            parts.append(_canonical(expression.evaluate(row)))
        except UNKNOWN:
            parts.append(repr(sorted(row.items(), key=_name_of)))
    return None if "None" in parts and not nulls_equal else tuple(parts)


def _name_of(item: tuple[str, Any]) -> str:
    return item[0]


def _canonical(value: Any) -> str:
    """Equal values have equal texts."""
    return str(value.normalize()) if isinstance(value, Decimal) and value.is_finite() else repr(value)


def _row(sieve: Sieve, texts: Sequence[str | None]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for (name, kind), text in zip(sieve.types, texts, strict=True):
        try:
            made[name] = read(text, kind)
        except UnknownValue:
            made[name] = Opaque(text or "")
    for name, expression in sieve.derived:
        try:
            made[name] = read_expression(expression).evaluate(made)
        except UNKNOWN:
            continue
    return made
