"""The command lines of `bin/backup` and `bin/restore` that are wrong, and the help that they point at."""

from __future__ import annotations

import pytest

from dbops.cli import app, backup, restore


def run(command: str, *argv: str) -> int:
    """Run a command in this process."""
    return app.run(command, list(argv), lambda: {"backup": backup, "restore": restore}[command])


@pytest.mark.parametrize(
    ("typed", "meant"), [("lst", "list"), ("verfy", "verify"), ("prun", "prune"), ("shwo", "show")]
)
def test_a_verb_with_a_slip(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It makes no backup of that name: exit 2 with the verb, and with how to call a backup so all the same."""
    assert run("backup", typed) == 2
    hint = capsys.readouterr().err
    assert f"did you mean bin/backup {meant}? to call a backup so: bin/backup create {typed}" in hint


@pytest.mark.parametrize(
    ("command", "verb"),
    [("backup", "verify"), ("backup", "create"), ("restore", "undo"), ("restore", "from")],
)
def test_help_of_a_verb(command: str, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its usage is one that can be typed, and so is the hint of an error."""
    assert run(command, verb, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: bin/{command} {verb} [")
    assert run(command, verb, "--nonsense", "x", "y") == 2
    assert capsys.readouterr().err.splitlines()[-1].split() in (
        ["hint:", f"bin/{command}", verb, "--help"],
        ["hint:", f"bin/{command}", "--help"],
    )
