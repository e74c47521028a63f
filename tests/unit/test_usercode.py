"""Files of users: what they print, and what is told of their failures."""

from __future__ import annotations

import textwrap

import pytest

from dbops import usercode

NAME = "some/file.py"


def run(text: str, *passes: type[BaseException]) -> dict[str, object]:
    """Run a text as a file; its namespace."""
    scope: dict[str, object] = {}
    with usercode.running(NAME, *passes):
        usercode.execute(NAME, textwrap.dedent(text), scope)
    return scope


def test_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """It goes to stderr, and afterwards stdout is what it was."""
    assert run("print('told'); x = 1")["x"] == 1
    print("after")
    assert capsys.readouterr() == ("after\n", "told\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nx.y", ("AttributeError: 'int' object has no attribute 'y'", 2, None)),
        ("def f():\n    raise ValueError\nf()", ("ValueError", 2, None)),
        ("import sys\nsys.exit('no')", ("SystemExit: no", 2, None)),
        ("raise KeyboardInterrupt", ("KeyboardInterrupt", 1, None)),
        ("x = 1\nif x\n", ("expected ':'", 2, 5)),
        ("\neval('1 +')", ("invalid syntax", 2, None)),
        ("import json\njson.loads('{')", None),
    ],
)
def test_what_it_raises(text: str, told: tuple[str, int, int | None] | None) -> None:
    """One error, with the innermost line of the file itself; what was raised is its cause."""
    with pytest.raises(usercode.CodeFailed) as caught:
        run(text)
    failure = caught.value
    assert failure.__cause__ is not None
    if told is None:
        assert failure.line == 2
    else:
        assert (failure.message, failure.line, failure.column) == told


def test_what_passes() -> None:
    """What the caller has asked for comes as it is."""
    with pytest.raises(ZeroDivisionError):
        run("1 / 0", ZeroDivisionError)


def test_the_line_that_calls() -> None:
    """Where the file is now, told to what it calls; None outside of it."""
    found: list[int | None] = []
    with usercode.running(NAME):
        usercode.execute(
            NAME, "def f():\n\n    call()\nf()\n", {"call": lambda: found.append(usercode.calling_line(NAME))}
        )
    assert found == [3]
    assert usercode.calling_line(NAME) is None
