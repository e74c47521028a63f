"""Where everything of a picture is, in pixels: tables, frames of schemas, and references as lines with corners.

Lines run between columns in lanes, and through columns where a place was left for them.  What comes from the left and
what goes to the right is at other heights within a line of text, so that two lines never lie on each other.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width

from dbops.engines.catalog import TableName
from dbops.safety.diagram.layers import Layers, Net, Passage, Spot, hops, layers, spot
from dbops.safety.diagram.model import Box, Diagram, Link, Many
from dbops.safety.markup import cut, shown

ROW, LETTER, MARKS, PADDING = 20, 6.7, 44, 10
NAME, TYPE = 40, 32  # letters, at most
_EDGE, _TITLE, _GAP, _PASSAGE, _LANE, _END = 20, 30, 20, 10, 8, 24
_IN, _OUT, _OUT_TOO, _BACK = 5, 8, 16, 11.5
"""How far below the top of a line of text a reference comes in from the left, leaves to the right, comes back from there."""
_THROUGH = 3  # lower in every second column is where a reference passes

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Area:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclasses.dataclass(frozen=True)
class Wire:
    """A reference: its corners, from the end on the left.  `turned` is whether the child stands there."""

    link: Link
    points: tuple[Point, ...]
    turned: bool = False


@dataclasses.dataclass(frozen=True)
class Layout:
    """The whole picture."""

    width: float
    height: float
    frames: tuple[tuple[str, Area], ...]
    boxes: tuple[tuple[Box, Area], ...]
    wires: tuple[Wire, ...]


def layout(drawn: Diagram) -> Layout:
    """Lay out a diagram."""
    placed = layers(drawn)
    return _Making(drawn, placed).layout()


def letters(text: str) -> float:
    """How wide a text is, in letters: those of East Asia take the room of two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def name_of(text: str) -> str:
    """A name as it is shown."""
    return cut(shown(text), NAME)


def type_of(box: Box, at: int) -> str:
    """The type of a column as it is shown."""
    line = box.lines[at]
    return cut(shown(line.type), TYPE) + ("" if line.not_null else "?")


def _width(box: Box) -> float:
    """The width that a table needs."""
    title = letters(name_of(box.label)) * 1.1
    lines = [letters(name_of(line.name)) + letters(type_of(box, at)) + 2 for at, line in enumerate(box.lines)]
    return max(title * LETTER, max(lines, default=0.0) * LETTER + MARKS) + 2 * PADDING


class _Making:
    def __init__(self, drawn: Diagram, placed: Layers) -> None:
        self._drawn, self._placed = drawn, placed
        self._rows = {
            box.table: {line.name: at for at, line in enumerate(box.lines, start=1)} for box in drawn.boxes
        }
        self._framed = len(drawn.schemas) > 1
        self._tops, self._bands, self._height = self._heights()
        loops = [link for link in drawn.links if link.child == link.parent]
        self._lanes, counts = _lanes(list(self._trunks(loops)), len(placed.columns))
        self._lefts, self._widths, self._width = self._sides(counts)

    def layout(self) -> Layout:
        boxes = {box.table: (box, self._area(box)) for box in self._drawn.boxes}
        wires = [wire for number, net in enumerate(self._placed.nets) for wire in self._wires(number, net)]
        wires += [self._loop(link) for link in self._drawn.links if link.child == link.parent]
        return Layout(self._width, self._height, tuple(self._frames()), tuple(boxes.values()), tuple(wires))

    # -- heights

    def _heights(self) -> tuple[dict[Spot, float], dict[str, tuple[float, float]], float]:
        """The top of each cell, where each schema begins and ends, and the height of the whole."""
        tops: dict[Spot, float] = {}
        bands = {}
        top: float = _EDGE
        for schema in self._drawn.schemas:
            first = top + (_TITLE + 10 if self._framed else 0)
            bottom = first
            for number, column in enumerate(self._placed.columns):
                end = first
                for cell in column:
                    if cell.schema != schema:
                        continue
                    if isinstance(cell, Passage):
                        tops[spot(number, cell)] = end + _THROUGH * (number % 2)
                        end += _PASSAGE
                    else:
                        end = first + -(-(end - first) // ROW) * ROW
                        tops[spot(number, cell)] = end
                        end += ROW * (1 + len(cell.lines)) + _GAP
                bottom = max(bottom, end)
            bands[schema] = (top, bottom)
            top = bottom + ROW
        return tops, bands, top + ROW

    def _port(self, table: TableName, columns: Sequence[str], below: float) -> float:
        """The height at which a reference by, or to, these columns ends."""
        row = self._rows[table].get(columns[0], 0) if columns else 0
        return self._tops[self._spot(table)] + ROW * row + below

    def _spot(self, table: TableName) -> Spot:
        return (self._placed.place[table], *table, -1)

    # -- lanes

    def _trunks(self, loops: Sequence[Link]) -> Iterator[_Trunk]:
        """Every vertical line: between which heights, and behind which column."""
        spans: dict[tuple[int, int], tuple[float, set[float]]] = {}
        for number, before, after in hops(self._placed.nets, self._placed.place):
            net = self._placed.nets[number]
            begin = self._begin(net) if before[3] < 0 else self._tops[before]
            ends = spans.setdefault((before[0], number), (begin, set()))[1]
            ends |= {self._tops[after]} if after[3] >= 0 else set(self._ends(net, after[1:3]))
        for (column, number), (begin, ends) in spans.items():
            yield _Trunk((column, number), column, begin, min(ends), max(ends))
        for link in loops:
            begin, end = self._loop_ends(link)
            column = self._placed.place[link.child]
            yield _Trunk((column, link), column, begin, end, end)

    def _begin(self, net: Net) -> float:
        link, turned = net.links[0]
        end = link.children if turned else link.parents
        columns = link.columns if turned else link.referred
        return self._port(net.source, columns, _OUT if end is Many.ONE else _OUT_TOO)

    def _ends(self, net: Net, table: tuple[str, str]) -> Iterator[float]:
        for link, turned in net.links:
            if (link.parent if turned else link.child) == table:
                yield self._port(table, link.referred if turned else link.columns, _IN)

    def _loop_ends(self, link: Link) -> tuple[float, float]:
        out = _OUT if link.parents is Many.ONE else _OUT_TOO
        return self._port(link.parent, link.referred, out), self._port(link.child, link.columns, _BACK)

    # -- widths

    def _sides(self, lanes: Sequence[int]) -> tuple[list[float], list[float], float]:
        """The left edge and the width of each column, and the width of the whole."""
        lefts, widths, edge = [], [], float(_EDGE + 10)
        for number, column in enumerate(self._placed.columns):
            widths.append(max((_width(cell) for cell in column if isinstance(cell, Box)), default=0.0))
            lefts.append(edge)
            last = number == len(self._placed.columns) - 1
            edge += widths[-1] + (0 if last and not lanes[number] else 2 * _END + lanes[number] * _LANE)
        return lefts, widths, edge + _EDGE + 10

    def _right(self, column: int) -> float:
        return self._lefts[column] + self._widths[column]

    def _lane(self, column: int, key: object) -> float:
        return self._right(column) + _END + self._lanes[column, key] * _LANE + _LANE / 2

    def _area(self, box: Box) -> Area:
        column = self._placed.place[box.table]
        top = self._tops[self._spot(box.table)]
        return Area(self._lefts[column], top, self._widths[column], ROW * (1 + len(box.lines)))

    def _frames(self) -> Iterator[tuple[str, Area]]:
        for schema, (top, bottom) in self._bands.items() if self._framed else ():
            columns = [self._placed.place[box.table] for box in self._drawn.boxes if box.schema == schema]
            left, right = self._lefts[min(columns)] - 12, self._right(max(columns)) + 12
            yield schema, Area(left, top, right - left, bottom - top - 5)

    # -- lines

    def _wires(self, number: int, net: Net) -> Iterator[Wire]:
        for link, turned in net.links:
            target = link.parent if turned else link.child
            last = self._placed.place[target]
            height = self._begin(net)
            points = [(self._right(net.column), height)]
            for column in range(net.column, last):
                lane = self._lane(column, number)
                points.append((lane, height))
                if column + 1 < last:
                    height = self._tops[column + 1, "", "", number]
                else:
                    height = self._port(target, link.referred if turned else link.columns, _IN)
                points.append((lane, height))
            yield Wire(link, (*points, (self._lefts[last], height)), turned)

    def _loop(self, link: Link) -> Wire:
        column = self._placed.place[link.child]
        right, lane = self._right(column), self._lane(column, link)
        begin, end = self._loop_ends(link)
        return Wire(link, ((right, begin), (lane, begin), (lane, end), (right, end)))


@dataclasses.dataclass(frozen=True)
class _Trunk:
    """A vertical line behind a column: it comes from the left at `begin`, and leaves to the right within the ends."""

    key: tuple[int, object]
    column: int
    begin: float
    first: float
    last: float

    @property
    def order(self) -> tuple[bool, float, float]:
        """From left to right so that few lines cross: of those that go down, the lowest first; of the others the highest."""
        down = self.first + self.last >= 2 * self.begin
        return down, -self.begin if down else self.begin, self.last


def _lanes(trunks: Sequence[_Trunk], columns: int) -> tuple[dict[tuple[int, object], int], list[int]]:
    """A lane for each, the same for several that do not meet, and how many lanes there are behind each column."""
    found, counts = {}, [0] * columns
    by_column: dict[int, list[_Trunk]] = defaultdict(list)
    for trunk in trunks:
        by_column[trunk.column].append(trunk)
    for column, ones in by_column.items():
        taken: list[list[tuple[float, float]]] = []
        for trunk in sorted(ones, key=lambda one: one.order):
            top, bottom = min(trunk.begin, trunk.first), max(trunk.begin, trunk.last)
            free = (
                number
                for number, spans in enumerate(taken)
                if all(
                    bottom + ROW < other_top or other_bottom + ROW < top for other_top, other_bottom in spans
                )
            )
            lane = next(itertools.chain(free, [len(taken)]))
            if lane == len(taken):
                taken.append([])
            taken[lane].append((top, bottom))
            found[trunk.key] = lane
        counts[column] = len(taken)
    return found, counts
