"""How risky a statement is on this very database: a pure judgement of its effects and of what is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from dbops.engines.effects import Cost, Effect, Relation
from dbops.safety.advice import ADVICE
from dbops.safety.level import BRIEF, Risk, estimate

# Bytes of a table that a small server gets through in a second; an estimate is no more than that.
_PACE = {Cost.SCAN: 300e6, Cost.BUILD: 60e6, Cost.REWRITE: 60e6, Cost.ROWS: 30e6}
_SLOW = 1.0
"""Seconds of work from which on the locks that are held meanwhile matter."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """One effect on one relation.

    :param live: the relation as it is; None where it is not there yet.
    :param seconds: estimated work under the lock.
    """

    effect: Effect
    live: Relation | None
    seconds: float
    risk: Risk
    reason: str = ""
    safer: str = ""


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What one statement will do; the strongest of its effects comes first.

    :param untold: why the rest is not known, in words; empty where it is.
    """

    number: int
    statement: str
    in_transaction: bool
    effects: tuple[Judged, ...]
    untold: str = ""

    @property
    def risk(self) -> Risk:
        """The highest of its effects."""
        if self.untold:
            return Risk.UNKNOWN
        return max((one.risk for one in self.effects), default=Risk.SAFE)

    @property
    def seconds(self) -> float:
        """Estimated work of all its effects."""
        return sum(one.seconds for one in self.effects)


def judge(effect: Effect, live: Relation | None) -> Judged:
    """The risk of one effect by itself.

    :param live: None for what is not there, or was made by a pending migration: nobody uses it.
    """
    if live is None:
        return Judged(effect, None, 0.0, Risk.SAFE)
    seconds = live.size / _PACE[effect.cost] if effect.cost in _PACE else 0.0
    risk = _risk(effect, live, seconds)
    advice = ADVICE.get(effect.advice)
    if advice is None or risk is Risk.SAFE or (effect.destroys and risk < Risk.DESTRUCTIVE):
        return Judged(effect, live, seconds, risk)
    return Judged(effect, live, seconds, risk, f"it {advice.why}", advice.safer)


def _risk(effect: Effect, live: Relation, seconds: float) -> Risk:
    if effect.destroys and live.size > 0:
        return Risk.DESTRUCTIVE
    if effect.mode.is_felt:
        return Risk.BLOCKING if seconds > BRIEF else Risk.BRIEF
    if effect.advice == "update-all" and seconds > _SLOW:
        return Risk.BLOCKING
    return Risk.SAFE


def with_held_locks(unit: Sequence[Forecast]) -> list[Forecast]:
    """The statements of one transaction: a lock that others feel is held while a slow statement runs after it."""
    found = []
    for place, forecast in enumerate(unit):
        slow = next((later for later in unit[place + 1 :] if later.seconds > _SLOW), None)
        effects = forecast.effects if slow is None else tuple(_held(one, slow) for one in forecast.effects)
        found.append(dataclasses.replace(forecast, effects=effects))
    return found


def _held(one: Judged, slow: Forecast) -> Judged:
    if one.live is None or not one.effect.mode.is_felt or one.risk >= Risk.BLOCKING:
        return one
    return dataclasses.replace(
        one,
        risk=Risk.BLOCKING,
        reason=f"its lock is held until the commit, while statement {slow.number} runs ({estimate(slow.seconds)})",
        safer="put the two into migrations of their own",
    )


def forecast(
    number: int,
    statement: str,
    effects: Iterable[Effect],
    live: Callable[[Effect], Relation | None],
    *,
    in_transaction: bool,
    untold: str = "",
) -> Forecast:
    """All effects of a statement, the strongest first, one per relation and lock."""
    judged = [judge(effect, live(effect)) for effect in dict.fromkeys(effects)]
    judged.sort(key=lambda one: (-one.risk, -one.effect.mode))
    return Forecast(number, statement, in_transaction, tuple(judged), untold)
