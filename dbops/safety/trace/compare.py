"""What `migrate plan` says of a statement against what a trace saw of it; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dbops.engines.effects import Cost, Lock
from dbops.engines.postgres.effects.model import LockMode
from dbops.safety.risk import Forecast, Judged
from dbops.safety.trace.model import HeldLock, TracedMigration, TracedStatement

_UNFELT = LockMode.ROW_SHARE
"""Locks up to this one are in nobody's way but of what needs the table for itself; a forecast names few of them."""
_NONE = 0
_WITH_THEIR_TABLE = ("index", "partitioned index", "sequence")


def differences(
    forecasts: Iterable[Forecast], seen: TracedMigration, earlier: Iterable[HeldLock] = ()
) -> Mapping[int, tuple[str, ...]]:
    """By the numbers of the statements, sentences on what is otherwise than was said.

    :param earlier: the locks that migrations before it took in the same transaction.
    """
    said = {one.number: one for one in forecasts}
    found: dict[int, tuple[str, ...]] = {}
    before = list(earlier)
    # What the last one would have done is not known where it failed.
    for one in seen.statements[:-1] if seen.failure else seen.statements:
        if one.number in said:
            found[one.number] = tuple(_differing(said[one.number], one, before))
        before += one.locks
    return {number: sentences for number, sentences in found.items() if sentences}


def _differing(said: Forecast, seen: TracedStatement, before: Sequence[HeldLock]) -> Iterator[str]:
    effects = [one for one in said.effects if one.live is not None and one.live.kind not in {"i", "I"}]
    planned = _strongest((_name(one), one.effect.mode) for one in effects)
    new = {lock.relation for lock in (*before, *seen.locks) if lock.new}
    real = _strongest(
        (lock.relation, lock.mode)
        for lock in seen.locks
        if lock.kind not in _WITH_THEIR_TABLE or lock.relation in planned
    )
    held = {(lock.relation, lock.mode) for lock in before if lock.ended > seen.began and not lock.sampled}
    parts = {str(part): one for one in effects if one.live for part in one.live.partitions}
    for relation in sorted((planned.keys() | real.keys()) - new):
        # What is said of a partitioned table is said of its partitions, too.
        if (
            relation in parts
            and relation not in planned
            and real[relation] <= planned[_name(parts[relation])]
        ):
            continue
        mode, actual = planned.get(relation, _NONE), real.get(relation, _NONE)
        # What its transaction holds already is not taken again; what was looked at now and then may have been missed.
        excused = (relation, mode) in held or not seen.in_transaction
        if not _agree(mode, actual, excused=excused):
            yield f"{relation}: plan says {_words(mode)}, the trace saw {_words(actual)}"
    yield from _rewrites(effects, seen, new)


def _agree(said: int, saw: int, *, excused: bool) -> bool:
    if said == _NONE:
        return saw <= _UNFELT
    return saw <= said if excused else saw == said


def _rewrites(effects: Sequence[Judged], seen: TracedStatement, new: set[str]) -> Iterator[str]:
    planned = {_name(one) for one in effects if one.effect.cost is Cost.REWRITE}
    emptied = {_name(one) for one in effects if one.effect.destroys}
    tables = {str(part): _name(one) for one in effects if one.live for part in one.live.partitions}
    real = {tables[name] if tables.get(name) in planned else name for name in seen.rewritten} - new
    yield from (
        f"{name}: plan says that it is written anew, and it was not" for name in sorted(planned - real)
    )
    yield from (
        f"{name}: written anew, and plan does not say so" for name in sorted(real - planned - emptied)
    )


def _name(one: Judged) -> str:
    assert one.live is not None  # only what is there is compared
    return f"{one.live.name.schema}.{one.live.name.name}"


def _strongest(found: Iterable[tuple[str, Lock]]) -> dict[str, Lock]:
    modes: dict[str, Lock] = {}
    for name, mode in found:
        modes[name] = max(mode, modes.get(name, mode))
    return modes


def _words(mode: int) -> str:
    return "no lock" if mode == _NONE else LockMode(mode).words
