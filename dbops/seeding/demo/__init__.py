"""A trading firm's life in the project's own schema: clients, orders, fills, trades, positions, risk.

`plan` decides how many rows of what; `DemoSource` makes them, block by block; `conclude` writes what the rows say
of the fixture sets' circuit breakers; `check` proves with SQL that everything adds up.

A block is `ACCOUNTS` accounts with all that belongs to them, so blocks need nothing of each other.  Time within
the package is whole milliseconds since the midnight (UTC) on which the history begins; money, prices and quantities
are whole hundred-millionths (the scale of the schema's numeric columns), prices mostly ticks, quantities lots.
"""

from dbops.seeding.demo.checking import Finding, check
from dbops.seeding.demo.concluding import conclude
from dbops.seeding.demo.model import TABLES, DemoPlan
from dbops.seeding.demo.planning import SETTABLE, Request, plan
from dbops.seeding.demo.planning import check as check_request
from dbops.seeding.demo.source import DemoSource

__all__ = [
    "SETTABLE",
    "TABLES",
    "DemoPlan",
    "DemoSource",
    "Finding",
    "Request",
    "check",
    "check_request",
    "conclude",
    "plan",
]
