"""A trading firm's life in the project's own schema: clients, orders, fills, trades, positions, risk.

`plan` decides how many rows of what; `DemoSource` makes them, block by block; `conclude` writes what the rows say
of the fixture sets' circuit breakers; `check` proves with SQL that everything adds up.

A block is `ACCOUNTS` accounts with all that belongs to them, so blocks need nothing of each other.  Time within
the package is whole milliseconds since the midnight (UTC) on which the history begins; money, prices and quantities
are whole hundred-millionths (the scale of the schema's numeric columns), prices mostly ticks, quantities lots.
"""
