"""The mark of a development database."""

from __future__ import annotations

import pytest

from dbops.config.model import Setting
from dbops.devdb import consent
from dbops.devdb.databases import Found
from dbops.engines.postgres.protection import MARK, add_mark, is_development
from dbops.errors import Refused

NOBODY: Setting[str | None] = Setting(None)


@pytest.mark.parametrize("comment", [MARK, f"orders\n{MARK}", f"{MARK}\nmine"])
def test_a_line_of_its_own_is_the_mark(comment: str) -> None:
    """The mark as a whole line, wherever it stands."""
    assert is_development(comment)


@pytest.mark.parametrize(
    "comment",
    [None, "", "environment=production", f" {MARK}", f"{MARK} ", f"not {MARK}", MARK.upper(), f"{MARK}\r"],
)
def test_nothing_else_is(comment: str | None) -> None:
    """Strict: neither a part of a line, nor another spelling."""
    assert not is_development(comment)


def test_a_comment_that_is_there_stays() -> None:
    """Marking appends; marking twice changes nothing."""
    marked = add_mark("the orders of all clients")
    assert marked.splitlines() == ["the orders of all clients", MARK]
    assert add_mark(marked) == marked
    assert add_mark(None) == MARK


def never_asked(question: str) -> str | None:
    raise AssertionError(question)


def test_marked_databases_need_no_consent() -> None:
    """All marked: nobody is asked."""
    consent.require([Found("a", MARK), Found("b", MARK)], "drop", NOBODY, never_asked)


def test_an_unmarked_one_needs_its_name() -> None:
    """One of two is not marked: its name lets it pass, from the option or typed; another name does not."""
    found = [Found("a", MARK), Found("b c", None)]
    consent.require(found, "drop", Setting("b c"), never_asked)
    consent.require(found, "drop", NOBODY, lambda question: "b c")
    for confirm, typed in ((Setting[str | None]("a"), "b c"), (NOBODY, None)):
        with pytest.raises(Refused) as caught:
            consent.require(found, "drop", confirm, lambda question, typed=typed: typed)  # type: ignore[misc]
        assert "--confirm 'b c'" in str(caught.value.hint)
    for typed in ("yes", ""):
        with pytest.raises(Refused, match="nothing was changed"):
            consent.require(found, "drop", NOBODY, lambda question, typed=typed: typed)  # type: ignore[misc]
