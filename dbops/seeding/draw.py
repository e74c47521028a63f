"""Random numbers that are the same on every machine: columns of a block, permutations, UUIDs.

A table is made in blocks of `BLOCK` rows and column by column.  The numbers of one column of one block are the
output of SHAKE-128 over "seed/stream/block", where the stream names the table and the column ("orders/price").
So a value depends on the seed, the stream and its row number alone: not on the other columns, not on who makes
the block or when.  The first numbers of a block are the same whatever `count` is asked for.

Everything here is integer arithmetic: a float's last bit may differ between platforms, and `random` may change
with Python.  Speed comes from working on whole columns:

    names = list(map(table.__getitem__, shorts(seed, "users/name", block, count, bits=12)))

is a weighted choice at 20 to 50 ns a row, where `table = spread(pool, weights, bits=12)`.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from hashlib import shake_128
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")

BLOCK = 4096  # rows of a block; every value ever made depends on it

_ROOT_3 = 7439101574  # of the variance of a sum of uniforms; times 2**32


def _digest(seed: int, stream: str, block: int | str, size: int) -> bytes:
    return shake_128(f"{seed}/{stream}/{block}".encode(), usedforsecurity=False).digest(size)


def _column(code: str, drawn: bytes) -> array[int]:
    column = array(code, drawn)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def octets(seed: int, stream: str, block: int, count: int = BLOCK) -> bytes:
    """`count` numbers of 8 bits."""
    return _digest(seed, stream, block, count)


def shorts(seed: int, stream: str, block: int, count: int = BLOCK, *, bits: int = 16) -> array[int]:
    """`count` numbers of `bits` bits, at most 16: indices into a table of 2**bits entries (see `spread`)."""
    drawn = _digest(seed, stream, block, 2 * count)
    if bits < 16:
        # One "and" over the whole column, as one long integer: the mask is the same in every place.
        mask = int.from_bytes(((1 << bits) - 1).to_bytes(2, "little") * count, "little")
        drawn = (int.from_bytes(drawn, "little") & mask).to_bytes(2 * count, "little")
    return _column("H", drawn)


def words(seed: int, stream: str, block: int, count: int = BLOCK) -> array[int]:
    """`count` numbers of 32 bits."""
    return _column("I", _digest(seed, stream, block, 4 * count))


def longs(seed: int, stream: str, block: int, count: int = BLOCK) -> array[int]:
    """`count` numbers of 64 bits."""
    return _column("Q", _digest(seed, stream, block, 8 * count))


def below(drawn: array[int], size: int) -> list[int]:
    """The drawn numbers brought into 0 <= number < size, evenly.

    The bias is at most size / 2**32 for words, size / 2**64 for longs: draw longs for what goes into the billions.
    """
    bits = 8 * drawn.itemsize
    return [number * size >> bits for number in drawn]


def between(drawn: array[int], low: int, high: int) -> list[int]:
    """The drawn numbers brought into low <= number <= high, evenly."""
    bits, size = 8 * drawn.itemsize, high - low + 1
    return [low + (number * size >> bits) for number in drawn]


def skewed(drawn: array[int], size: int) -> list[int]:
    """The drawn numbers brought into 0 <= number < size, small ones more often: the first tenth gets a third.

    For pools that begin with what is common, and for parents of which few have many children.
    """
    bits = 16 * drawn.itemsize
    return [number * number * size >> bits for number in drawn]


def spread(values: Sequence[T], weights: Iterable[int] | None = None, *, bits: int = 12) -> list[T]:
    """A table of 2**bits entries with each value as often as its weight says, to be indexed by `shorts`.

    Without weights all are alike.  A value of a weight too small for one entry of its own may be left out.
    """
    bounds = thresholds([1] * len(values) if weights is None else weights, bits=bits)
    table: list[T] = []
    for value, bound in zip(values, bounds, strict=True):
        table += [value] * (bound - len(table))
    return table


def thresholds(weights: Iterable[int], *, bits: int = 32) -> list[int]:
    """Where each weight's share of 2**bits ends, for `spread`; the last is 2**bits.

    Raises ValueError if no weight is above zero.
    """
    sums = list(accumulate(weights))
    if not sums or sums[-1] <= 0:
        raise ValueError("no weight above zero")
    return [(bound << bits) // sums[-1] for bound in sums]


def normals(seed: int, stream: str, block: int, deviation: int, count: int = BLOCK) -> list[int]:
    """`count` integers spread like a bell around 0 with this standard deviation; none is beyond 3.47 of it.

    Sums of four uniform numbers: small deviations (below ten) come out coarse, so scale before, divide after.
    """
    drawn = words(seed, stream, block, 4 * count)
    factor = deviation * _ROOT_3
    fours = zip(drawn[0::4], drawn[1::4], drawn[2::4], drawn[3::4], strict=True)
    return [(a + b + c + d - (2 << 32)) * factor >> 64 for a, b, c, d in fours]


class Permutation:
    """The numbers 0 to size - 1 in another order: unique values by construction.

    Two rounds of multiply and fold on the next power of two; what falls outside walks on along its cycle until
    it is inside, which keeps the mapping one to one.  Raises ValueError if size is below 1.
    """

    def __init__(self, seed: int, stream: str, size: int) -> None:
        if size < 1:
            raise ValueError("a permutation of nothing")
        self.size = size
        bits = (size - 1).bit_length()
        self._mask = (1 << bits) - 1
        self._fold = bits // 2 + 1
        self._first, self._add, self._second = _constants(seed, f"{stream}/permutation", bits, 3)

    def __call__(self, n: int) -> int:
        """Where the number n goes.  Raises IndexError outside 0 <= n < size."""
        return self.block(n, 1)[0]

    def block(self, first: int, count: int) -> list[int]:
        """Where the numbers from `first` on go.  Raises IndexError if they are not all below size."""
        if first < 0 or first + count > self.size:
            raise IndexError(f"{first} and {count} on is not within {self.size}")
        return self.of(range(first, first + count))

    def of(self, numbers: Iterable[int]) -> list[int]:
        """Where these numbers go, each of which must be within 0 <= number < size."""
        size, moved = self.size, self._rounds(numbers)
        outside = [place for place, number in enumerate(moved) if number >= size]
        while outside:
            again = self._rounds([moved[place] for place in outside])
            for place, number in zip(outside, again, strict=True):
                moved[place] = number
            outside = [place for place, number in zip(outside, again, strict=True) if number >= size]
        return moved

    def _rounds(self, numbers: Iterable[int]) -> list[int]:
        mask, fold, first, add, second = self._mask, self._fold, self._first, self._add, self._second
        return [
            (y := ((x := n * first + add & mask) ^ x >> fold) * second & mask) ^ y >> fold for n in numbers
        ]


class Uuids:
    """A UUID for each number from 0 to 2**60 - 1, in the form of version 4; no two alike.

    The lowest 60 bits are a bijection of the number; the upper ones follow from the same multiplication.
    """

    def __init__(self, seed: int, stream: str) -> None:
        self._first, self._add = _constants(seed, f"{stream}/uuid", 60, 2)
        (self._spread,) = _constants(seed, f"{stream}/uuid/spread", 128, 1)

    def __call__(self, n: int) -> str:
        """The UUID of the number n, 36 characters."""
        return self.of((n,))[0]

    def block(self, first: int, count: int) -> list[str]:
        """The UUIDs of `count` numbers from `first` on."""
        return self.of(range(first, first + count))

    def of(self, numbers: Iterable[int]) -> list[str]:
        """The UUIDs of these numbers."""
        first, add, wide = self._first, self._add, self._spread
        low, all_bits = (1 << 60) - 1, (1 << 128) - 1
        drawn = [((x := n * first + add & low) ^ x >> 31) * wide & all_bits for n in numbers]
        return _written(("%032x" * len(drawn) % tuple(drawn)).encode("ascii"), len(drawn))


_PATTERN = b"xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx\n"
_VARIANT = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)


def _written(digits: bytes, count: int) -> list[str]:
    """Hexadecimal digits, 32 a row, in the form of UUIDs: all rows' first digits at once, then the second..."""
    text = bytearray(_PATTERN * count)
    for place, (digit, kind) in enumerate(
        (digit, kind) for digit, kind in enumerate(_PATTERN[:-1]) if kind != ord("-")
    ):
        column = digits[place::32]
        if kind == ord("v"):
            column = column.translate(_VARIANT)
        if kind != ord("4"):
            text[digit :: len(_PATTERN)] = column
    return text.decode("ascii").split("\n")[:count]


def _constants(seed: int, stream: str, bits: int, count: int) -> list[int]:
    """Odd numbers of as many bits: a product with one, cut to these bits, loses nothing."""
    size = bits // 8 + 1
    drawn = _digest(seed, stream, "constants", size * count)
    mask = (1 << bits) - 1
    return [
        int.from_bytes(drawn[place : place + size], "little") & mask | 1
        for place in range(0, size * count, size)
    ]
