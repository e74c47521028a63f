"""Which table stands in which column of a picture, in which order: what is referred to is left of what refers to it.

A table goes into the first column behind all that it refers to in which its schema has room.  A reference that spans
several columns passes each of them in a place of its own, so that it crosses no table.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from dbops.engines.catalog import TableName
from dbops.safety.diagram.model import Box, Diagram, Link, Many

_SWEEPS = 8
_SQUARE = 0.8  # chains of references make it wider


@dataclasses.dataclass(frozen=True)
class Passage:
    """Where a net passes a column on its way to the next one."""

    net: int
    schema: str


Cell = Box | Passage


@dataclasses.dataclass(frozen=True)
class Net:
    """All references that leave a table's right side at one column, and with one mark there: they share their line.

    :param links: with whether it is the child that stands on the left, which a cycle brings about.
    :param column: number of the column of the picture that it begins in.
    """

    source: TableName
    links: tuple[tuple[Link, bool], ...]
    column: int


@dataclasses.dataclass(frozen=True)
class Layers:
    """The columns from left to right, in each what is in it from top to bottom; the schemas one below the other."""

    columns: tuple[tuple[Cell, ...], ...]
    nets: tuple[Net, ...]
    place: Mapping[TableName, int]


def layers(drawn: Diagram) -> Layers:
    """Place all tables and passages."""
    place = _columns(drawn)
    nets = _nets(drawn.links, place)
    columns: list[list[Cell]] = [[] for _ in range(max(place.values(), default=-1) + 1)]
    for box in drawn.boxes:
        columns[place[box.table]].append(box)
    schema = {box.table: box.schema for box in drawn.boxes}
    for number, net in enumerate(nets):
        for column in range(net.column + 1, max(place[target] for target in targets(net))):
            columns[column].append(Passage(number, schema[net.source]))
    return Layers(_ordered(columns, nets, place), nets, place)


def targets(net: Net) -> tuple[TableName, ...]:
    """The tables at its right ends."""
    return tuple(link.parent if reversed_ else link.child for link, reversed_ in net.links)


def _columns(drawn: Diagram) -> dict[TableName, int]:
    room = _room(drawn)
    parents, linked = defaultdict(set), set()
    for link in drawn.links:
        if link.child != link.parent:
            parents[link.child].add(link.parent)
            linked |= {link.child, link.parent}
    boxes = {box.table: box for box in drawn.boxes}
    order = list(_parents_first(sorted(linked), parents))
    order += [table for table in boxes if table not in linked]
    used: dict[tuple[str, int], int] = defaultdict(int)
    place: dict[TableName, int] = {}
    for table in order:
        box = boxes[table]
        column = max((place[parent] + 1 for parent in parents[table] if parent in place), default=0)
        while used[box.schema, column] and used[box.schema, column] + size(box) > room[box.schema]:
            column += 1
        used[box.schema, column] += size(box)
        place[table] = column
    return place


def size(box: Box) -> int:
    """How many lines high a table is, with its head and the space below it."""
    return len(box.lines) + 3


def _room(drawn: Diagram) -> dict[str, float]:
    """How many lines a schema may have in each column, so that the whole is about square."""
    total: dict[str, int] = defaultdict(int)
    highest: dict[str, int] = defaultdict(int)
    for box in drawn.boxes:
        total[box.schema] += size(box)
        highest[box.schema] = max(highest[box.schema], size(box))
    wide = 12  # lines are about as high as a column of tables is wide
    columns = max(1.0, math.sqrt(_SQUARE * sum(total.values()) / wide))
    return {schema: max(highest[schema], total[schema] / columns) for schema in total}


def _parents_first(
    tables: Sequence[TableName], parents: Mapping[TableName, set[TableName]]
) -> Iterator[TableName]:
    """Every table behind those that it refers to; of those in a circle, the one with the first name comes last."""
    begun: set[TableName] = set()
    for root in tables:
        stack = [] if root in begun else [(root, iter(sorted(parents[root])))]
        begun.add(root)
        while stack:
            table, rest = stack[-1]
            following = next((one for one in rest if one not in begun), None)
            if following is None:
                stack.pop()
                yield table
            else:
                begun.add(following)
                stack.append((following, iter(sorted(parents[following]))))


def _nets(links: Sequence[Link], place: Mapping[TableName, int]) -> tuple[Net, ...]:
    groups: dict[tuple[TableName, tuple[str, ...], Many, bool], list[tuple[Link, bool]]] = defaultdict(list)
    for link in links:
        if link.child == link.parent:
            continue  # drawn at its table's side, without a net
        turned = place[link.child] < place[link.parent]
        source = link.child if turned else link.parent
        port = link.columns[:1] if turned else link.referred[:1]
        mark = link.children if turned else link.parents
        groups[source, port, mark, turned].append((link, turned))
    return tuple(Net(key[0], tuple(found), place[key[0]]) for key, found in groups.items())


# -- the order within a column -----------------------------------------------------------------------------------------

Spot = tuple[int, str, str, int]
"""What tells cells apart: the column, schema and table; or the number of the net that passes."""


def spot(column: int, cell: Cell) -> Spot:
    """That of a cell."""
    return (column, "", "", cell.net) if isinstance(cell, Passage) else (column, *cell.table, -1)


def hops(nets: Sequence[Net], place: Mapping[TableName, int]) -> Iterator[tuple[int, Spot, Spot]]:
    """Each way from one column to the next: the number of its net, where it comes from, where it leads to."""
    for number, net in enumerate(nets):
        last = max(place[target] for target in targets(net))
        before: Spot = (net.column, *net.source, -1)
        for column in range(net.column + 1, last + 1):
            for target in sorted(set(targets(net))):
                if place[target] == column:
                    yield number, before, (column, *target, -1)
            if column < last:
                passage = (column, "", "", number)
                yield number, before, passage
                before = passage


def _ordered(
    columns: list[list[Cell]], nets: Sequence[Net], place: Mapping[TableName, int]
) -> tuple[tuple[Cell, ...], ...]:
    """Each cell near the middle of those that it is connected with, looked at from left and right in turn."""
    left: dict[Spot, list[Spot]] = defaultdict(list)
    right: dict[Spot, list[Spot]] = defaultdict(list)
    for _, before, after in hops(nets, place):
        left[after].append(before)
        right[before].append(after)
    for number, column in enumerate(columns):
        column.sort(key=lambda cell, number=number: (cell.schema, spot(number, cell)))  # type: ignore[misc]  # an int
    heights: dict[Spot, float] = {}
    for number, column in enumerate(columns):
        heights |= _heights(number, column)
    for sweep in range(_SWEEPS):
        numbers = range(len(columns))
        for number in numbers if sweep % 2 == 0 else reversed(numbers):
            _sort(number, columns[number], left if sweep % 2 == 0 else right, heights)
            heights |= _heights(number, columns[number])
    return tuple(map(tuple, columns))


def _heights(number: int, column: Sequence[Cell]) -> dict[Spot, float]:
    """How far down in its column a cell is, from 0 to 1."""
    return {spot(number, cell): (at + 0.5) / len(column) for at, cell in enumerate(column)}


def _sort(
    number: int, column: list[Cell], near: Mapping[Spot, Sequence[Spot]], heights: Mapping[Spot, float]
) -> None:
    def wanted(cell: Cell) -> tuple[str, float, Spot]:
        mine = spot(number, cell)
        connected = [heights[one] for one in near.get(mine, ())] or [heights[mine]]
        return cell.schema, sum(connected) / len(connected), mine

    column.sort(key=wanted)
