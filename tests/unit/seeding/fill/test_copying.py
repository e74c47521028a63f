"""In which order parts are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbops.seeding.fill import Part
from dbops.seeding.fill.copying import in_batches

WAITING, AT_ONCE = 40, 100


def _written(*blocks: Sequence[Part]) -> list[tuple[int, int, bytes]]:
    """Batch, destination and text of each part."""
    found = in_batches(blocks, WAITING, AT_ONCE)
    return [(batch, index, text) for batch, (index, _, text) in found]


def _part(index: int, text: str) -> Part:
    return index, 1, text.encode()


def test_what_goes_to_one_table_comes_together() -> None:
    """Parents of several blocks, then their children: in the order of destinations, and of blocks within each."""
    blocks = [[_part(0, f"p{n}"), _part(1, f"c{n}"), _part(2, f"g{n}")] for n in range(3)]
    assert [text for *_, text in _written(*blocks)] == [
        b"p0", b"p1", b"p2", b"c0", b"c1", b"c2", b"g0", b"g1", b"g2",
    ]  # fmt: skip


def test_only_so_much_waits() -> None:
    """After so many bytes that wait a batch ends, at the end of a block."""
    blocks = [[_part(0, "p"), _part(1, "c" * 15)] for _ in range(4)]
    assert [(batch, index) for batch, index, _ in _written(*blocks)] == [
        (0, 0), (0, 0), (0, 0), (0, 1), (0, 1), (0, 1), (1, 0), (1, 1),
    ]  # fmt: skip


def test_one_table_alone_does_not_wait() -> None:
    """Its parts are written as they are made; a batch ends after so many bytes."""
    asked: list[int] = []

    def blocks() -> Iterator[Sequence[Part]]:
        for number in range(6):
            asked.append(number)
            yield [_part(1, "x" * 30)]

    seen = [(batch, len(asked)) for batch, _ in in_batches(blocks(), WAITING, AT_ONCE)]
    assert seen == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6)]


def test_tables_one_after_the_other() -> None:
    """The second table's first parts may wait, its later ones come as they are made."""
    blocks = [[_part(0, "a")], *([_part(1, "b" * 25)] for _ in range(4))]
    assert [(batch, index) for batch, index, _ in _written(*blocks)] == [
        (0, 0), (0, 1), (0, 1), (1, 1), (1, 1),
    ]  # fmt: skip
    assert _written() == []
