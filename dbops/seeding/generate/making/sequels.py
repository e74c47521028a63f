"""Times that come after others: of the row itself, or of the rows that it refers to."""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import TYPE_CHECKING

from dbops.seeding.draw import words
from dbops.seeding.generate.model import After, How
from dbops.seeding.generate.spaces.times import SECOND, Times

if TYPE_CHECKING:
    from dbops.seeding.generate.making.rows import Block


def times_after(block: Block, name: str, maker: After) -> list[int]:
    """Times in microseconds that come after others of the row, or after those of the parents' rows."""
    if maker.otherwise is not None:
        return _after_parents(block, name, maker, maker.otherwise)
    before = [block.moments(column) for column in maker.columns]
    return _soon(block, name, maker, before[0] if len(before) == 1 else list(map(max, *before)))


def _soon(block: Block, name: str, maker: After, latest: Sequence[int]) -> list[int]:
    drawn = words(block.maker.seed, block.stream(name), block.number, block.count)
    unit, room = SECOND, maker.most - maker.least + 1
    # Most follow soon: the square of an even number is small more often.
    waits = [((word * word >> 32) * room >> 32) + maker.least for word in drawn]
    return list(map(add, latest, [wait * unit for wait in waits]))


def _after_parents(block: Block, name: str, maker: After, otherwise: Times) -> list[int]:
    """From the parents' times on until the last that may be, sooner more often."""
    own = otherwise.moments(block.numbers(name, otherwise.size, How.DRAWN))
    drawn = words(block.maker.seed, block.stream(f"{name}/after"), block.number, block.count)
    last, least = otherwise.moments((otherwise.size - 1,))[0], maker.least * SECOND
    parents = [_of_parents(block, *pair) for pair in maker.parents]
    made = []
    for mine, word, row in zip(own, drawn, zip(*parents, strict=True), strict=True):
        latest = max((one for one in row if one is not None), default=None)
        if latest is None:
            made.append(mine)
            continue
        room = max(last - latest, maker.most * SECOND) - least
        made.append(latest + least + ((word * word >> 32) * room >> 32) // SECOND * SECOND)
    return made


def _of_parents(block: Block, name: str, column: str) -> Sequence[int | None]:
    """The times of the parents' rows; None where there is no parent."""
    reference = block.named_reference(name)
    if reference is None:  # its table got no rows
        return [None] * block.count
    times: list[int | None] = []
    for parent in block.parent_blocks(reference):
        made, kept = parent.moments(column), parent.kept()
        times += made if kept is None else map(made.__getitem__, kept)
    return list(map([*times, None].__getitem__, block.picks(reference)))
