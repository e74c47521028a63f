"""A lock that is held while something slow runs behind it."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.model import Cost
from dbops.safety.lint.model import Found, Level, Matters, Rule
from dbops.safety.lint.reading import File, Parsed
from dbops.safety.lint.rules.ddl_with_data import DATA, locks
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    for unit in file.transactions:
        held: tuple[Parsed, QualifiedName] | None = None
        for one in unit:
            slow = _slow(file, one, around) if held else ()
            if held and slow:
                line, _ = file.up.place(held[0].offset)
                message = f"while it runs, the lock on {held[1]} is held that line {line} took"
                yield Found(file.up, one, message, slow, Matters.USED)
            held = held or next(((one, name) for name in locks(file, one, around)), None)


def _slow(file: File, one: Parsed, around: Surroundings) -> tuple[QualifiedName, ...]:
    """The tables that it reads or writes from end to end; changes of rows are another rule's."""
    if one.kind in DATA:
        return ()
    effects = around.effects(file, one)
    return tuple(effect.relation for effect in effects if effect.cost not in (Cost.CATALOG, Cost.ROWS))


RULE = Rule(
    "lock-held-while-slow",
    Level.WARNING,
    wrong="A lock is held until the commit, not until the end of its statement. An `ALTER TABLE` that takes a moment, "
    "followed in its transaction by one that builds an index or reads a table, stops everybody for as long as that one "
    "takes.",
    safer="A migration of its own for the slow statement; or before the quick one, where the slow one locks less.",
    instead="put the slow statement into a migration of its own",
    check=_check,
)
