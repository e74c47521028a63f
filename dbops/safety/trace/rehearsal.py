"""Whether what is about to run was rehearsed: a kept trace of the same files, on the same schema, passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dbops.engines.schema import Schema
from dbops.errors import Refused
from dbops.events import Listener, Note
from dbops.migrations.planner import Plan, Work
from dbops.safety.trace import keeping
from dbops.safety.trace.keeping import Kept
from dbops.safety.trace.run import checksum

_COMMAND = "bin/migrate plan --trace"
_MANNERS = {True: "in one transaction, not one by one", False: "one by one, not in one transaction"}


def require(plan: Plan, schema: Schema, backups: Path, listen: Listener) -> None:
    """Return where a kept trace covers what the plan applies; a plan that applies nothing needs none.

    :param schema: the live one, now.
    :raises Refused: there is none; what comes nearest, and what is otherwise than it was there, is told.
    """
    files = [
        (step.version.text, checksum(step.status.file))
        for step in plan.runs
        if step.work is Work.RUN_UP and step.status.file is not None
    ]
    if not files:
        return
    reasons = []
    for one in keeping.kept(backups, listen):
        reason = differs(one, files, schema.fingerprint, single_transaction=plan.single_transaction)
        if reason is None:
            listen(Note(f"rehearsed by {one.path.name}"))
            return
        reasons.append((one, reason))
    manner = " --single-transaction" if plan.single_transaction else ""
    raise Refused(_told(reasons, backups), hint=_COMMAND + manner)


def differs(
    kept: Kept, files: Sequence[tuple[str, str]], schema: str, *, single_transaction: bool
) -> str | None:
    """Why it is no rehearsal of these files on this schema; None where it is.

    Where it had others before them, after which the schema was as it is now, or others after them, it is one all the
    same: each was looked at by itself.
    """
    there = {one.version: one for one in kept.files}
    for version, value in files:
        if version not in there:
            return f"version {version} was not in it"
        if there[version].checksum != value:
            return f"the file of version {version} was changed since"
    first = list(there).index(files[0][0])
    ran = kept.files[first : first + len(files)]
    if [one.version for one in ran] != [version for version, _ in files]:
        return "its migrations ran in another order, or with others between them"
    if kept.single_transaction is not single_transaction:
        return f"its migrations ran {_MANNERS[kept.single_transaction]}"
    if ran[0].schema != schema:
        return "the schema was another one than that of the database now"
    return None if kept.passed else "it did not pass"


def _told(reasons: Iterable[tuple[Kept, str]], backups: Path) -> str:
    newest = next(iter(reasons), None)
    if newest is None:
        return f"these migrations were not rehearsed: no trace is kept in {backups / keeping.FOLDER}"
    kept, reason = newest
    return f"these migrations were not rehearsed: of the newest trace, {kept.path.name}, {reason}"
