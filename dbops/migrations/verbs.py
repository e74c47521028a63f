"""What each verb of `migrate` plans: from wishes, with versions as people write them, to a function of statuses.

The command line and the library both come here.
"""

from __future__ import annotations

from collections.abc import Sequence

from dbops.errors import UsageError
from dbops.events import plural
from dbops.migrations import planner, recording
from dbops.migrations.migrator import MakePlan, late_author
from dbops.migrations.model import Folder, Status
from dbops.migrations.planner import Plan, Work
from dbops.migrations.reader import Reader
from dbops.migrations.version import Version


def up(
    reader: Reader,
    *,
    steps: int | None = None,
    to: str | None = None,
    only: str | None = None,
    out_of_order: bool = False,
    single_transaction: bool = False,
) -> MakePlan:
    """Apply what is pending: all of it, `steps` of it, up to a version, or only one."""
    _from_one(steps)

    def make(statuses: Sequence[Status]) -> Plan:
        return planner.plan_up(
            statuses,
            steps=steps,
            to=version(to, reader.folder),
            only=version(only, reader.folder),
            out_of_order=out_of_order,
            late=late_author(reader.folder, statuses),
            single_transaction=single_transaction,
        )

    return make


def down(
    reader: Reader, *, steps: int | None = None, to: str | None = None, through: str | None = None
) -> MakePlan:
    """Undo: one, `steps`, all above a version, or a version and all above it."""
    _from_one(steps)
    return lambda statuses: planner.plan_down(
        statuses, steps=steps, to=version(to, reader.folder), through=version(through, reader.folder)
    )


def goto(
    reader: Reader, to: str, *, out_of_order: bool = False, single_transaction: bool = False
) -> MakePlan:
    """Go up or down until a version is the current one."""

    def make(statuses: Sequence[Status]) -> Plan:
        made = planner.plan_goto(
            statuses,
            named(to, reader.folder),
            out_of_order=out_of_order,
            late=late_author(reader.folder, statuses),
            single_transaction=single_transaction,
        )
        if made.loses_data and single_transaction:
            raise UsageError("--single-transaction is for going up, and this goes down", hint="leave it out")
        return made

    return make


def redo(reader: Reader, *, steps: int | None = None, through: str | None = None) -> MakePlan:
    """Undo the newest, `steps`, or a version and all above it, and apply them again."""
    _from_one(steps)
    return lambda statuses: planner.plan_redo(statuses, steps=steps, through=version(through, reader.folder))


def force(reader: Reader, to: str) -> MakePlan:
    """Record exactly the versions up to one as applied."""
    return lambda statuses: recording.plan_force(statuses, named(to, reader.folder))


def baseline(reader: Reader, to: str) -> MakePlan:
    """Record the history of a database that has none."""
    return lambda statuses: recording.plan_baseline(statuses, named(to, reader.folder))


def mark(reader: Reader, which: str, *, applied: bool = True) -> MakePlan:
    """Record one version, or take its record away."""
    return lambda statuses: recording.plan_mark(statuses, named(which, reader.folder), applied=applied)


def repair(reader: Reader, which: str | None = None) -> MakePlan:
    """Take over the checksums of changed files: of all, or of one."""
    return lambda statuses: recording.plan_repair(statuses, version(which, reader.folder))


def named(text: str, folder: Folder) -> Version:
    """A version as typed; `head` is the newest of the folder, and Alembic's revisions go by their ids.

    :raises UsageError: it is none, or could be two.
    """
    if text in {"head", "heads", "latest"}:
        return folder.newest.version
    meant = [file for file in folder.files if file.version == Version.named(text)]
    if any(file.name.startswith(text) for file in folder.files):
        from dbops.migrations.alembic.files import of_revision

        meant += [file for file in of_revision(folder.files, text) if file not in meant]
    if len(meant) > 1:
        raise UsageError(
            f"{text!r} could be {' or '.join(f'version {file.version} ({file.name})' for file in meant)}",
            hint=f"name it by its number, as {meant[-1].version}, or with more of its revision's id",
        )
    return meant[0].version if meant else Version.parse(text)


def version(text: str | None, folder: Folder) -> Version | None:
    """The same, of what may be left out."""
    return None if text is None else named(text, folder)


def at_most_one(hint: str | None = None, **given: object) -> None:
    """Of these, by the names that they are given by, only one can be meant.

    :raises UsageError: there are more.
    """
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} cannot go together", hint=hint)


def _from_one(steps: int | None) -> None:
    """:raises UsageError: a number below 1, which would count from the other end: all but so many."""
    if steps is not None and steps < 1:
        raise UsageError("steps counts from 1", hint="leave it out, or name versions")


def what_is_lost(plan: Plan) -> str:
    """What consent is asked for, for a sentence that goes on with the database's name: `undo 007 in`."""
    downs = [step for step in plan.steps if step.work is Work.RUN_DOWN]
    what = str(downs[0].version) if len(downs) == 1 else plural(len(downs), "migration")
    return f"undo {what} in"
