"""A diagram as Mermaid's erDiagram, which GitHub and GitLab draw in a README.

Mermaid's words have a narrow grammar, and older versions have a narrower one: an entity's name is a text in quotes, and
what such a text cannot hold is written as an entity code; an attribute's type and name are words, and what is no word is
made one, with the real name behind it.  Groups of entities are newer than what most sites have, so that a schema is a
comment and a part of the name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from dbops.safety.diagram.model import Box, Diagram, Line, Link, Many, label
from dbops.safety.markup import shown

_PARENTS = {Many.ONE: "||", Many.ZERO_OR_ONE: "|o", Many.ANY: "}o"}
_CHILDREN = {Many.ONE: "||", Many.ZERO_OR_ONE: "o|", Many.ANY: "o{"}
_CODED = re.compile(r'["%\\#;`~<>&{}*$]|(?<![^\W_])_|_(?![^\W_])')
"""What would end a text, or is markup to Mermaid: a line below at the edge of a word makes it bold."""
_NO_WORD = re.compile(r"[^A-Za-z0-9_À-퟿-]")
_NO_TYPE = re.compile(r"[^A-Za-z0-9_À-퟿()\[\]-]")
_TWO_NUMBERS = re.compile(r"\([^()]*,[^()]*\)")
_DIRECTION = re.compile(r"(?<=direction)\s+(?=TB|BT|RL|LR)", re.IGNORECASE)
"""Taken for a command wherever it stands in a line."""
_KEY = re.compile(r"(PK|FK|UK)(?![A-Za-z0-9_])", re.IGNORECASE)


def mermaid(drawn: Diagram) -> str:
    """The text, ended by a line feed."""
    return "\n".join(["erDiagram", *_lines(drawn), ""])


def _lines(drawn: Diagram) -> Iterator[str]:
    for schema, boxes in itertools.groupby(drawn.boxes, key=lambda box: box.schema):
        if len(drawn.schemas) > 1:
            yield f"    %% schema {_coded(schema)}"
        for box in boxes:
            yield from _entity(box)
    for link in drawn.links:
        yield f"    {_relationship(link)}"


def _entity(box: Box) -> Iterator[str]:
    name = _quoted(box.label)
    if not box.lines:
        yield f"    {name}"
        return
    yield f"    {name} {{"
    for line in box.lines:
        yield f"        {_attribute(line)}"
    yield "    }"


def _attribute(line: Line) -> str:
    # A comma in a type is more than many versions take.
    type_ = _word(_NO_TYPE.sub("_", _TWO_NUMBERS.sub("", line.type)))
    name = _word(_NO_WORD.sub("_", line.name))
    parts = [type_, name]
    parts += [", ".join(line.marks)] if line.marks else []
    parts += [_quoted(line.name)] if name != line.name or name[0] == "_" else []
    return " ".join(parts)


def _word(text: str) -> str:
    """A word that begins as one, and is not taken for the mark of a key."""
    return text if re.match("[A-Za-z_À-퟿]", text) and not _KEY.match(text) else f"_{text}"


def _relationship(link: Link) -> str:
    ends = f"{_PARENTS[link.parents]}{'--' if link.identifying else '..'}{_CHILDREN[link.children]}"
    return f"{_quoted(label(link.parent))} {ends} {_quoted(label(link.child))} : {_quoted(', '.join(link.columns))}"


def _quoted(text: str) -> str:
    return f'"{_coded(text)}"'


def _coded(text: str) -> str:
    """Signs that would end a text, or mean something in it, by their numbers; what nobody sees written out."""
    line = shown(text.replace("\n", "⏎").replace("\t", "⇥"))
    coded = _CODED.sub(lambda found: f"#{ord(found[0])};", line)
    return _DIRECTION.sub("#32;", coded) if coded.strip() else "␣"
