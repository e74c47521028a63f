"""`bin/migrate diff`: the migration that leads from the database's schema to another one, verified, then written."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dbops.cli import machine, migrate_scratch
from dbops.cli import migrate_show as show
from dbops.cli.confirm import ask
from dbops.cli.connect import connected_to_postgres, named_by
from dbops.cli.migrate_drift import told
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.postgres.session import Session
from dbops.engines.schema import Change as Kind
from dbops.engines.schema import Difference
from dbops.errors import AnswerIsNo, ExitCode, UsageError
from dbops.events import Warned, plural
from dbops.migrations import creation, discovery
from dbops.migrations.reader import Reader
from dbops.safety.diff import run, targets, verifying, writing
from dbops.safety.diff.model import Change, Rename, Renames, Script
from dbops.safety.diff.verifying import Verdict

_NAME = "change_schema"
_BECOMES = {Kind.ADDED: "is only here", Kind.CHANGED: "differs", Kind.GONE: "is only there"}
_IS_NOT = {Kind.ADDED: "is left", Kind.CHANGED: "differs", Kind.GONE: "is missing"}


def diff(arguments: argparse.Namespace, out: Output) -> int:
    """Compare, ask what was renamed, make the migration, verify it, write it.

    :raises AnswerIsNo: there is a difference, with --check; or what was made does not verify; or it is not known what
        was renamed.
    """
    goal = _goal(arguments, out)
    with connected_to_postgres(arguments, out, "migrate") as (session, settings):
        writes = not (arguments.check or arguments.dry_run)
        with creation.turn(settings.migrations_dir.value) if writes else contextlib.nullcontext():
            _require_up_to_date(session, settings, out)
            ground = migrate_scratch.found(arguments, settings, session, "diff", out)
            with run.both(settings, session, ground.server, goal, machine.clients(), out.event) as both:
                said = {"to": str(goal), "database": show.identity(session.identity)}
                said["scratch"] = ground.place.value
                differing = [_difference(one) for one in both.compared.differences]
                if not differing or arguments.check:
                    return _told(both, {**said, "differences": differing}, out)
                return _made(arguments, both, {**said, "differences": differing}, out)


def _goal(arguments: argparse.Namespace, out: Output) -> targets.Goal:
    if arguments.to is None:
        raise UsageError(
            "what shall it lead to?", hint="--to schema.sql, or another of bin/migrate diff --help"
        )
    if not targets.is_url(arguments.to):
        return targets.parse(arguments.to)
    target = named_by("to", arguments.to, arguments, out)
    if target.engine != "postgresql":
        raise UsageError(
            "--to names no PostgreSQL database", hint="--to postgresql://user@host:port/database"
        )
    return targets.Goal(database=target)


def _require_up_to_date(session: Session, settings: Settings, out: Output) -> None:
    folder = settings.migrations_dir
    if folder.value.is_dir() and discovery.scan(folder, settings.migration_format, settings.variables).files:
        run.require_up_to_date(Reader(session, settings, out.event).statuses())


def _told(both: run.Both, said: dict[str, Any], out: Output) -> int:
    """Only whether there is a difference, and which."""
    found = both.compared.differences
    data = {**said, "files": [], "written": False, "verified": None, "unseen": list(both.unseen)}
    text = plural(len(found), "difference") if found else "no difference"
    lines = [
        *_differences(found, _BECOMES),
        *_unseen(both.unseen),
        f"{text} between the database and {said['to']}",
    ]
    out.result(data, lines)
    if found:
        raise AnswerIsNo(
            f"{text} between the database and {said['to']}", hint="bin/migrate diff writes the migration"
        )
    return ExitCode.DONE


def _made(arguments: argparse.Namespace, both: run.Both, said: dict[str, Any], out: Output) -> int:
    settings, renaming = both.settings, _Renaming(arguments, out)
    script = both.script(renaming.decide)
    renaming.require_all_used()
    new = creation.begun(settings.migrations_dir, arguments.name or _NAME, settings.migration_format)
    notes = [
        f"Made by bin/migrate diff, towards {said['to']}",
        *(f"Not in it: {one}" for one in script.unseen),
    ]
    written = writing.filled(new, script, notes)
    verdict = verifying.verified(settings, written, both.here, both.there, out.event)
    _warn(script, written, out)
    writes = verdict.good and not arguments.dry_run
    if writes:
        creation.write(written.new)
    data = {
        **said,
        **_data(written, verdict, script),
        "written": writes,
        "renames": [run.spelled(one) for one in renaming.found],
    }
    out.result(data, _lines(written, verdict, script, writes=writes))
    if not verdict.good:
        raise AnswerIsNo(
            f"what could be made does not lead {'there' if verdict.up.differences else 'back'} exactly, so nothing was written",
            hint="bring the rest about by hand: bin/migrate new NAME; --dry-run shows what could be made",
        )
    return ExitCode.DONE


# -- renames -----------------------------------------------------------------------------------------------------------


class _Renaming:
    """Decides what was renamed, as the options say, or whoever sits there."""

    def __init__(self, arguments: argparse.Namespace, out: Output) -> None:
        self._given = set(arguments.rename or ())
        self._no_others: bool = arguments.no_rename
        self._out = out
        self._possible: list[str] = []
        self.found: list[Rename] = []

    def decide(self, possible: Renames) -> Renames:
        """Those of them that are renames.

        :raises AnswerIsNo: nobody says so.
        """
        self._possible += map(run.spelled, possible)
        said = [one for one in possible if run.spelled(one) in self._given]
        open_ones = [one for one in possible if one not in said]
        if open_ones and not self._no_others:
            said += self._asked(open_ones)
        self.found += said
        return tuple(said)

    def _asked(self, possible: Sequence[Rename]) -> list[Rename]:
        found = []
        for one in possible:
            name = ".".join((*one.owner, one.old))
            answer = ask(f"was {one.of.value} {name} renamed to {one.new}? [y/N] ", self._out)
            if answer is None:
                raise AnswerIsNo(
                    "it is not known whether something was renamed, or dropped and another thing added",
                    detail="\n".join(
                        [
                            *(f"  {each}: --rename {run.spelled(each)}" for each in possible),
                            *(f"  none of them is --rename {given}" for given in self._unused()),
                        ]
                    ),
                    hint="say which are renames with --rename, and --no-rename for all the others",
                )
            if answer.strip().lower() in {"y", "yes"}:
                found.append(one)
        return found

    def require_all_used(self) -> None:
        """:raises UsageError: an option names what cannot have been renamed so."""
        for given in self._unused():
            known = ", ".join(self._possible) or "none"
            raise UsageError(
                f"--rename {given}: nothing can have been renamed so", hint=f"possible here: {known}"
            )

    def _unused(self) -> list[str]:
        return sorted(self._given.difference(self._possible))


# -- what is shown -----------------------------------------------------------------------------------------------------


def _warn(script: Script, written: writing.Written, out: Output) -> None:
    for change in script.up:
        for line in writing.warning(change):
            out.event(Warned(line))
    if not written.has_down:
        out.event(
            Warned(f"a migration of the format {written.new.format} has no way back, so none is written")
        )


def _data(written: writing.Written, verdict: Verdict, script: Script) -> dict[str, Any]:
    return {
        "files": [str(path) for path in written.new.texts],
        "verified": verdict.good,
        "up": [_change(one) for one in script.up],
        "down": [_change(one) for one in script.down],
        "unseen": list(script.unseen),
        "not_reached": {"up": _left(verdict.up), "down": _left(verdict.down)},
    }


def _change(one: Change) -> dict[str, Any]:
    return {"sql": one.sql, "destructive": one.destructive or None}


def _difference(one: Difference) -> dict[str, Any]:
    return {"object": one.object, "change": _BECOMES[one.change], "there": one.before, "here": one.after}


def _left(compared: verifying.Compared | None) -> list[dict[str, Any]] | None:
    if compared is None:
        return None
    return [
        {"object": one.object, "expected": one.before, "found": one.after} for one in compared.differences
    ]


def _lines(written: writing.Written, verdict: Verdict, script: Script, *, writes: bool) -> Iterator[str]:
    if not writes:
        for path, text in written.new.texts.items():
            yield f"-- {path}"
            yield from text.splitlines()
            yield ""
    for way, compared in (("up", verdict.up), ("down", verdict.down)):
        if compared and compared.differences:
            yield f"after {way}:"
            yield from _differences(compared.differences, _IS_NOT)
    yield from _unseen(script.unseen)
    word = "wrote" if writes else "would write" if verdict.good else "did not write"
    count = plural(len(script.up), "statement")
    for path in written.new.texts:
        yield f"{word} {path}"
    if verdict.good:
        back = "up and down were run" if written.has_down else "up was run"
        yield f"{count}; verified: {back} on a scratch database, and lead there{' and back' * written.has_down} exactly"


def _differences(found: Sequence[Difference], words: dict[Kind, str]) -> Iterator[str]:
    for one in found:
        yield from told(one, words[one.change])


def _unseen(sentences: Iterable[str]) -> Iterator[str]:
    for one in sentences:
        yield f"not in it: {one}"
