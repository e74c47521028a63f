"""A trace as a page for people who look rather than read: one file, which asks for nothing else and runs no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from dbops.engines.postgres.effects.model import LockMode
from dbops.events import format_seconds, plural
from dbops.safety.ground import Place
from dbops.safety.markup import Markup, element, joined
from dbops.safety.rounds.model import Verdict
from dbops.safety.trace.drawing import Group, drawing, strength
from dbops.safety.trace.model import Source, Trace
from dbops.safety.trace.style import CSS
from dbops.safety.trace.tables import migrations, rounds

_MADE_FROM = {
    Source.SCHEMA: "the live schema, without rows",
    Source.BACKUP: "a backup",
    Source.TEMPLATE: "a copy of the database with its rows",
}

_ON = {
    Place.BESIDE: "",
    Place.PRIVATE: " on the private server of the project",
    Place.NAMED: " on another server",
}


def page(trace: Trace) -> str:
    """The page.  All that comes from files and the database is escaped, and the page's own policy lets nothing in."""
    good = "passed" if trace.passed else "not passed"
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"Trace of {trace.database}: {good}"),
        Markup(f"<style>{CSS}</style>"),
    )
    body = element(
        "body",
        element(
            "main",
            _verdict(trace),
            _mind(trace),
            _facts(trace),
            _unseen(trace),
            _timeline(trace),
            migrations(trace),
            rounds(trace),
        ),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


# -- at the top --------------------------------------------------------------------------------------------------------


def _verdict(trace: Trace) -> Markup:
    if trace.passed:
        return element(
            "h1",
            element("span", "✓ Passed", class_="good"),
            f": {plural(len(trace.migrations), 'migration')}",
        )
    return joined(
        element("h1", element("span", "✗ Not passed", class_="bad")),
        element("ul", (element("li", reason) for reason in _reasons(trace))),
    )


def _reasons(trace: Trace) -> Iterator[str]:
    for one in trace.migrations:
        if one.failure is not None:
            yield f"{one.version} {one.name} does not run: {one.failure.message}"
        if one.invalid:
            yield f"{one.version} {one.name} leaves invalid: {', '.join(one.invalid)}"
    if trace.rounds is None:
        yield "Whether it comes back was not tried"
    else:
        for each in trace.rounds.rounds:
            if not each.verdict.good:
                yield f"{each.file.version} {each.file.name}, down and up again: {each.verdict.value}"


def _mind(trace: Trace) -> Markup:
    """What is no failure, but for people to know before they rely on a way back."""
    told = []
    for one in trace.rounds.rounds if trace.rounds else ():
        if one.verdict is Verdict.NO_DOWN:
            told.append(f"{one.file.version} {one.file.name} has no down")
        if one.lost:
            tables = ", ".join(sorted({lost.table for lost in one.lost}))
            told.append(f"The down of {one.file.version} {one.file.name} loses data of {tables}")
    return element("ul", (element("li", one) for one in told)) if told else joined()


def _facts(trace: Trace) -> Markup:
    took = sum(one.seconds for one in trace.migrations)
    statements = sum(len(one.statements) for one in trace.migrations)
    facts = {
        "Database": trace.database,
        "Ran on": f"a scratch database{_ON[trace.scratch]}, of PostgreSQL {trace.server}, made from {_MADE_FROM[trace.source]}",
        "Origin": trace.origin,
        "When": trace.at.isoformat(" ", "seconds"),
        "What ran": f"{plural(len(trace.migrations), 'migration')}, {plural(statements, 'statement')}, "
        f"{format_seconds(took)}{', all in one transaction' * trace.single_transaction}",
        "Schema": trace.schema,
    }
    return element("dl", (joined(element("dt", name), element("dd", value)) for name, value in facts.items()))


def _unseen(trace: Trace) -> Markup:
    sampled = sum(
        any(lock.sampled for lock in one.locks) or not one.in_transaction
        for migration in trace.migrations
        for one in migration.statements
    )
    told = ["Nobody else worked on the scratch database: what a lock would have waited for is not in here."]
    if sampled:
        told.append(
            f"Locks of {plural(sampled, 'statement')} outside a transaction were seen by looking now and then "
            "while it ran; there may have been others, held for a shorter time."
        )
    if trace.source is Source.SCHEMA:
        told.append("There were no rows: scans, rewrites and index builds take longer on the live database.")
    return element(
        "section",
        element("h2", "What this does not show"),
        element("ul", (element("li", one) for one in told)),
    )


# -- the timeline ------------------------------------------------------------------------------------------------------


_FOLDED = {
    Group.WEAK: "Weaker locks on what was there before: others wait only with changes of the schema",
    Group.NEW: "Locks on relations that these migrations made; nobody waits for them",
}


def _timeline(trace: Trace) -> Markup:
    picture = drawing(trace, Group.BLOCKING)
    parts = [element("h2", "Locks")]
    if picture is None:
        parts.append(
            element("p", "Nothing that was there before was locked against more than changes of the schema.")
        )
    else:
        parts += [_key(), element("div", picture, class_="wide")]
    for group, words in _FOLDED.items():
        if folded := drawing(trace, group):
            parts.append(element("details", element("summary", words), element("div", folded, class_="wide")))
    return element("section", parts)


def _key() -> Markup:
    """What the colours say, strongest first."""
    modes = (
        LockMode.ACCESS_EXCLUSIVE,
        LockMode.SHARE,
        LockMode.SHARE_UPDATE_EXCLUSIVE,
        LockMode.ACCESS_SHARE,
    )
    entries = [(f"blocks {mode.blocks}", f"lock {strength(mode)}") for mode in modes]
    entries.append(("dashed: seen by sampling", "sampled plain"))
    return joined(
        element(
            "ul",
            (element("li", _swatch(class_), " ", words) for words, class_ in entries),
            class_="key",
        ),
        element(
            "p",
            "A band at the top is a statement with its number. Its width grows with the logarithm of its time, so that "
            "short ones can be seen beside long ones.",
            class_="soft",
        ),
    )


def _swatch(class_: str) -> Markup:
    box = element("rect", x=1, y=1, width=20, height=11, class_=class_)
    return element("svg", box, width=22, height=13, aria_hidden="true")
