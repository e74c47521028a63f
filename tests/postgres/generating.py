"""Generating rows as tests do it: plan and fill in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from dbops.engines.catalog import Catalog
from dbops.engines.postgres.catalog import read
from dbops.seeding.generate.filling import Outcome, generate
from dbops.seeding.generate.making.source import GenerateSource
from dbops.seeding.generate.model import GeneratePlan, Request
from dbops.seeding.generate.planner import plan
from dbops.seeding.postgres.engine import Postgres
from dbops.seeding.postgres.probe import PostgresProbe

Connection = psycopg.Connection[Any]
SCHEMA = Path(__file__).with_name("generate_kinds.sql").read_text(encoding="utf-8")
EXTENSIONS = Path(__file__).with_name("generate_extensions.sql").read_text(encoding="utf-8")


def planned(connection: Connection, request: Request) -> GeneratePlan:
    """The plan for the database as it is."""
    with connection.transaction():
        return plan(read(connection), request, PostgresProbe(connection))


def filled(connection: Connection, request: Request) -> Outcome:
    """Plan and fill, every constraint checked before the commit."""
    with connection.transaction():
        outcome = generate(Postgres(connection), plan(read(connection), request, PostgresProbe(connection)))
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return outcome


def text_of(made: GeneratePlan) -> dict[str, bytes]:
    """Everything that a plan makes, by table."""
    source = GenerateSource(made)
    found: dict[str, bytes] = {}
    for block in range(source.blocks):
        for place, _, text in source.make(block):
            name = ".".join(source.destinations[place].table)
            found[name] = found.get(name, b"") + text
    return found


def counts(connection: Connection, catalog: Catalog) -> dict[str, int]:
    """Rows of every table."""
    found = {}
    for table in catalog.tables:
        name = psycopg.sql.Identifier(*table.id)
        row = connection.execute(psycopg.sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
        assert row is not None
        found[table.name] = row[0]
    return found
