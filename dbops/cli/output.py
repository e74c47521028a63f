"""What a command says: the result on stdout, narration on stderr, or JSON Lines.

The JSON shape is a contract: each line is an object with a `type`, the last
one `result` (with `format`, the number of this shape, and `command`) or `error`.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from dbops.cli import streams
from dbops.cli.streams import visible
from dbops.errors import DbopsError, ExitCode
from dbops.events import Event, Level

JSON_FORMAT = 1

_COMMANDS = (
    "setup-dev-db|migrate|seed-test-data|backup|restore"  # a hook may have other programs in a bin of its own
)
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}


class Output:
    """The voice of one command."""

    def __init__(
        self, command: str, *, as_json: bool = False, quiet: bool = False, verbose: bool = False
    ) -> None:
        self.command = command
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        self._status_shown = False
        self._unwritten: OSError | None = None
        self._held: list[tuple[dict[str, Any], list[str]]] | None = None

    @classmethod
    def from_argv(cls, command: str, argv: Sequence[str]) -> Output:
        """How to speak must be known before argv is parsed, since a wrong argv must be reported, too."""
        return cls(command, as_json="--json" in argv)

    @property
    def interactive(self) -> bool:
        """Whether a person sits there who can answer a question."""
        return not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def live(self) -> bool:
        """Whether a line that changes in place (progress) makes sense."""
        return (
            not self.as_json and not self.quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        )

    def event(self, event: Event) -> None:
        """A `Listener`: show what happens, each event to those who want it."""
        if event.level is Level.PROGRESS or (event.level is Level.LASTING and self.live):
            self.status(event.sentence())
        elif event.level is Level.DETAIL and not self.verbose:
            return
        elif self.as_json:
            fields = dataclasses.asdict(event)
            line = {"type": "event", "event": _snake(type(event).__name__), "level": event.level.value}
            self._json({**line, **fields, "sentence": event.sentence()})
        elif event.level is Level.WARNING:
            self._narrate(paint(visible(event.sentence()), "yellow", sys.stderr))
        elif event.level is Level.DETAIL or not self.quiet:
            self._narrate(visible(event.sentence()))

    def status(self, text: str) -> None:
        """A line on a terminal that the next one replaces; an empty text takes it away."""
        if not self.live:
            return
        columns = os.get_terminal_size(sys.stderr.fileno()).columns if text else 0
        sys.stderr.write("\r\x1b[K" + visible(text)[: max(columns - 1, 0)])
        streams.flush(sys.stderr)
        self._status_shown = bool(text)

    def result(self, data: dict[str, Any], lines: Iterable[str] = ()) -> None:
        """The answer: `lines` for people on stdout, `data` as the last line with --json."""
        assert data.keys().isdisjoint({"type", "format", "command"})  # they say what the line is
        if self._held is not None:
            self._held.append((data, list(lines)))
            return
        if self.as_json:
            self._json({"type": "result", "format": JSON_FORMAT, "command": self.command, **data})
            return
        self.status("")
        for line in lines:
            self._print(sys.stdout, as_typed(line if isinstance(line, Drawn) else visible(line)))

    def hold_result(self) -> None:
        """Keep results back until `release_result`, since what is still to be told comes before them."""
        self._held = []

    @property
    def holds_result(self) -> bool:
        """Whether there is one that was kept back."""
        return bool(self._held)

    def release_result(self) -> None:
        """Show what was kept back."""
        held, self._held = self._held or (), None
        for data, lines in held:
            self.result(data, lines)

    def error(self, error: DbopsError, code: ExitCode | None = None) -> None:
        """The one cause and the one next command."""
        code = error.exit_code if code is None else code
        if self.as_json:
            self._json(
                {
                    "type": "error",
                    "format": JSON_FORMAT,
                    "command": self.command,
                    "code": int(code),
                    "message": error.message,
                    "hint": error.hint and as_typed(error.hint),
                    "detail": error.detail,
                }
            )
            return
        self._narrate(f"{paint('error:', 'red', sys.stderr)} {visible(error.message)}")
        if error.detail:
            self._narrate(visible(error.detail))
        if error.hint:
            self._narrate(f"{paint('hint:', 'bold', sys.stderr)} {visible(error.hint)}")

    def close(self, code: int) -> int:
        """Write what is still in memory; returns the exit code, which a result that could not be written makes 1.

        A pipe without a reader (`| head`) is not our failure.
        """
        for stream in (sys.stdout, sys.stderr):
            error = streams.flush(
                stream
            )  # each of them, else the interpreter tries, and ends with its own code
            self._unwritten = self._unwritten or error
        if self._unwritten is None or isinstance(self._unwritten, BrokenPipeError) or code != ExitCode.DONE:
            return code
        self._narrate(f"error: the output could not be written: {self._unwritten.strerror}")
        return ExitCode.FAILED

    def _narrate(self, text: str) -> None:
        if self._status_shown:
            self.status("")
        error = streams.flush(sys.stdout)  # both may go into one pipe
        self._unwritten = self._unwritten or error
        self._print(sys.stderr, as_typed(text))

    def _json(self, line: dict[str, Any]) -> None:
        import json

        self._print(sys.stdout, json.dumps(line, default=str, ensure_ascii=False), flush=True)

    def _print(self, stream: TextIO, line: str, *, flush: bool = False) -> None:
        error = streams.write(stream, line, flush=flush)
        self._unwritten = self._unwritten or error


class Drawn(str):
    """A line with escape sequences of ours, for a terminal."""

    __slots__ = ()


def as_typed(text: str) -> str:
    """Commands in the spelling of this installation: `bin/migrate` in a clone, `dbops migrate` where installed."""
    if "bin/" not in text or os.path.basename(sys.argv[0]) != "dbops":
        return text
    import re

    return re.sub(rf"(?<![\w./-])bin/(?=({_COMMANDS})\b)", "dbops ", text)


def paint(text: str, colour: str, stream: TextIO) -> str:
    """Coloured text where the stream is a terminal and the user does not object (NO_COLOR)."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, optional: Sequence[str] = ()
) -> Iterable[str]:
    """Aligned columns as lines, ready for `Output.result`; drawn by rich on a terminal.

    :param optional: headings of columns that a narrow terminal goes without, the first to go first.
    """
    cells = [headings, *([visible(cell).replace("\n", "\\n") for cell in row] for row in rows)]
    if sys.stdout.isatty():
        return _drawn(_fitting(cells, list(optional), os.get_terminal_size(sys.stdout.fileno()).columns))
    widths = _widths(cells)
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _fitting(cells: Sequence[Sequence[str]], optional: list[str], columns: int) -> Sequence[Sequence[str]]:
    """The columns that fit, as far as some may be left out; rich puts three characters around each."""
    while optional and sum(width + 3 for width in _widths(cells)) > columns:
        at = list(cells[0]).index(optional.pop(0))
        cells = [[*row[:at], *row[at + 1 :]] for row in cells]
    return cells


def _drawn(cells: Sequence[Sequence[str]]) -> list[Drawn]:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawing = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(cells[0]):
        drawing.add_column(heading, overflow="fold", no_wrap=number == 0)  # a name is there to be copied
    for row in cells[1:]:
        drawing.add_row(*map(Text, row))
    console = Console()
    with console.capture() as captured:
        console.print(drawing)
    return [Drawn(line) for line in captured.get().rstrip("\n").split("\n")]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
