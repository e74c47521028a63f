"""What `bin/migrate plan` tells of each statement: its locks, its work, its risk."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.dialect import SQLITE
from dbops.events import format_bytes
from dbops.safety.level import Risk, estimate

if TYPE_CHECKING:
    from dbops.engines.session import Session
    from dbops.migrations.planner import Step
    from dbops.migrations.preparation import Preparation
    from dbops.safety.analysis import Analysed
    from dbops.safety.risk import Forecast, Judged

_WIDTH = 100


def analysed(preparation: Preparation, session: Session) -> list[Analysed]:
    """The steps of a plan that run SQL, with what their statements will do."""
    if not preparation.plan.steps:
        return []
    from dbops.migrations.planner import Work
    from dbops.safety.analysis import analyse

    steps = [step for step in preparation.plan.steps if step.work in {Work.RUN_UP, Work.RUN_DOWN}]
    return analyse((preparation.take(step) for step in steps), session.foresight())


def worst(found: Sequence[Analysed]) -> Risk:
    """The highest risk of all."""
    return max((one.risk for one in found), default=Risk.SAFE)


def data(found: Sequence[Analysed]) -> dict[str, Any]:
    """`risk` of the plan; `forecast`, of each step its version, its risk, and its statements with their effects."""
    steps = [
        {
            "version": one.step.version.text,
            "risk": one.risk.label,
            "statements": [_statement_data(statement) for statement in one.statements],
        }
        for one in found
    ]
    return {"risk": worst(found).label, "forecast": steps}


def _statement_data(found: Forecast) -> dict[str, Any]:
    return {
        "number": found.number,
        "statement": found.statement,
        "in_transaction": found.in_transaction,
        "risk": found.risk.label,
        "untold": found.untold or None,
        "effects": [_effect_data(one) for one in found.effects],
    }


def _effect_data(one: Judged) -> dict[str, Any]:
    return {
        "relation": str(one.live.name if one.live else one.effect.relation),
        "lock": one.effect.mode.words,
        "blocks": one.effect.mode.blocks,
        "work": one.effect.cost.value,
        "rows": one.live and one.live.rows,
        "bytes": one.live and one.live.size,
        "estimate_seconds": round(one.seconds, 1),
        "destroys": one.effect.destroys or None,
        "risk": one.risk.label,
        "reason": one.reason or None,
        "safer": one.safer or None,
    }


def below(found: Sequence[Analysed]) -> Callable[[Step], Iterator[str]]:
    """What tells of one step of a plan its statements."""
    by_step: dict[tuple[str, str], list[Analysed]] = {}
    for one in found:
        by_step.setdefault(_key(one.step), []).append(one)
    return lambda step: itertools.chain.from_iterable(map(_of_step, by_step.get(_key(step), ())))


def _key(step: Step) -> tuple[str, str]:
    return step.work.value, step.version.key


def _of_step(found: Analysed) -> Iterator[str]:
    """A line per statement; below it what it locks, and of what is not safe why and what would be."""
    if found.is_code:
        yield f"{'':5} {found.risk.label:<11} what Python does shows when it runs"
    file = found.step.status.file
    how = "" if file is not None and file.dialect == SQLITE else ": bin/migrate plan --trace"
    for one in found.statements:
        place = "" if one.in_transaction else ", outside a transaction"
        yield f"{one.number:>5} {one.risk.label:<11} {short(one.statement)}{place}"
        if one.untold:
            yield f"{'':17} {one.untold} shows when it runs{how}"
        for effect in one.effects:
            if effect.live is not None and (effect.risk or effect is one.effects[0]):
                yield from (f"{'':17} {text}" for text in _explained(effect))


def _explained(one: Judged) -> Iterator[str]:
    yield _told(one)
    if one.reason:
        yield one.reason
    if one.safer:
        yield f"safer: {one.safer}"


def _told(one: Judged) -> str:
    assert one.live is not None  # only what is there is told
    size = f"{one.live.rows:,} rows, " if one.live.rows is not None else ""
    gone = f"; {one.effect.destroys} will be gone" if one.effect.destroys else ""
    text = f"{one.effect.mode.words} on {one.live.name} stops {one.effect.mode.blocks}"
    if one.effect.cost.value == "catalog":
        return f"{text}; catalog only{gone}"
    return (
        f"{text}; {one.effect.cost.value}, {size}{format_bytes(one.live.size)}: {estimate(one.seconds)}{gone}"
    )


def markdown(found: Sequence[Analysed]) -> Iterator[str]:
    """For a pull request: a table of the statements, and below it what is not safe; a sentence where none would run."""
    if not found:
        yield "No migration is pending."
        return
    yield "| version | # | risk | statement | lock | work |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for step in found:
        if step.is_code:
            yield f"| {step.step.version.text} | | {step.risk.label} | Python | | |"
        for one in step.statements:
            first = next((effect for effect in one.effects if effect.live), None)
            lock = f"{first.effect.mode.words} on `{first.live.name}`" if first and first.live else ""
            work = f"{first.effect.cost.value}, {estimate(first.seconds)}" if first else ""
            cells = (
                step.step.version.text,
                str(one.number),
                one.risk.label,
                f"`{_cell(one.statement)}`",
                lock,
                work,
            )
            yield f"| {' | '.join(cells)} |"
    for step in found:
        for one in step.statements:
            for effect in one.effects:
                if effect.reason:
                    yield ""
                    where = f"{step.step.version} statement {one.number}, {effect.risk.label}"
                    yield f"- **{where}**: {_told(effect)}; {effect.reason}"
                    if effect.safer:
                        yield f"  Safer: {effect.safer}"


def short(statement: str) -> str:
    """On one line, and not too long."""
    words = " ".join(statement.split())
    return words if len(words) <= _WIDTH else f"{words[: _WIDTH - 3]}..."


def _cell(statement: str) -> str:
    return short(statement).replace("|", "\\|").replace("`", "'")
