"""From the prepared steps of a plan to what each of their statements will do to the live database."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from dbops.engines.effects import Effect, Foresight, Relation
from dbops.engines.names import QualifiedName
from dbops.migrations.planner import Step
from dbops.migrations.prepare import Prepared
from dbops.migrations.script import Mode, Unit
from dbops.safety.level import Risk
from dbops.safety.risk import Forecast, forecast, with_held_locks


@dataclasses.dataclass(frozen=True)
class Analysed:
    """One step of a plan with its statements; those of code are not known."""

    step: Step
    statements: tuple[Forecast, ...]
    is_code: bool = False

    @property
    def risk(self) -> Risk:
        """The highest of its statements."""
        if self.is_code:
            return Risk.UNKNOWN
        return max((one.risk for one in self.statements), default=Risk.SAFE)


def analyse(steps: Iterable[Prepared], live: Foresight) -> list[Analysed]:
    """What the steps do, in order; what an earlier one makes is nobody's yet when a later one changes it."""
    walk = _Walk(live)
    return [
        Analysed(prepared.step, tuple(walk.step(prepared)), prepared.code is not None) for prepared in steps
    ]


class _Walk:
    """Remembers what the statements so far have made."""

    def __init__(self, live: Foresight) -> None:
        self._live = live
        self._made: set[tuple[str | None, str]] = set()

    def step(self, prepared: Prepared) -> Iterator[Forecast]:
        effects = self._live.foreseen([statement.text for statement in prepared.script.statements])
        numbered = enumerate(effects, 1)
        for unit in prepared.script.units:
            alone = unit.alone or (prepared.script.mode is Mode.STEPWISE and unit.begin is None)
            found = list(self._unit(unit, numbered, in_transaction=not alone))
            yield from found if alone else with_held_locks(found)

    def _unit(
        self, unit: Unit, numbered: Iterator[tuple[int, tuple[Effect, ...]]], *, in_transaction: bool
    ) -> Iterator[Forecast]:
        for statement, (number, effects) in zip(unit.statements, numbered, strict=False):
            yield forecast(number, statement.redacted, effects, self._relation, in_transaction=in_transaction)
            self._made |= {(name.schema, name.name) for name in self._live.created(statement.text)}

    def _relation(self, effect: Effect) -> Relation | None:
        return None if self._is_new(effect.relation) else self._live.relation(effect.relation)

    def _is_new(self, name: QualifiedName) -> bool:
        """Without a schema, the search path is taken to agree."""
        if name.schema is None:
            return any(made == name.name for _, made in self._made)
        return (name.schema, name.name) in self._made or (None, name.name) in self._made
