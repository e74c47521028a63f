"""Blocks of rows as the text that COPY reads, for `dbops.seeding.fill`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from dbops.engines.catalog import TableName
from dbops.seeding.fill import Destination
from dbops.seeding.generate.making.rows import Block, Maker, Texts
from dbops.seeding.generate.model import GeneratePlan

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_SPECIAL = ("\\", "\t", "\n", "\r")


class GenerateSource:
    """The rows of some of a plan's tables, table after table.  It is sent to the workers that make them."""

    def __init__(self, plan: GeneratePlan, tables: Sequence[TableName] | None = None) -> None:
        # The catalog is what the plan was made from; the workers need it no more.
        self._plan = dataclasses.replace(plan, catalog=type(plan.catalog)(()))
        chosen = [one for one in plan.tables if tables is None or one.table in tables]
        self.destinations = tuple(Destination(one.table, one.columns) for one in chosen)
        self.rows: Mapping[TableName, int] = {one.table: one.rows for one in chosen}
        self._parts = tuple(
            (place, number) for place, one in enumerate(chosen) for number in range(one.blocks)
        )
        self.blocks = len(self._parts)

    @cached_property
    def _maker(self) -> Maker:
        return Maker(self._plan)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_maker"}

    def make(self, block: int) -> Sequence[tuple[int, int, bytes]]:
        """The rows of a block: index into `destinations`, how many, and their text."""
        place, number = self._parts[block]
        destination = self.destinations[place]
        made = self._maker.block(destination.table, number)
        return [(place, made.size, copy_text(made, destination.columns))]


def copy_text(block: Block, columns: tuple[str, ...]) -> bytes:
    """A block in COPY's text form."""
    if not columns:
        return b"\n" * block.size
    written = [escaped(block.column(column)) for column in columns]
    rows = map("\t".join, zip(*written, strict=True)) if len(written) > 1 else iter(written[0])
    text = "\n".join(rows)
    return (text + "\n").encode() if block.size else b""


def escaped(texts: Texts) -> list[str]:
    """Texts as COPY writes them, NULL as a backslash and N."""
    # No text of a database holds a zero byte, so that it can stand for NULL while all are looked at together.
    marked = (
        ["\0" if text is None else text for text in texts]
        if None in texts
        else cast("list[str]", list(texts))
    )
    joined = "".join(marked)
    if any(special in joined for special in _SPECIAL):
        marked = [text.translate(_ESCAPES) for text in marked]
    return ["\\N" if text == "\0" else text for text in marked] if "\0" in joined else marked
