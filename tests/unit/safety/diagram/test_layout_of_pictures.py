"""The picture of a schema: nothing lies on anything else, whatever refers to what, and the file is sound."""

from __future__ import annotations

import itertools
import random
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

import pytest

from dbops.engines.catalog import Catalog, Column, DataType, ForeignKey, Key, Table
from dbops.safety.diagram.layout import Area, Layout, Wire, layout
from dbops.safety.diagram.model import Diagram, diagram
from dbops.safety.diagram.svg import svg

_SVG = "{http://www.w3.org/2000/svg}"


def _column(name: str, *, not_null: bool = True) -> Column:
    return Column(name, DataType("pg_catalog", "int8", "bigint"), not_null)


def table(schema: str, name: str, refers: Sequence[tuple[str, str, bool]] = (), columns: int = 2) -> Table:
    """A table with a key `id`, one column for each reference (schema, table, whether it may be NULL), and some more."""
    keys = [
        ForeignKey(f"key{at}", (f"r{at}",), (there, other), ("id",))
        for at, (there, other, _) in enumerate(refers)
    ]
    made = [_column("id")]
    made += [_column(f"r{at}", not_null=not null) for at, (_, _, null) in enumerate(refers)]
    made += [_column(f"c{at}") for at in range(columns)]
    primary = Key("pk", ("id",), ("id",), primary=True)
    return Table(schema, name, 0, tuple(made), (primary,), tuple(keys))


def drawn(*tables: Table) -> Diagram:
    """The diagram of these tables."""
    return diagram(Catalog(tuple(sorted(tables, key=lambda one: one.id))))


def _random(seed: int, count: int, schemas: Sequence[str]) -> Diagram:
    """Tables that refer to others as it comes: to themselves, in circles, across schemas."""
    dice = random.Random(seed)
    names = [(dice.choice(schemas), f"t{number}") for number in range(count)]
    return drawn(
        *(
            table(
                schema,
                name,
                [(*dice.choice(names), dice.random() < 0.5) for _ in range(dice.randint(0, 3))],
                dice.randint(0, 9),
            )
            for schema, name in names
        )
    )


def _pieces(wire: Wire) -> Iterator[Area]:
    for (x1, y1), (x2, y2) in itertools.pairwise(wire.points):
        assert x1 == x2 or y1 == y2, "a line that is neither level nor upright"
        yield Area(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))


def _overlap(one: Area, other: Area, by: float = 0.01) -> bool:
    across = min(one.right, other.right) - max(one.x, other.x)
    down = min(one.bottom, other.bottom) - max(one.y, other.y)
    return across > -by and down > -by


def _meet(one: Area, other: Area) -> bool:
    """Whether two lines lie on each other for a stretch."""
    if (one.width > 0) != (other.width > 0):
        return False
    level = one.width > 0
    apart = abs(one.y - other.y) if level else abs(one.x - other.x)
    if level:
        common = min(one.right, other.right) - max(one.x, other.x)
    else:
        common = min(one.bottom, other.bottom) - max(one.y, other.y)
    return apart < 1 and common > 1


def _same_line(one: Wire, other: Wire) -> bool:
    """Whether they may share a line: what begins at the same place does, and what ends at the same one its end."""
    return one.points[0] == other.points[0] or one.points[-1] == other.points[-1]


def _require_clear(made: Layout) -> None:
    for (_, one), (_, other) in itertools.combinations(made.boxes, 2):
        assert not _overlap(one, other), "two tables on each other"
    for (_, one), (_, other) in itertools.combinations(made.frames, 2):
        assert not _overlap(one, other), "two frames on each other"
    for wire in made.wires:
        for piece, (box, area) in itertools.product(_pieces(wire), made.boxes):
            inner = Area(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
            assert not _overlap(piece, inner), f"{wire.link.name} of {wire.link.child} crosses {box.label}"
    for first, second in itertools.combinations(made.wires, 2):
        if not _same_line(first, second):
            for pair in itertools.product(_pieces(first), _pieces(second)):
                assert not _meet(*pair), f"{first.link} and {second.link} are one line"
    for area in [area for _, area in (*made.boxes, *made.frames)]:
        assert area.x >= 0
        assert area.right <= made.width
        assert area.bottom <= made.height


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("count", "schemas"), [(5, ["public"]), (14, ["a", "b"]), (30, ["a", "b", "c"])])
def test_nothing_lies_on_anything_else(seed: int, count: int, schemas: list[str]) -> None:
    """Whatever refers to what: no table and no frame on another, no line through a table, no two lines in one."""
    made = layout(_random(seed, count, schemas))
    assert len(made.boxes) == count
    _require_clear(made)


def test_every_table_is_in_its_frame() -> None:
    """Tables of a schema are within its frame, and in no other's; one schema alone has no frame."""
    made = layout(_random(7, 20, ["a", "b", "c"]))
    assert [schema for schema, _ in made.frames] == ["a", "b", "c"]
    for box, area in made.boxes:
        assert [schema for schema, frame in made.frames if _overlap(area, frame)] == [box.schema]
    assert layout(_random(7, 20, ["public"])).frames == ()


def test_what_is_referred_to_is_on_the_left() -> None:
    """A chain runs from left to right, a circle is drawn, too, a table that refers to itself has a line at its side."""
    chain = drawn(table("s", "c", [("s", "b", False)]), table("s", "b", [("s", "a", False)]), table("s", "a"))
    places = {box.label: area.x for box, area in layout(chain).boxes}
    assert places["s.a"] < places["s.b"] < places["s.c"]

    circle = drawn(table("s", "a", [("s", "b", True)]), table("s", "b", [("s", "a", True)]))
    made = layout(circle)
    assert sorted(wire.turned for wire in made.wires) == [False, True]
    _require_clear(made)

    (wire,) = layout(drawn(table("s", "a", [("s", "a", True)]))).wires
    assert wire.points[0][0] == wire.points[-1][0] < wire.points[1][0]


def test_a_star_is_no_tower() -> None:
    """Fifty tables that refer to one stand in several columns, and share one line from it."""
    made = layout(
        drawn(table("s", "hub"), *(table("s", f"t{at}", [("s", "hub", False)]) for at in range(50)))
    )
    assert len({area.x for _, area in made.boxes}) > 4
    assert made.height < 2 * made.width
    assert len({wire.points[0] for wire in made.wires}) == 1
    _require_clear(made)


@pytest.mark.parametrize("name", ["</text><script>", "a\x00\u202eb", "漢字" * 30, "x" * 500, "&quot;"])
def test_any_name_makes_a_sound_file(name: str) -> None:
    """The file is XML with every table, every column and every reference, and a title for each."""
    text = svg(drawn(table(name, name), table(name, "other", [(name, name, True)])))
    root = ET.fromstring(text)
    tags = [one.tag for one in root.iter()]
    assert _SVG + "script" not in tags
    plain = svg(drawn(table("s", "t"), table("s", "other", [("s", "t", True)])))
    assert sorted(tags) == sorted(one.tag for one in ET.fromstring(plain).iter())
    assert all(one.find(_SVG + "title") is not None for one in root.iter(_SVG + "g"))
    assert "href" not in text
    _require_clear(layout(drawn(table(name, name), table(name, "other", [(name, name, True)]))))


def test_nothing_to_draw() -> None:
    """A database without tables gives an empty picture."""
    assert "0 tables, 0 references" in svg(drawn())


def test_the_same_schema_gives_the_same_file() -> None:
    """In whatever order the catalog has the tables."""
    tables = [table("s", f"t{at}", [("s", f"t{at // 2}", False)]) for at in range(9)]
    assert svg(diagram(Catalog(tuple(tables)))) == svg(diagram(Catalog(tuple(reversed(tables)))))
