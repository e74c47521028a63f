"""What plan says against what a trace saw: which differences are told, and which are none."""

from __future__ import annotations

from collections.abc import Sequence

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.model import Cost, Effect, LockMode, Relation
from dbops.safety.risk import Forecast, judge
from dbops.safety.trace.compare import differences
from dbops.safety.trace.model import HeldLock, TracedMigration, TracedStatement

NAME = QualifiedName("public", "t")
TABLE = Relation(NAME, "r", 10, 8192)


def said(
    mode: LockMode | None, cost: Cost = Cost.CATALOG, *, destroys: str = "", number: int = 1
) -> Forecast:
    """Of one statement on public.t; None for none."""
    effects = () if mode is None else (judge(Effect(NAME, mode, cost, destroys=destroys), TABLE),)
    return Forecast(number, "x", in_transaction=True, effects=effects)


def lock(mode: LockMode, relation: str = "public.t", *, kind: str = "table", new: bool = False) -> HeldLock:
    return HeldLock(relation, kind, mode, 0, 9, new=new)


def saw(
    *locks: HeldLock, rewritten: Sequence[str] = (), in_transaction: bool = True, number: int = 1
) -> TracedStatement:
    return TracedStatement(number, 1, "x", in_transaction, number, 0, locks, tuple(rewritten))


def told(forecast: Forecast, *statements: TracedStatement) -> tuple[str, ...]:
    """Of the last statement."""
    found = differences([forecast], TracedMigration("1", "x", "one transaction", 0, 0, statements))
    return found.get(forecast.number, ())


def test_locks() -> None:
    """The strongest one counts, and has to be the same; weak ones that plan does not name are in nobody's way."""
    both = (lock(LockMode.SHARE), lock(LockMode.ACCESS_EXCLUSIVE))
    assert not told(said(LockMode.ACCESS_EXCLUSIVE), saw(*both))
    assert told(said(LockMode.SHARE), saw(*both)) == (
        "public.t: plan says SHARE, the trace saw ACCESS EXCLUSIVE",
    )
    assert told(said(LockMode.ACCESS_EXCLUSIVE), saw()) == (
        "public.t: plan says ACCESS EXCLUSIVE, the trace saw no lock",
    )
    assert not told(said(None), saw(lock(LockMode.ROW_SHARE)))
    assert told(said(None), saw(lock(LockMode.ROW_EXCLUSIVE)))
    assert not told(said(None), saw(lock(LockMode.ACCESS_EXCLUSIVE, kind="index")))
    assert not told(said(None), saw(lock(LockMode.ACCESS_EXCLUSIVE, new=True)))


def test_what_the_transaction_holds_already() -> None:
    """It is not taken again by the next statement, which is no mistake of plan."""
    first = saw(lock(LockMode.ACCESS_EXCLUSIVE))
    assert not told(said(LockMode.ACCESS_EXCLUSIVE, number=2), first, saw(number=2))
    assert told(said(LockMode.SHARE, number=2), first, saw(number=2))


def test_outside_transactions() -> None:
    """What was not seen may have been there; what is stronger than was said was not said."""
    mode = LockMode.SHARE_UPDATE_EXCLUSIVE
    assert not told(said(mode), saw(in_transaction=False))
    assert told(said(mode), saw(lock(LockMode.SHARE), in_transaction=False))


def test_rewrites() -> None:
    """Said and not so, so and not said; a table that is emptied has a new file and is not rewritten."""
    exclusive = lock(LockMode.ACCESS_EXCLUSIVE)
    rewrite = said(LockMode.ACCESS_EXCLUSIVE, Cost.REWRITE)
    assert not told(rewrite, saw(exclusive, rewritten=["public.t"]))
    assert told(rewrite, saw(exclusive)) == ("public.t: plan says that it is written anew, and it was not",)
    quick = said(LockMode.ACCESS_EXCLUSIVE)
    assert told(quick, saw(exclusive, rewritten=["public.t"])) == (
        "public.t: written anew, and plan does not say so",
    )
    emptied = said(LockMode.ACCESS_EXCLUSIVE, destroys="all rows")
    assert not told(emptied, saw(exclusive, rewritten=["public.t"]))
