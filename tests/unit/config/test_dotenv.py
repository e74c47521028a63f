"""The `.env` file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbops.config import dotenv
from dbops.errors import ConfigError


def _values(path: Path, content: bytes) -> dict[str, str]:
    path.write_bytes(content)
    return {name: setting.value for name, setting in dotenv.read(path).items()}


def test_no_file(tmp_path: Path) -> None:
    """No `.env`, or a folder of that name: nothing is set."""
    assert dotenv.read(tmp_path / ".env") == {}
    assert dotenv.read(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"", {}),
        (b"# only a comment\n\n", {}),
        (b"A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        (b"\xef\xbb\xbfA=1\n", {"A": "1"}),
        (b"A=1", {"A": "1"}),
        (b"A=1\nA=2\n", {"A": "2"}),
        (b"A=1\nA=\n", {}),
        (b"A\nB=2\n", {"B": "2"}),
        (b"A=${B}$C\nB=2\n", {"A": "${B}$C", "B": "2"}),
        (b"A='${B}'\nC=\"${B}\"\n", {"A": "${B}", "C": "${B}"}),
        (b"A=a#b # c\n", {"A": "a#b"}),
        (b"A='a\nb'\nB=1\n", {"A": "a\nb", "B": "1"}),
        ("A=ä🔑\n".encode(), {"A": "ä🔑"}),
    ],
)
def test_reads(tmp_path: Path, content: bytes, values: dict[str, str]) -> None:
    """Comments, line ends, a byte order mark, repeated and empty names, references: values as written."""
    assert _values(tmp_path / ".env", content) == values


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_origins_have_the_line(tmp_path: Path, end: str) -> None:
    """Blank lines, comments and a value of two lines before it: the line on which the name stands."""
    path = tmp_path / ".env"
    path.write_bytes(end.join(["", "# c", "", "A='x", "y'", "", "", "  B=1", "C=1", ""]).encode())
    assert {name: setting.origin for name, setting in dotenv.read(path).items()} == {
        "A": f"{path} line 4 (A)",
        "B": f"{path} line 8 (B)",
        "C": f"{path} line 9 (C)",
    }


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"A=1\n\n\nB C\n", 4), (b"A='x\nB=1\n", 1), (b"A='x'y\n", 1), (b'\r\nA="x\r\n', 2), (b"A=1\n=x\n", 2)],
)
def test_wrong_line(tmp_path: Path, content: bytes, line: int) -> None:
    """A line that is not NAME=value: its number."""
    path = tmp_path / ".env"
    with pytest.raises(ConfigError, match=f"{path} line {line} is not NAME=value"):
        _values(path, content)


def test_not_utf8(tmp_path: Path) -> None:
    """A file in Latin-1: the line and the byte's place in it."""
    with pytest.raises(ConfigError, match=r"line 2 is not UTF-8, at byte 3 of the line"):
        _values(tmp_path / ".env", b"A=1\nB=\xe4\n")


def test_python_dotenv_disabled_has_no_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own switch in the environment: the file is read all the same."""
    monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
    assert _values(tmp_path / ".env", b"A=1\n") == {"A": "1"}
