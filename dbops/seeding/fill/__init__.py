"""Filling tables with many rows: blocks of COPY text are made, by several processes, and one session writes them."""

from dbops.seeding.fill.filling import fill
from dbops.seeding.fill.making import WorkerFailed
from dbops.seeding.fill.model import (
    Destination,
    Filling,
    FillOptions,
    Part,
    Preparing,
    Rebuilding,
    Report,
    SeedFailed,
    Source,
    TableReport,
)
from dbops.seeding.fill.writer import Writer

__all__ = [
    "Destination",
    "FillOptions",
    "Filling",
    "Part",
    "Preparing",
    "Rebuilding",
    "Report",
    "SeedFailed",
    "Source",
    "TableReport",
    "WorkerFailed",
    "Writer",
    "fill",
]
