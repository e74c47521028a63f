"""A diagram as SVG: one file that asks for nothing else, light and dark."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.events import plural
from dbops.safety.diagram.layout import (
    LETTER,
    MARKS,
    PADDING,
    ROW,
    Area,
    Layout,
    Wire,
    layout,
    letters,
    name_of,
    type_of,
)
from dbops.safety.diagram.model import Box, Diagram, Line, Many, label
from dbops.safety.markup import Markup, cut, element

_CSS = """
svg { --back: #fff; --text: #1b1f24; --soft: #57606a; --line: #8c959f; --head: #dbe7f5; --frame: #f4f6f8; }
@media screen and (prefers-color-scheme: dark) {
  svg { --back: #14171c; --text: #e6e9ee; --soft: #a5afbb; --line: #7d8793; --head: #25405e; --frame: #1c2128; }
}
text { font: 11px ui-monospace, 'DejaVu Sans Mono', monospace; fill: var(--text); }
.ground, .box { fill: var(--back); } .box { stroke: var(--line); }
.head { fill: var(--head); stroke: var(--line); } .name { font-weight: 700; }
.frame { fill: var(--frame); stroke: var(--line); stroke-dasharray: 4 3; }
.schema { font-size: 14px; font-weight: 700; } .soft { fill: var(--soft); }
.mark { font-size: 9px; fill: var(--soft); }
.wire path { fill: none; stroke: var(--c); } .wire circle { fill: var(--back); stroke: var(--c); }
.c0 { --c: #57606a; } .c1 { --c: #0969da; } .c2 { --c: #1a7f37; } .c3 { --c: #bc4c00; } .c4 { --c: #8250df; }
.c5 { --c: #bf3989; } .c6 { --c: #7d6000; } .c7 { --c: #1b7c83; }
@media screen and (prefers-color-scheme: dark) {
  .c0 { --c: #a5afbb; } .c1 { --c: #6cb6ff; } .c2 { --c: #57d07a; } .c3 { --c: #f69d50; } .c4 { --c: #b99cf8; }
  .c5 { --c: #f47ac0; } .c6 { --c: #d4b441; } .c7 { --c: #56c8d0; }
}
.wire:hover path, .wire:hover circle { stroke-width: 3; }
"""
_COLORS = 8
_KEY = "PK primary key · FK foreign key · UK unique · ? may be NULL · a color per table that is referred to"


def svg(drawn: Diagram) -> str:
    """The file's text, ended by a line feed."""
    made = layout(drawn)
    told = f"{plural(len(drawn.boxes), 'table')}, {plural(len(drawn.links), 'reference')}"
    width = max(made.width, len(_KEY) * LETTER + 2 * ROW)
    drawing = element(
        "svg",
        "\n",
        element("title", f"Database schema: {told}", id="title"),
        element("desc", " ".join(_told(drawn)), id="desc"),
        Markup(f"<style>{_CSS}</style>\n"),
        _rect("ground", Area(0, 0, width, made.height)),
        (_frame(schema, area) for schema, area in made.frames),
        "\n",
        _lines(made),
        (_box(box, area) for box, area in made.boxes),
        element("text", _KEY, x=ROW, y=made.height - 10, class_="soft"),
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby="title desc",
        viewBox=f"0 0 {width:.0f} {made.height:.0f}",
        width=round(width),
        height=round(made.height),
    )
    return f"{drawing}\n"


def _told(drawn: Diagram) -> Iterator[str]:
    """The references in words."""
    for link in drawn.links:
        yield f"{label(link.child)} ({', '.join(link.columns)}) refers to {label(link.parent)}."


def _frame(schema: str, area: Area) -> Markup:
    name = element("text", name_of(schema), x=area.x + 10, y=area.y + 22, class_="schema")
    return element("g", element("title", f"schema {schema}"), _rect("frame", area, rx=8), name)


def _box(box: Box, area: Area) -> Markup:
    """A table; each on a line of the file of its own, so that a difference shows which one has changed."""
    title = ": ".join(filter(None, [box.label, box.note]))
    name = name_of(box.label)
    head = [
        _rect("head", Area(area.x, area.y, area.width, ROW)),
        element("text", name, x=area.x + PADDING, y=area.y + 14, class_="name"),
    ]
    room = area.width - 3 * PADDING - letters(name) * LETTER * 1.1
    if box.note and letters(box.note) * LETTER <= room:
        head.append(_at_right(box.note, area, area.y, "soft"))
    lines = (_line(box, at, line, area) for at, line in enumerate(box.lines))
    return element("g", element("title", title), _rect("box", area), head, "\n", lines)


def _line(box: Box, at: int, line: Line, area: Area) -> Markup:
    top = area.y + ROW * (at + 1)
    null = "" if line.not_null else ", may be NULL"
    return element(
        "g",
        element("title", f"{line.name} {line.type}{null}"),
        element("text", " ".join(line.marks), x=area.x + 6, y=top + 13, class_="mark") if line.marks else "",
        element("text", name_of(line.name), x=area.x + MARKS, y=top + 14),
        _at_right(type_of(box, at), area, top, "soft"),
        "\n",
    )


def _at_right(text: str, area: Area, top: float, class_: str) -> Markup:
    return element("text", text, x=area.right - PADDING, y=top + 14, text_anchor="end", class_=class_)


def _lines(made: Layout) -> Iterator[Markup]:
    parents = sorted({wire.link.parent for wire in made.wires})
    for wire in made.wires:
        link = wire.link
        told = (
            f"{label(link.child)} ({', '.join(link.columns)}) refers to "
            f"{label(link.parent)} ({', '.join(link.referred)}): {link.children.value} to {link.parents.value}"
        )
        path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in wire.points)
        yield element(
            "g",
            element("title", cut(told, 500)),
            element("path", d=path),
            _ends(wire),
            "\n",
            class_=f"wire c{parents.index(link.parent) % _COLORS}",
        )


def _ends(wire: Wire) -> Iterator[Markup]:
    """The crow's feet: what is known of the child's end and of the parent's."""
    (first, *_, last) = wire.points
    loop = last[0] == first[0]
    left, right = wire.link.parents, wire.link.children
    if wire.turned:
        left, right = right, left
    yield from _end(left, first, 1)
    yield from _end(right, last, 1 if loop else -1)


def _end(many: Many, at: tuple[float, float], outward: int) -> Iterator[Markup]:
    x, y = at
    if many is Many.ANY:
        yield element("path", d=f"M{x:.1f} {y - 5:.1f} L{x + 10 * outward:.1f} {y:.1f} L{x:.1f} {y + 5:.1f}")
    else:
        yield _bar(x + 6 * outward, y)
    if many is Many.ONE:
        yield _bar(x + 10 * outward, y)
    else:
        yield element("circle", cx=x + 14 * outward, cy=y, r=3)


def _bar(x: float, y: float) -> Markup:
    return element("path", d=f"M{x:.1f} {y - 3.5:.1f} L{x:.1f} {y + 3.5:.1f}")


def _rect(class_: str, area: Area, rx: float = 0) -> Markup:
    return element(
        "rect", x=area.x, y=area.y, width=area.width, height=area.height, rx=rx or None, class_=class_
    )
