"""SQL on its way into psql: nothing that runs a program comes through, line numbers hold, an early end is seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbops.backups.sqlfeed import SqlFeed
from dbops.backups.tocbytes import Damaged
from dbops.errors import Refused

HEAD = b"""--
-- PostgreSQL database dump
--

\\restrict KeY1

-- Dumped from database version 18.4

SET statement_timeout = 0;
SET transaction_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE TABLE t ();
"""
TAIL = b"\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict KeY1\n\n"


def passed(data: bytes, *, major: int = 15, size: int = 7, check_end: bool = True) -> bytes:
    """What comes through, fed in portions of a size."""
    portions = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(SqlFeed("the dump", major).portions(portions, check_end=check_end))


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_dump_loses_its_own_commands_only(size: int) -> None:
    """restrict, unrestrict and, for an old server, transaction_timeout go; every line stays where it was."""
    middle = b"SET transaction_timeout = 0;\nCOPY t FROM stdin;\n\\restrict x\n\\\\unrestrict\n\\.\n" * 3000
    found = passed(HEAD + middle + TAIL, size=size)
    expected = (HEAD + middle + TAIL).replace(b"\\restrict KeY1", b"", 1)
    expected = expected.replace(b"SET transaction_timeout = 0;", b"", 1).replace(
        b"\\unrestrict KeY1", b" " * 16
    )
    assert found == expected
    assert b"SET transaction_timeout = 0;" in passed(HEAD + TAIL, major=17, size=size)


@pytest.mark.parametrize(
    "text",
    [
        b"\\unrestrict `touch x`\n",
        b"SELECT 1 \\unrestrict KeY1\n",
        b"\\unrestrict other\n",
        b"\\unrestrict\n",
        b"\\\\\\unrestrict KeY1\n",
        b"\\unrestrict KeY1 `touch x`\n",
        b"\\unrestrictKeY1\n",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize("before", [0, 100, 70_000])
def test_refused(text: bytes, size: int, before: int) -> None:
    """Any other unrestrict that psql would take for a command is refused, wherever portions are cut."""
    filler = b"SELECT 1;\n" * (before // 10)
    with pytest.raises(Refused, match=f"line {13 + before // 10 + 1:,}"):
        passed(HEAD + filler + text + TAIL, size=size)


def test_cut_short() -> None:
    """A dump of pg_dump's has to end as such; SQL that somebody wrote ends anywhere."""
    with pytest.raises(Damaged, match="cut short"):
        passed(HEAD + b"COPY t FROM stdin;\n1\n")
    assert passed(HEAD, check_end=False)
    assert passed(b"SELECT 1;\n") == b"SELECT 1;\n"
    assert passed(b"") == b""


@given(
    st.lists(st.sampled_from([b"\\", b"unrestrict", b"\n", b" k", b"x" * 300]), max_size=30),
    st.integers(1, 700),
)
def test_no_command_comes_through(parts: list[bytes], size: int) -> None:
    """Whatever the text and its portions: no odd run of backslashes before the word is ever passed on."""
    data = b"".join(parts)
    try:
        found = passed(data, size=size)
    except Refused:
        assert b"\\unrestrict" in data
        return
    assert found == data
    for piece in found.split(b"unrestrict")[:-1]:
        assert (len(piece) - len(piece.rstrip(b"\\"))) % 2 == 0
