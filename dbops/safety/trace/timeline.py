"""Where in a picture the statements and locks of a trace stand: the geometry of its timeline, in pixels."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence

from dbops.safety.trace.model import HeldLock, TracedMigration, TracedStatement

WIDTH = 960.0
"""At least as wide is the whole."""
_MANY = 1800.0
"""So wide are statements in all, without what their time adds, before each gets less; but not less than `_LEAST`."""
_STATEMENT, _LEAST, _PER_DOUBLING, _GAP, _LETTER = 22.0, 8.0, 12.0, 4.0, 7.0
_UNIT = 0.01  # seconds; what is much shorter gets the least width alone
_NARROWEST = 3.0


@dataclasses.dataclass(frozen=True)
class Span:
    """From `left` to `right`."""

    left: float
    right: float

    @property
    def width(self) -> float:
        """Never negative."""
        return self.right - self.left


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Every statement has a width that grows with the logarithm of its time: an hour and a millisecond stay legible.

    :param migrations: where each stands.
    :param statements: of each migration, where each of its statements stands.
    """

    migrations: tuple[Span, ...]
    statements: tuple[tuple[Span, ...], ...]
    _stretches: tuple[_Stretch, ...]

    @property
    def width(self) -> float:
        """Of the whole."""
        return self._stretches[-1].span.right if self._stretches else WIDTH

    def lock(self, lock: HeldLock, statement: Span, took: TracedStatement) -> Span:
        """Where a lock stands that a statement took: never left of the statement, never too narrow to be seen."""
        stretch = _Stretch(took.began, took.began + took.seconds, statement)
        left = stretch.at(lock.began)
        right = stretch.at(lock.ended) if lock.ended <= stretch.ended else self._at(lock.ended)
        return Span(min(left, self.width - _NARROWEST), min(max(right, left + _NARROWEST), self.width))

    def _at(self, moment: float) -> float:
        """The rightmost place of a moment."""
        index = bisect.bisect_right(self._stretches, moment, key=lambda one: one.began)
        return self._stretches[max(index - 1, 0)].at(moment)


@dataclasses.dataclass(frozen=True)
class _Stretch:
    """A piece of the axis, within which time runs evenly."""

    began: float
    ended: float
    span: Span
    statement: bool = False

    def at(self, moment: float) -> float:
        if self.ended <= self.began:
            return self.span.left if moment < self.ended else self.span.right
        part = (moment - self.began) / (self.ended - self.began)
        return self.span.left + self.span.width * min(max(part, 0.0), 1.0)


def timeline(migrations: Sequence[TracedMigration]) -> Timeline:
    """Lay out all statements, one behind the other."""
    count = sum(len(migration.statements) for migration in migrations)
    least = min(_STATEMENT, max(_LEAST, _MANY / max(count, 1)))
    pieces = [_pieces(migration, least) for migration in migrations]
    wanted = sum(piece.width for migration in pieces for piece in migration)
    factor = max(1.0, WIDTH / wanted) if wanted else 1.0
    edge, laid = 0.0, []
    for migration in pieces:
        stretches = []
        for piece in migration:
            span = Span(edge, edge + piece.width * factor)
            stretches.append(_Stretch(piece.began, piece.ended, span, piece.statement))
            edge = span.right
        laid.append(stretches)
    return Timeline(
        tuple(Span(stretches[0].span.left, stretches[-1].span.right) for stretches in laid),
        tuple(tuple(one.span for one in stretches if one.statement) for stretches in laid),
        tuple(itertools.chain.from_iterable(laid)),
    )


@dataclasses.dataclass(frozen=True)
class _Piece:
    began: float
    ended: float
    width: float
    statement: bool


def _pieces(migration: TracedMigration, least: float) -> list[_Piece]:
    """A migration's statements and the gaps around them, wide enough together for its version to stand above."""
    pieces = list(_unfitted(migration, least))
    wanted = 2 * _LETTER + _LETTER * min(len(migration.version), 16)
    factor = max(1.0, wanted / sum(piece.width for piece in pieces))
    return [dataclasses.replace(piece, width=piece.width * factor) for piece in pieces]


def _unfitted(migration: TracedMigration, least: float) -> Iterator[_Piece]:
    now = migration.began
    for one in migration.statements:
        began = max(now, one.began)
        yield _Piece(now, began, least * _GAP / _STATEMENT + _grown(began - now) / 2, statement=False)
        now = max(began, one.began + one.seconds)
        yield _Piece(began, now, least + _grown(now - began), statement=True)
    ended = max(now, migration.began + migration.seconds)
    yield _Piece(now, ended, _GAP + _grown(ended - now) / 2, statement=False)


def _grown(seconds: float) -> float:
    """The width that time adds."""
    return _PER_DOUBLING * math.log2(1 + max(seconds, 0.0) / _UNIT)
