"""The user's own commands around what changes something: `[tool.dbops.hooks]`.

A verb says `with hooks.around(...) as hook:` around all that it does, the session
included, and calls `hook.before(...)` when everything is decided and nothing is
changed yet.  From there on the after-hook runs, whatever comes.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import enum
import shlex
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.errors import (
    AnswerIsNo,
    DbopsError,
    ExitCode,
    Interrupted,
    PartlyApplied,
    ProgramFailed,
    Refused,
)
from dbops.events import Detail, Event, Note, Warned
from dbops.interrupts import SIGNALS, Interrupt

if TYPE_CHECKING:
    from dbops.process import Completed

_WITHIN = "DBOPS_WITHIN_HOOKS"
TOLD = (
    "DBOPS_HOOK", "DBOPS_COMMAND", "DBOPS_DATABASE", "DBOPS_TARGET", "DBOPS_ENVIRONMENT", "DBOPS_VERSIONS",
    "DBOPS_FROM_VERSION", "DBOPS_TO_VERSION", "DBOPS_BACKUP", "DBOPS_SEED_SETS", "DBOPS_OUTCOME",
    "DBOPS_EXIT_CODE", "DBOPS_MESSAGE", _WITHIN,
)  # fmt: skip
"""The variables that a hook is given."""

# One string of the environment may have 128 KiB on Linux; a longer one, and no program starts.
_LONGEST = 30_000
_POLL_SECONDS = 0.2


class Outcome(enum.Enum):
    """How the work between two hooks ended."""

    DONE = "done"
    FAILED = "failed"
    PARTLY = "partly"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


@dataclasses.dataclass(frozen=True)
class HookSaid(Event):
    """A line that a hook has written, to stdout or stderr."""

    hook: str
    line: str

    def sentence(self) -> str:
        return f"  {self.line}"


@contextlib.contextmanager
def around(work: str, command: str, arguments: argparse.Namespace, out: Output) -> Iterator[Hooks]:
    """The hooks of one command.  What it shows as its result is shown after the after-hook.

    :param work: "migrate", "backup", "restore" or "seed".
    :param command: what the user typed: "migrate up".
    :raises ProgramFailed: all is done, and the after-hook failed.
    :raises Interrupted: all is done, and while the after-hook ran the user asked for the end.
    """
    hooks = Hooks(work, command, out, left_out=arguments.no_hooks)
    try:
        yield hooks
        problem = hooks.after(Outcome.DONE, ExitCode.DONE)
    except BaseException as error:
        ignored = hooks.after(*hooks.ending(error))
        if ignored is not None:
            out.event(Warned(ignored.message))
        out.release_result()
        raise
    out.release_result()
    if problem is not None:
        problem.message += f"; {command} itself is done"
        raise problem


class Hooks:
    """What stands before and after the work of one command."""

    def __init__(self, work: str, command: str, out: Output, *, left_out: bool) -> None:
        self._work = work
        self._command = command
        self._out = out
        self._left_out = left_out
        self._settings: Settings | None = None
        self._stopped = False
        self._over = False
        self._told: dict[str, str] = {}

    def before(
        self,
        settings: Settings,
        database: str,
        versions: Sequence[str] = (),
        **facts: str | Sequence[str] | None,
    ) -> None:
        """Everything is decided: run the before-hook.

        :param versions: what is planned; afterwards DBOPS_VERSIONS is what is done.
        :param facts: as for `tell`.
        :raises ProgramFailed: it failed; nothing has been changed.
        """
        if self._left_out or not settings.hooks:
            return
        if self._work in settings.environ.get(_WITHIN, "").split():
            self._out.event(Detail(f"no hooks: this is run by a hook of {self._work}"))
            return
        self._settings = settings
        self._out.hold_result()
        self.tell(
            database=database,
            target=settings.target.describe(),
            environment=settings.environment,
            command=self._command,
            versions=versions,
            **facts,
        )
        try:
            problem = self._run("before")
        finally:
            self.tell(versions=None)
        if problem is not None:
            self._stopped = True
            problem.message += "; nothing was changed"
            raise problem

    @property
    def awaits(self) -> bool:
        """Whether a hook is still to come that what is told now is for."""
        return self._settings is not None and not self._over

    def tell(self, **facts: str | Sequence[str] | None) -> None:
        """What hooks are to know from now on: `versions` becomes DBOPS_VERSIONS; several values are put in one line."""
        for name, value in facts.items():
            text = value if isinstance(value, str) else " ".join(value or ())
            self._told[f"DBOPS_{name.upper()}"] = text.replace("\0", "")[:_LONGEST]

    def ending(self, error: BaseException) -> tuple[Outcome, int, str]:
        """What an after-hook is told of an error."""
        if isinstance(error, KeyboardInterrupt):
            return Outcome.INTERRUPTED, ExitCode.INTERRUPTED, "interrupted"
        if not isinstance(error, DbopsError):
            return Outcome.FAILED, ExitCode.BUG, f"{type(error).__name__}"
        outcome = Outcome.FAILED
        if isinstance(error, AnswerIsNo) and self._out.holds_result:  # what was done is told, and then judged
            outcome = Outcome.DONE
        elif isinstance(error, Refused) or self._stopped:
            outcome = Outcome.REFUSED
        elif isinstance(error, PartlyApplied):
            outcome = Outcome.PARTLY
        elif isinstance(error, Interrupted):
            outcome = Outcome.INTERRUPTED
        return outcome, error.exit_code, error.message

    def after(self, outcome: Outcome, code: int, message: str = "") -> DbopsError | None:
        """Run the after-hook where `before` was called.  A first Ctrl-C or SIGTERM lets it finish; a second ends it.

        Returns what is to be told of it: that it failed, or that somebody asked for the end meanwhile.
        """
        with _held_back() as came:
            if self._settings is None or self._over:
                return None
            self._over = True
            self.tell(outcome=outcome.value, exit_code=str(int(code)), message=message)
            try:
                problem = self._run("after", came)
            except KeyboardInterrupt:
                return Interrupted(f"interrupted in the hook after-{self._work}")
        if problem is None and came:
            return Interrupted("interrupted, with nothing left to do")
        return problem

    def _run(self, when: str, came: Sequence[int] = ()) -> ProgramFailed | None:
        """Run a hook to its end; what is to be told where it failed."""
        name, settings = f"{when}-{self._work}", self._settings
        assert settings is not None  # `before` has set it
        line = settings.hooks.get(name)
        if line is None:
            return None
        self._out.event(Note(f"hook {name}: {line.strip()}"))
        try:
            completed = self._streamed(name, line, settings, came)
        except ProgramFailed as error:
            return ProgramFailed(f"hook {name}: {error.message}", hint=error.hint)
        if completed.code == 0:
            return None
        how = f"signal {-completed.code}" if completed.code < 0 else f"code {completed.code}"
        return ProgramFailed(
            f"hook {name} ended with {how}",
            detail=completed.last_lines() or None if self._out.quiet else None,  # otherwise it was shown
            hint="mend it in pyproject.toml; --no-hooks leaves hooks out"
            if when == "before"
            else f"run it again: (cd {shlex.quote(str(settings.project))} && {line.strip()})",
        )

    def _streamed(self, name: str, line: str, settings: Settings, came: Sequence[int]) -> Completed:
        from dbops.process import Stream

        out, told = self._out, False
        # stdout is the result of the command, and nothing else comes there.
        argv = ("/bin/sh", "-c", f"exec >&2\n{line}")
        with Stream(
            argv,
            environ=self._environ(name, settings),
            on_line=lambda text: out.event(HookSaid(name, text)),
            cwd=settings.project,
            private=False,
        ) as stream:
            while not stream.ends_within(_POLL_SECONDS):
                if came and not told:
                    told = True
                    out.event(Note(f"the hook {name} goes on to its end; once more ends it"))
            return stream.wait()

    def _environ(self, name: str, settings: Settings) -> dict[str, str]:
        own = {key: value for key, value in settings.environ.items() if key not in TOLD}
        within = f"{settings.environ.get(_WITHIN, '')} {self._work}".strip()
        return {**own, **self._told, "DBOPS_HOOK": name, _WITHIN: within}


@contextlib.contextmanager
def _held_back() -> Iterator[list[int]]:
    """Let the first Ctrl-C, SIGTERM or SIGHUP be noted only: whoever sends it wants the end, and this is part of it."""
    came: list[int] = []

    def note(number: int, frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise Interrupt

    before = {sign: signal.signal(sign, note) for sign in SIGNALS if callable(signal.getsignal(sign))}
    try:
        yield came
    finally:
        for sign, former in before.items():
            signal.signal(sign, former)
