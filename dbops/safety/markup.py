"""HTML and SVG made of elements: every text in them is escaped, since only `element` makes markup of it."""

from __future__ import annotations

import html
from collections.abc import Iterable

_VOID = frozenset(["meta"])


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | Iterable[str]


def element(tag: str, *children: Child, **attributes: object) -> Markup:
    """An element with its children: texts, other elements, or several of them.

    An attribute's underscores become hyphens and one at its end goes (`class_`, `stroke_width`); None leaves it out.
    """
    given = "".join(
        f' {name.removesuffix("_").replace("_", "-")}="{escaped(_value(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{given}>")
    return Markup(f"<{tag}{given}>{joined(*children)}</{tag}>")


def joined(*children: Child) -> Markup:
    """Several children as one."""
    return Markup(
        "".join(
            escaped(child) if isinstance(child, str) else "".join(map(escaped, child)) for child in children
        )
    )


def escaped(text: str) -> str:
    """Text as it stands in markup; what is markup already stays as it is."""
    return text if isinstance(text, Markup) else html.escape(shown(text))


def shown(text: str) -> str:
    """Text with all that nobody sees written out, as ⟨U+202E⟩: such a character may turn what follows it around.

    Lines and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else f"⟨U+{ord(sign):04X}⟩" for sign in text)


def cut(text: str, length: int) -> str:
    """Text of at most so many characters, in one line; where something is cut off, the last is an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: max(length - 1, 0)]}…"


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
