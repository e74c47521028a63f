"""What a command says: JSON Lines, narration by level, tables, colours only on a terminal."""

from __future__ import annotations

import dataclasses
import json

import pytest

from dbops.cli.output import Output, _drawn, as_typed, table
from dbops.errors import ConfigError, DbopsError, ExitCode
from dbops.events import Detail, Event, Level, Note, Warned


@dataclasses.dataclass(frozen=True)
class RowsCopied(Event):
    """An event with data of its own."""

    level = Level.INFO
    rows: int

    def sentence(self) -> str:
        return f"{self.rows} rows copied"


@dataclasses.dataclass(frozen=True)
class Ticking(Event):
    """Something for a live terminal."""

    level = Level.PROGRESS

    def sentence(self) -> str:
        return "tick"


EVENTS = (RowsCopied(3), Note("note"), Detail("detail"), Warned("odd"), Ticking())


@pytest.mark.parametrize(
    ("quiet", "verbose", "shown"),
    [
        (False, False, ["3 rows copied", "note", "warning: odd"]),
        (False, True, ["3 rows copied", "note", "detail", "warning: odd"]),
        (True, False, ["warning: odd"]),
    ],
)
def test_who_sees_which_event(
    quiet: bool, verbose: bool, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """-q hides what is only told, -v shows details, warnings always show; all of it on stderr."""
    out = Output("migrate", quiet=quiet, verbose=verbose)
    for event in EVENTS:
        out.event(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == shown


def test_events_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object per event with its fields and its sentence; details with -v; progress is for terminals alone."""
    Output("migrate", as_json=True).event(Detail("detail"))
    out = Output("migrate", as_json=True, quiet=True, verbose=True)
    for event in EVENTS:
        out.event(event)
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["event"] for line in lines] == ["rows_copied", "note", "detail", "warned"]
    assert lines[0] == {
        "type": "event",
        "event": "rows_copied",
        "level": "info",
        "rows": 3,
        "sentence": "3 rows copied",
    }


def test_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines for people, or data with the format's number and the command; letters stay as they are."""
    Output("backup").result({"name": "né"}, ["made né"])
    assert capsys.readouterr().out == "made né\n"
    Output("backup", as_json=True).result({"name": "né"}, ["made né"])
    text = capsys.readouterr().out
    assert json.loads(text) == {"type": "result", "format": 1, "command": "backup", "name": "né"}
    assert "né" in text


@pytest.mark.parametrize("key", ["type", "format", "command"])
def test_a_result_cannot_overwrite_what_the_line_is(key: str) -> None:
    """`format` is the version of the lines: a result with a field of that name of its own is a bug."""
    with pytest.raises(AssertionError):
        Output("status", as_json=True).result({key: "directory"})


def test_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Message, detail, hint on stderr; as JSON an object with the exit code."""
    error = ConfigError("it is wrong", hint="bin/migrate --help", detail="1 | x\n  | ^")
    Output("migrate").error(error)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0] == "error: it is wrong"
    assert captured.err.splitlines()[1:3] == ["1 | x", "  | ^"]
    Output("migrate", as_json=True).error(error)
    answer = json.loads(capsys.readouterr().out)
    assert {key: answer[key] for key in ("type", "format", "command", "code", "message", "detail")} == {
        "type": "error",
        "format": 1,
        "command": "migrate",
        "code": 5,
        "message": "it is wrong",
        "detail": "1 | x\n  | ^",
    }
    Output("migrate", as_json=True).error(DbopsError("bug"), code=ExitCode.BUG)
    assert json.loads(capsys.readouterr().out)["code"] == 70


def test_a_table_off_a_terminal() -> None:
    """Plain aligned columns without trailing space, for grep and awk."""
    assert list(table(("a", "long"), [("1", "x"), ("22", "")])) == ["a   long", "1   x", "22"]
    assert list(table(("a",), [])) == ["a"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_no_colour_without_a_terminal(stream: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets no escape sequences."""
    out = Output("migrate")
    out.error(DbopsError("x", hint="y"))
    out.event(Warned("z"))
    assert "\x1b" not in getattr(capsys.readouterr(), stream.replace("std", ""))


def test_commands_in_the_spelling_of_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a clone as its launchers, elsewhere as the console script; paths that end in bin/ are no commands."""
    hint = "bin/migrate up, or /usr/local/bin/psql, or ./bin/x"
    monkeypatch.setattr("sys.argv", ["/p/dbops/__main__.py", "migrate"])
    assert as_typed(hint) == hint
    monkeypatch.setattr("sys.argv", ["/p/.venv/bin/dbops", "migrate"])
    assert as_typed(hint) == "dbops migrate up, or /usr/local/bin/psql, or ./bin/x"


def test_a_name_is_in_one_piece_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other columns are folded."""
    monkeypatch.setenv("COLUMNS", "40")
    name = "backup_20260118_120000"
    lines = _drawn([("name", "proven"), (name, "restored and equal a long while ago")])
    assert any(name in line for line in lines)
