"""Consent to lose data: needed for every database without the mark of a development database."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dbops.config.model import Setting
from dbops.devdb.databases import Found
from dbops.errors import Refused

Ask = Callable[[str], str | None]
"""Asks a person a question and returns what was typed; None where nobody is there to ask."""


def require(found: Sequence[Found], what: str, confirm: Setting[str | None], ask: Ask) -> None:
    """Return if no database needs consent, or the first that does is confirmed by its name.

    :param found: the databases that would be lost, the most important first.
    :param what: what would happen, "drop and make again".
    :raises Refused: there is no consent.
    """
    unmarked = [database.name for database in found if not database.marked]
    if not unmarked:
        return
    name, word = unmarked[0], _shell_word(unmarked[0])
    if confirm.value == name:
        return
    if confirm.value is None:
        typed = ask(
            f"This would {what} {', '.join(unmarked)}, not marked as development.\nType the name {name} to go on: "
        )
        if typed == name:
            return
        if typed is not None:
            raise Refused("the name does not match; nothing was changed", hint=f"the name is {word}")
    named = " and ".join(repr(other) for other in unmarked)
    given = f"; {confirm.value!r} ({confirm.origin}) is another name" if confirm.value is not None else ""
    verb = "are" if len(unmarked) > 1 else "is"
    raise Refused(
        f"{named} {verb} not marked as development, so losing the data needs consent{given}",
        hint=f"to {what} it nevertheless, add --confirm {word} (or DBOPS_CONFIRM={word})",
    )


def _shell_word(name: str) -> str:
    import shlex

    return shlex.quote(name)
