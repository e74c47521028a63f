"""Consent to lose data: needed for every database without the mark of a development database."""

from __future__ import annotations

import enum
import shlex
from collections.abc import Callable, Sequence

from dbops.config.model import Setting
from dbops.devdb.databases import Found
from dbops.errors import Refused

Ask = Callable[[str], str | None]
"""Asks a person a question and returns what was typed; None where nobody is there to ask."""


class Cost(enum.Enum):
    """What it is that needs consent, and how a refusal words the way on."""

    DATA = "losing the data", "to go on and lose it"
    USE = "taking it out of use", "to go on"
    TEST_DATA = "writing test data into it", "to go on"


def require(
    found: Sequence[Found],
    what: str,
    confirm: Setting[str | None],
    ask: Ask,
    unseen: str | None = None,
    *,
    cost: Cost = Cost.DATA,
) -> None:
    """Return if no database needs consent, or each that does is confirmed by its name.

    Several names are given to --confirm with commas between them; a person is asked for one after the other.

    :param found: the databases that would be lost, the most important first.
    :param what: what would happen to them, "drop and make again".
    :param cost: what is asked for, where it is not to lose the data.
    :param unseen: why it is not known what would be lost; `found` is then what might be.
    :raises Refused: there is no consent.
    """
    names = [database.name for database in found if not database.marked]
    if not names:
        return
    if confirm.value is not None:
        if _covers(confirm.value, names):
            return
    elif _typed(names, what, ask, unseen):
        return
    given = f"; {confirm.value!r} ({confirm.origin}) does not name " if confirm.value is not None else ""
    given += ("it" if len(names) == 1 else "all of them") if given else ""
    word = shlex.quote(",".join(names))
    what_needs_it, go_on = cost.value
    raise Refused(
        f"{_why(names, unseen)}, so {what_needs_it} needs consent{given}",
        hint=f"{go_on}, add --confirm {word} (or DBOPS_CONFIRM={word})",
    )


def _covers(value: str, names: Sequence[str]) -> bool:
    """Whether every name is among those given; a name may hold a comma itself."""
    return value == ",".join(names) or set(names) <= set(value.split(","))


def _typed(names: Sequence[str], what: str, ask: Ask, unseen: str | None) -> bool:
    """Whether a person typed every name; False where nobody is there.

    :raises Refused: another name was typed.
    """
    question = f"This would {what} {', '.join(names)}: {_why(names, unseen)}.\n"
    for name in names:
        typed = ask(f"{question}Type the name {name} to go on: ")
        if typed is None:
            return False
        if typed != name:
            raise Refused(
                "the name does not match; nothing was changed", hint=f"the name is {shlex.quote(name)}"
            )
        question = ""
    return True


def _why(names: Sequence[str], unseen: str | None) -> str:
    if unseen is not None:
        return unseen
    verb = "are" if len(names) > 1 else "is"
    return f"{' and '.join(repr(name) for name in names)} {verb} not marked as development"
