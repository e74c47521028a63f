"""The picture of a trace: time from left to right, a row per relation, a bar per lock."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from collections.abc import Iterator, Sequence

from dbops.engines.postgres.effects.model import LockMode
from dbops.events import format_seconds, plural
from dbops.safety.markup import Markup, cut, element, joined
from dbops.safety.trace.model import HeldLock, Trace, TracedMigration, TracedStatement
from dbops.safety.trace.timeline import Span, Timeline, timeline

_HEAD, _ROW, _BAR, _LETTER, _MARGIN = 62.0, 36.0, 15.0, 6.6, 8.0
_EVERY = 5  # of statements that have no room for their numbers, every so many have one all the same


@dataclasses.dataclass(frozen=True)
class Row:
    """All locks on one relation, each with where it stands and the statement that took it."""

    relation: str
    kind: str
    bars: tuple[tuple[HeldLock, Span, str], ...]

    @property
    def strongest(self) -> HeldLock:
        """The lock of the strongest mode, of several the longest."""
        return max((lock for lock, _, _ in self.bars), key=lambda lock: (lock.mode, lock.ended - lock.began))


class Group(enum.Enum):
    """Which relations a picture shows; the values are what its elements are named by."""

    BLOCKING = "blocking"
    """Those that were there before, with a lock that keeps others from more than changes of the schema."""
    WEAK = "weak"
    """The others that were there before."""
    NEW = "new"
    """Those that the traced migrations made."""


def rows(trace: Trace, laid: Timeline, group: Group) -> tuple[Row, ...]:
    """The relations of a group; those with the strongest locks first."""
    found: dict[tuple[str, str], list[tuple[HeldLock, Span, str]]] = {}
    for migration, spans in zip(trace.migrations, laid.statements, strict=True):
        for one, span in zip(migration.statements, spans, strict=True):
            took = f"{migration.version}, statement {one.number}"
            for lock in one.locks:
                if lock.new is (group is Group.NEW):
                    bars = found.setdefault((lock.relation, lock.kind), [])
                    bars.append((lock, laid.lock(lock, span, one), took))
    made = [Row(*key, tuple(sorted(bars, key=lambda bar: bar[0].mode))) for key, bars in found.items()]
    if group is not Group.NEW:
        made = [row for row in made if _blocks(row) is (group is Group.BLOCKING)]
    return tuple(sorted(made, key=lambda row: (-row.strongest.mode, row.bars[0][1].left, row.relation)))


def _blocks(row: Row) -> bool:
    return row.strongest.mode >= LockMode.SHARE_UPDATE_EXCLUSIVE


def strength(mode: LockMode) -> str:
    """The class of a bar's colour: by what others cannot do."""
    return {"reads and writes": "all", "writes": "writes", "schema changes": "schema"}.get(
        mode.blocks, "vacuum"
    )


def drawing(trace: Trace, group: Group) -> Markup | None:
    """The picture of the locks on a group of relations; None where there are none."""
    laid = timeline(trace.migrations)
    found, name = rows(trace, laid, group), group.value
    if not found:
        return None
    height = _HEAD + _ROW * len(found) + _MARGIN
    title = f"Locks on {plural(len(found), 'relation')}, from left to right in time"
    worst = found[0].strongest
    told = f"The strongest is {worst.mode.words} on {worst.relation}. The tables below say the same in words."
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", told, id=f"{name}-desc"),
        _heads(trace.migrations, laid, height),
        (_row(row, _HEAD + _ROW * index, laid.width) for index, row in enumerate(found)),
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        viewBox=f"0 0 {laid.width + 2:.0f} {height:.0f}",
        width=round(laid.width + 2),
        height=round(height),
    )


def _heads(migrations: Sequence[TracedMigration], laid: Timeline, height: float) -> Markup:
    """A column per migration, with a band per statement at its top."""
    return joined(
        itertools.chain.from_iterable(
            _head(migration, span, statements, shaded=index % 2 == 1, height=height)
            for index, (migration, span, statements) in enumerate(
                zip(migrations, laid.migrations, laid.statements, strict=True)
            )
        )
    )


def _head(
    migration: TracedMigration, span: Span, statements: Sequence[Span], *, shaded: bool, height: float
) -> Iterator[Markup]:
    label = f"{migration.version} {migration.name}"
    told = f"{label}, after {format_seconds(migration.began)}, took {format_seconds(migration.seconds)}"
    failed = migration.failure is not None
    yield element(
        "g",
        element("title", told + (", failed" if failed else "")),
        element(
            "rect", x=span.left, y=0, width=span.width, height=height, class_="shaded" if shaded else "plain"
        ),
        _text(("✗ " if failed else "") + label, span.left + 4, 14, span.width - 8, "version"),
        _text(f"+{format_seconds(migration.began)}", span.left + 4, 29, span.width - 8, "small"),
    )
    for one, place in zip(migration.statements, statements, strict=True):
        yield _band(one, place, height)


def _band(one: TracedStatement, place: Span, height: float) -> Markup:
    told = f"{one.number} (line {one.line}), {format_seconds(one.seconds)}: {cut(one.text, 200)}"
    number = str(one.number)
    with_time = f"{number} · {format_seconds(one.seconds)}"
    if _fits(with_time, place.width):
        number = with_time
    elif not _fits(number, place.width) and one.number % _EVERY:
        number = ""
    return element(
        "g",
        element("title", told),
        element("rect", x=place.left, y=36, width=place.width, height=16, class_="statement", rx=2),
        element("line", x1=place.left, x2=place.left, y1=52, y2=height, class_="grid"),
        element(
            "text",
            number,
            x=(place.left + place.right) / 2,
            y=48,
            text_anchor="middle",
            class_="number",
        ),
    )


def _row(row: Row, top: float, width: float) -> Markup:
    """The relation's name above the first of its bars, so that it is in sight wherever one has scrolled to."""
    worst, left = row.strongest, min(span.left for _, span, _ in row.bars)
    held = format_seconds(worst.ended - worst.began)
    facts = [] if row.kind == "table" else [row.kind]
    facts += [f"up to {worst.mode.words}", held] + ["sampled"] * any(lock.sampled for lock, _, _ in row.bars)
    label = f"{cut(row.relation, 70)} · {', '.join(facts)}"
    room = len(label) * _LETTER
    at_right = left + room > width
    return element(
        "g",
        element("title", f"{row.relation}: {', '.join(facts)}"),
        element(
            "text",
            label,
            x=max(width - 4, room) if at_right else left,
            y=top + 13,
            text_anchor="end" if at_right else None,
            class_="relation",
        ),
        (_bar(lock, span, took, row, top + 17) for lock, span, took in row.bars),
    )


def _bar(lock: HeldLock, span: Span, took: str, row: Row, top: float) -> Markup:
    held = format_seconds(lock.ended - lock.began)
    told = f"{lock.mode.words} on {row.relation}, {held}, by {took}: others cannot do {lock.mode.blocks}"
    words = lock.mode.words
    return element(
        "g",
        element("title", told + (", seen by sampling" if lock.sampled else "")),
        element(
            "rect",
            x=span.left,
            y=top,
            width=span.width,
            height=_BAR,
            rx=2,
            class_=f"lock {strength(lock.mode)}" + (" sampled" if lock.sampled else ""),
        ),
        _text(words, span.left + 4, top + 11, span.width - 8, f"on {strength(lock.mode)}")
        if _fits(words, span.width - 8)
        else "",
    )


def _fits(text: str, width: float) -> bool:
    return len(text) * _LETTER <= width


def _text(text: str, x: float, y: float, width: float, class_: str) -> Markup:
    """A text that is cut where it has no room."""
    return element("text", cut(text, int(width / _LETTER)), x=x, y=y, class_=class_)
