"""What a trace has seen, in tables: the statements of each migration, and what came of the rounds."""

from __future__ import annotations

from collections.abc import Sequence

from dbops.engines.schema import Change, Difference
from dbops.events import format_seconds, plural
from dbops.safety.markup import Child, Markup, element, joined
from dbops.safety.rounds.model import Failure, Found, Round, Rounds, Verdict
from dbops.safety.trace.model import HeldLock, Trace, TracedMigration, TracedStatement

# -- migration by migration --------------------------------------------------------------------------------------------


def migrations(trace: Trace) -> Markup:
    """A table of statements for each, with what came of it."""
    if not trace.migrations:
        return element("p", "No migration was pending.")
    return joined(element("h2", "Migrations"), map(_migration, trace.migrations))


def _migration(one: TracedMigration) -> Markup:
    heading = element(
        "h3", f"{one.version} {one.name}", _soft(f" · {one.mode} · {format_seconds(one.seconds)}")
    )
    parts: list[str] = [heading]
    if one.failure is not None:
        parts.append(_failure("✗ Failed", one.failure))
    if one.invalid:
        parts.append(_list(element("p", "✗ Left invalid:", class_="bad"), one.invalid))
    if one.statements:
        heads = ("#", "line", "statement", "transaction", "took", "locks", "rewritten", "built")
        parts.append(_table("Statements, in order", heads, [_statement(each) for each in one.statements]))
    return element("section", parts)


def _statement(one: TracedStatement) -> Markup:
    return element(
        "tr",
        element("td", str(one.number), class_="count"),
        element("td", str(one.line), class_="count"),
        element("td", element("pre", one.text), f"{one.times:,} times" if one.times > 1 else ""),
        element("td", "yes" if one.in_transaction else "no"),
        element("td", format_seconds(one.seconds), class_="count"),
        element("td", _list("", [_lock(lock) for lock in sorted(one.locks, key=lambda lock: -lock.mode)])),
        element("td", _list("", one.rewritten)),
        element("td", _list("", one.built)),
    )


def _lock(lock: HeldLock) -> str:
    held = format_seconds(lock.ended - lock.began)
    marks = " (new)" * lock.new + " (sampled)" * lock.sampled
    return f"{lock.mode.words} on {lock.kind} {lock.relation}, {held}{marks}"


# -- there and back ----------------------------------------------------------------------------------------------------


def rounds(trace: Trace) -> Markup:
    """What down and up again gave, and what a down loses."""
    heading = element("h2", "Down and up again")
    if trace.rounds is None:
        return joined(heading, element("p", "Not tried, since a migration does not run."))
    if not trace.rounds.rounds:
        return joined(heading, element("p", "Nothing to try."))
    heads = ("version", "name", "result", "differences", "data that down loses")
    rows = _table("Each migration up, down and up again", heads, map(_round, trace.rounds.rounds))
    return joined(heading, rows, _history(trace.rounds))


def _round(one: Round) -> Markup:
    good = one.verdict is Verdict.COMES_BACK
    result = element(
        "span", ("✓ " if good else "✗ " * (not one.verdict.good)) + one.verdict.value, class_=_tone(one)
    )
    lost = [f"{each.table}.{each.column}: {plural(each.values, 'value')}" for each in one.lost]
    return element(
        "tr",
        element("td", str(one.file.version)),
        element("td", one.file.name),
        element("td", result, _failure("", one.failure) if one.failure else ""),
        element("td", map(_found, one.found)),
        element("td", _list("", lost)),
    )


def _tone(one: Round) -> str:
    if not one.verdict.good:
        return "bad"
    return "good" if one.verdict is Verdict.COMES_BACK else "soft"


def _found(one: Found) -> Markup:
    return _difference(one.difference, f"after {one.after.value}")


def _difference(one: Difference, where: str) -> Markup:
    became = {Change.ADDED: "left", Change.CHANGED: "changed", Change.GONE: "gone"}[one.change]
    parts = [element("p", f"{one.object}: {became} {where}")]
    parts += [element("pre", f"expected: {one.before}")] if one.before is not None else []
    parts += [element("pre", f"found: {one.after}")] if one.after is not None else []
    return element("div", parts)


def _history(rounds: Rounds) -> Markup:
    """What the applied files make, held against the live schema."""
    if rounds.history.unknown:
        return element(
            "p", f"What the applied files make was not compared: {rounds.history.unknown}", class_="soft"
        )
    if not rounds.history.differences:
        return Markup()
    heading = element("h3", "The live schema is not what its files make")
    return joined(heading, (_difference(one, "in the database") for one in rounds.history.differences))


# -- pieces ------------------------------------------------------------------------------------------------------------


def _soft(text: str) -> Markup:
    return element("span", text, class_="soft")


def _failure(title: str, failure: Failure) -> Markup:
    more = " (only with rows in the tables)" if failure.only_with_rows else ""
    detail = element("pre", failure.detail) if failure.detail else ""
    return element(
        "div", element("p", f"{title}: " * bool(title) + failure.message + more, class_="bad"), detail
    )


def _list(before: str, entries: Sequence[str]) -> Markup:
    return (
        joined(before, element("ul", (element("li", one) for one in entries))) if entries else joined(before)
    )


def _table(caption: str, heads: Sequence[str], rows: Child) -> Markup:
    top = element("tr", (element("th", head, scope="col") for head in heads))
    body = element("tbody", rows)
    return element(
        "div", element("table", element("caption", caption), element("thead", top), body), class_="wide"
    )
