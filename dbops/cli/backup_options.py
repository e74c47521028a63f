"""The options of making a backup that are pg_dump's own."""

from __future__ import annotations

# What selects a part of the database, as pg_dump has it.
SELECTING = {
    "--table": "only tables like this (pg_dump's patterns)",
    "--exclude-table": "no tables like this",
    "--schema": "only schemas like this",
    "--exclude-schema": "no schemas like this",
    "--exclude-table-data": "of tables like this the definition alone",
}
SWITCHES = {
    "--schema-only": "definitions, no rows, and so no proof",
    "--no-large-objects": "leave large objects out",
}
