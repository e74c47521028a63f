"""The page of a trace: all is there, nothing gets in, nothing goes out."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import html.parser
import re

import pytest

from dbops.engines.postgres.effects.model import LockMode
from dbops.engines.schema import Difference
from dbops.migrations.model import MigrationFile
from dbops.migrations.version import Version
from dbops.safety.markup import shown
from dbops.safety.rounds.model import After, Failure, Found, History, Lost, Round, Rounds, Verdict
from dbops.safety.trace.html import page
from dbops.safety.trace.model import HeldLock, Source, Trace, TracedMigration, TracedStatement

_ORDERS = HeldLock("public.orders", "table", LockMode.ACCESS_EXCLUSIVE, 0.5, 1.75)
_BUILT = HeldLock("public.fills", "table", LockMode.SHARE_UPDATE_EXCLUSIVE, 2, 3, sampled=True)
_NEW = HeldLock("public.audit", "table", LockMode.ACCESS_EXCLUSIVE, 1, 1.75, new=True)


def _statement(number: int, text: str, began: float, seconds: float, **more: object) -> TracedStatement:
    plain = TracedStatement(number, 2 * number + 1, text, in_transaction=True, began=began, seconds=seconds)
    return dataclasses.replace(plain, **more)  # type: ignore[arg-type]


_FILE = MigrationFile(Version.parse("007"), "add_venue", "dbops", "migrations", "007_add_venue.sql")


def _round(verdict: Verdict = Verdict.COMES_BACK, **more: object) -> Round:
    return dataclasses.replace(Round(_FILE, verdict), **more)  # type: ignore[arg-type]


def _trace(**more: object) -> Trace:
    first = (
        _statement(
            1, "ALTER TABLE orders ADD venue text", 0.5, 0.5, locks=(_ORDERS,), rewritten=("public.orders",)
        ),
        _statement(2, "CREATE TABLE audit (id int)", 1, 0.25, locks=(_NEW,)),
    )
    concurrently = "CREATE INDEX CONCURRENTLY i ON fills (at)"
    second = _statement(1, concurrently, 2, 1, in_transaction=False, locks=(_BUILT,), built=("public.i",))
    trace = Trace(
        database="trading",
        target="app@localhost:5432/trading",
        server="15.18",
        at=datetime.datetime(2026, 11, 21, 9, 30, tzinfo=datetime.UTC),
        source=Source.TEMPLATE,
        origin="trading on localhost:5432",
        schema="ab" * 32,
        checksums={"007": "cd" * 32, "008": "ef" * 32},
        migrations=(
            TracedMigration("007", "add_venue", "transaction", 0.5, 1.25, first),
            TracedMigration("008", "index_fills", "no transaction", 2, 1, (second,)),
        ),
        rounds=Rounds((_round(),), History(None)),
    )
    return dataclasses.replace(trace, **more)  # type: ignore[arg-type]


class _Read(html.parser.HTMLParser):
    """A page's elements and texts; it checks on the way that what is opened is closed again."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.titles: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._open and self._open[-1] == "title":
            self.titles.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def with_class(self, name: str) -> list[dict[str, str]]:
        return [given for _, given in self.elements if name in given.get("class", "").split()]


def test_everything_is_there() -> None:
    """Verdict, where from and when, every statement, every lock, what was rewritten and built, the round."""
    read = _Read(page(_trace()))
    for expected in (
        "✓ Passed",
        "trading on localhost:5432",
        "2026-11-21 09:30:00+00:00",
        "15.18",
        "ALTER TABLE orders ADD venue text",
        "CREATE TABLE audit (id int)",
        "CREATE INDEX CONCURRENTLY i ON fills (at)",
        "ACCESS EXCLUSIVE on table public.orders, 1.2 s",
        "ACCESS EXCLUSIVE on table public.audit, 750 ms (new)",
        "SHARE UPDATE EXCLUSIVE on table public.fills, 1.0 s (sampled)",
        "public.i",
        "comes back",
        "Locks of 1 statement outside a transaction were seen by looking now and then",
    ):
        assert expected in read.text, expected
    assert len(read.with_class("lock")) == 3 + 4  # bars, and the colours of the key
    assert len(read.with_class("statement")) == 3 * 2  # in the picture of old relations, in that of new ones


def test_what_nobody_waits_for_is_folded() -> None:
    """In sight is what keeps others from their work; weak locks, and what did not exist, are a click away."""
    weak = dataclasses.replace(_ORDERS, relation="public.users", mode=LockMode.ROW_EXCLUSIVE)
    first, second = _trace().migrations
    busy = dataclasses.replace(first.statements[0], locks=(_ORDERS, weak))
    first = dataclasses.replace(first, statements=(busy, first.statements[1]))
    in_sight, *folded = page(_trace(migrations=(first, second))).split("<details>")
    assert [name in in_sight for name in ("public.orders:", "public.users:", "public.audit:")] == [
        True,
        False,
        False,
    ]
    assert ["public.users:" in folded[0], "public.audit:" in folded[1], len(folded)] == [True, True, 2]

    harmless = dataclasses.replace(first, statements=(dataclasses.replace(busy, locks=(weak,)),))
    text = page(_trace(migrations=(harmless,)))
    assert "Nothing that was there before was locked against more than changes of the schema." in text
    assert text.count("<details>") == 1


def test_pictures_can_be_read_without_seeing_them() -> None:
    """Each picture has a title and a description that it refers to, each bar a title; no identifier is there twice."""
    read = _Read(page(_trace()))
    identifiers = [given["id"] for _, given in read.elements if "id" in given]
    assert len(identifiers) == len(set(identifiers)) == 4
    named = [given["aria-labelledby"].split() for tag, given in read.elements if given.get("role") == "img"]
    assert [name for names in named for name in names] == identifiers
    told = "ACCESS EXCLUSIVE on public.orders, 1.2 s, by 007, statement 1: others cannot do reads and writes"
    assert told in read.titles
    assert all(given.get("scope") == "col" for tag, given in read.elements if tag == "th")


def test_nothing_is_loaded_and_nothing_runs() -> None:
    """No script, no address, no handler; the policy lets in the page's own style alone, by its hash."""
    text = page(_trace())
    read = _Read(text)
    tags = {tag for tag, _ in read.elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base", "a", "use", "image"})
    names = {name for _, given in read.elements for name in given}
    assert not any(name.startswith("on") or name in {"href", "src", "style"} for name in names)
    policy = next(given["content"] for _, given in read.elements if "http-equiv" in given)
    css = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(css) == 1
    digest = base64.b64encode(hashlib.sha256(css[0].encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}';" in policy
    assert "url(" not in css[0]
    assert "@import" not in css[0]


_HOSTILE = [
    "</script><script>alert(1)</script>",
    "</title></svg></style><img src=x onerror=alert(1)>",
    "\"' onload='x' & &amp; <!-- ]]>",
    "\u202etxet desrever\u202c",
    "a\x00b\x1b[31m\ud800",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", _HOSTILE)
def test_hostile_names_and_texts_stay_text(text: str) -> None:
    """Wherever a name or a text can come from a file or the database, it adds no element and no attribute."""
    lock = dataclasses.replace(_ORDERS, relation=text, kind=text)
    locks = (lock, dataclasses.replace(lock, new=True))
    statement = _statement(1, text, 0, 1, locks=locks, rewritten=(text,), built=(text,))
    failure = Failure(text, text)
    hostile = _trace(
        database=text,
        server=text,
        origin=text,
        schema=text,
        migrations=(TracedMigration(text, text, text, 0, 1, (statement,), (text,), failure),),
        rounds=Rounds(
            (
                _round(
                    Verdict.NO_DOWN, lost=(Lost(text, text, 3),), file=dataclasses.replace(_FILE, name=text)
                ),
                _round(
                    Verdict.DIFFERS, failure=failure, found=(Found(After.DOWN, Difference(text, text, text)),)
                ),
            ),
            History(text),
        ),
    )
    harmless = re.sub("x{10000}", "x", page(hostile))
    read, plain = _Read(harmless), _Read(page(_plain(hostile, text)))
    assert [tag for tag, _ in read.elements] == [tag for tag, _ in plain.elements]
    assert [set(given) - {"text-anchor"} for _, given in read.elements] == [
        set(given) - {"text-anchor"} for _, given in plain.elements
    ]
    assert shown(text).replace("x" * 10_000, "x") in read.text
    assert len(page(hostile)) < 1_000_000
    page(hostile).encode()


def _plain(trace: Trace, text: str) -> Trace:
    """The same trace with a harmless text everywhere."""

    def replaced(value: object) -> object:
        if value == text:
            return "x"
        if isinstance(value, tuple):
            return tuple(map(replaced, value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type | Version):
            fields = {field.name: replaced(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return dataclasses.replace(value, **fields)
        return value

    made = replaced(trace)
    assert isinstance(made, Trace)
    return made


def test_why_it_has_not_passed() -> None:
    """Failures, what is invalid and what does not come back stand at the top, with the migration."""
    first, second = _trace().migrations
    failed = dataclasses.replace(second, failure=Failure("007.sql:3:1: no such table", "HINT: none"))
    text = _Read(page(_trace(migrations=(first, failed), rounds=None))).text
    assert "✗ Not passed" in text
    assert "008 index_fills does not run: 007.sql:3:1: no such table" in text
    assert "HINT: none" in text
    assert "Whether it comes back was not tried" in text

    invalid = dataclasses.replace(second, invalid=("index public.i",))
    found = Found(After.DOWN, Difference("index public.i", None, "CREATE INDEX i ON fills (at)"))
    rounds = Rounds((_round(Verdict.DIFFERS, found=(found,)),), History(None))
    text = _Read(page(_trace(migrations=(first, invalid), rounds=rounds))).text
    assert "008 index_fills leaves invalid: index public.i" in text
    assert "007 add_venue, down and up again: differs" in text
    assert "index public.i: left after down" in text
    assert "found: CREATE INDEX i ON fills (at)" in text


def test_what_is_to_be_known_though_it_has_passed() -> None:
    """No down, lost data, and that there were no rows are said, though the verdict is good."""
    rounds = Rounds(
        (_round(Verdict.NO_DOWN), _round(lost=(Lost("public.orders", "venue", 12),))), History("not asked")
    )
    text = _Read(page(_trace(rounds=rounds, source=Source.SCHEMA))).text
    assert "✓ Passed" in text
    assert "007 add_venue has no down" in text
    assert "The down of 007 add_venue loses data of public.orders" in text
    assert "public.orders.venue: 12 values" in text
    assert "There were no rows" in text
    assert "What the applied files make was not compared: not asked" in text
    assert "There were no rows" not in page(_trace())


def test_nothing_to_trace() -> None:
    """Nothing pending: the page says so, without pictures and tables."""
    read = _Read(page(_trace(migrations=(), rounds=Rounds((), History(None)))))
    assert "No migration was pending." in read.text
    assert "table" not in {tag for tag, _ in read.elements}
