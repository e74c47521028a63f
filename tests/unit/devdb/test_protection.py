"""The mark of a development database."""

from __future__ import annotations

import pytest

from dbops.config.model import Setting
from dbops.devdb import consent
from dbops.devdb.databases import Found
from dbops.engines.marks import MARK, add_mark, is_development
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


def test_every_unmarked_one_needs_its_name() -> None:
    """Two are not marked: one name does not do, both do; a person is asked for one after the other."""
    found = [Found("a", None), Found("b", MARK), Found("c d", None)]
    for value in ("a", "c d", "a,b"):
        with pytest.raises(Refused, match="all of them") as caught:
            consent.require(found, "drop", Setting[str | None](value, "option --confirm"), never_asked)
        assert "'a' and 'c d' are not marked" in caught.value.message
        assert "--confirm 'a,c d'" in str(caught.value.hint)
    for value in ("a,c d", "c d,a", "a,b,c d"):
        consent.require(found, "drop", Setting[str | None](value), never_asked)
    consent.require([Found("x,y", None)], "drop", Setting[str | None]("x,y"), never_asked)
    answers = ["a", "c d"]
    consent.require(found, "drop", NOBODY, lambda question: answers.pop(0))
    assert answers == []
    answers = ["a", "a"]
    with pytest.raises(Refused, match="nothing was changed"):
        consent.require(found, "drop", NOBODY, lambda question: answers.pop(0))


def test_what_cannot_be_seen_is_said_to_be_so() -> None:
    """The server does not start: the reason is told, not that a database lacks the mark."""
    with pytest.raises(Refused, match="cannot be seen") as caught:
        consent.require([Found("a", None)], "remove", NOBODY, lambda question: None, "it cannot be seen (x)")
    assert "marked" not in caught.value.message


@pytest.mark.parametrize("what", ["drop and make again", "remove the private server with", "undo 008 in"])
def test_the_question_reads_well_for_every_work(what: str) -> None:
    """Each of the works that ask: the sentence goes on with the database's name."""
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "a"

    consent.require([Found("a", None)], what, NOBODY, answer)
    assert asked == [f"This would {what} a: 'a' is not marked as development.\nType the name a to go on: "]
    with pytest.raises(Refused) as caught:
        consent.require([Found("a", None)], what, NOBODY, lambda question: None)
    assert str(caught.value.hint).startswith("to go on and lose it, add --confirm a ")


def test_what_is_kept_is_not_called_lost() -> None:
    """A restore displaces the database and loses nothing: neither the refusal nor its hint speaks of losing it."""
    with pytest.raises(Refused) as caught:
        consent.require(
            [Found("a", None)], "put b in the place of", NOBODY, lambda question: None, cost=consent.Cost.USE
        )
    assert caught.value.message == "'a' is not marked as development, so taking it out of use needs consent"
    assert str(caught.value.hint) == "to go on, add --confirm a (or DBOPS_CONFIRM=a)"
