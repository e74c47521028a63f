"""`validate rollback V`: what undoing one migration would break and lose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from psycopg import sql

from dbops.engines.names import QualifiedName
from dbops.events import plural
from dbops.safety.analysis import Analysed
from dbops.safety.checkup import dependents
from dbops.safety.checkup.asking import Asker, NotKnown
from dbops.safety.checkup.model import Finding, Level
from dbops.safety.checkup.rows import identifier
from dbops.safety.risk import Judged


def look(
    ask: Asker, found: Analysed, statements: Sequence[str], later: Mapping[str, frozenset[QualifiedName]]
) -> Iterator[Finding]:
    """What is lost and what is in the way.

    :param statements: those of the down section.
    :param later: the applied versions above it, each with the relations that its up section touches.
    """
    gone = [
        one for statement in found.statements for one in statement.effects if one.effect.destroys and one.live
    ]
    yield from dependents.look(ask, statements)
    yield from _needed(gone, later)
    yield from _lost(ask, gone)


def _lost(ask: Asker, gone: Sequence[Judged]) -> Iterator[Finding]:
    for one in gone:
        assert one.live is not None  # `look` has left the others out
        if one.live.kind not in ("r", "p", "m"):
            continue
        counted = sql.SQL("count({})" if one.effect.column else "count(*)")
        query = sql.SQL("select {} from {}").format(
            counted.format(sql.Identifier(one.effect.column)), identifier(one.live.name)
        )
        what = "value" if one.effect.column else "row"
        try:
            ((count,),) = ask.rows(query)
            said = f"goes with {plural(count, what)}"
        except NotKnown as reason:
            count = one.live.size
            about = f"about {plural(one.live.rows, 'row')}" if one.live.rows is not None else "rows"
            said = f"goes with {about}; how many {what}s exactly {reason.why}"
        if count:
            yield Finding(
                "data-lost",
                Level.PROBLEM,
                one.effect.destroys,
                said,
                query.as_string(ask.connection),
                "bin/backup before it, or down with --require-fresh-backup",
            )


def _needed(gone: Sequence[Judged], later: Mapping[str, frozenset[QualifiedName]]) -> Iterator[Finding]:
    names = {one.live.name.name for one in gone if one.live}
    for version, touched in later.items():
        both = sorted(names & {name.name for name in touched})
        if both:
            yield Finding(
                "needed-later",
                Level.PROBLEM,
                f"version {version}",
                f"was applied after it and uses {', '.join(both)}",
                "",
                f"undo {version} first: bin/migrate down --through {version}",
            )
