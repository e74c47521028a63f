"""The nasty schemas themselves: each server takes them, they can be filled, and what breaks a rule is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.servers import Database
from tests.zoo import nasty

Connect = Callable[..., psycopg.Connection[Any]]


def _loaded(connection: psycopg.Connection[Any]) -> list[str]:
    """All schemas that the server can have, side by side in one database, with their rows by hand."""
    names = []
    for name, text in nasty.available(connection):
        connection.execute(text.encode())
        connection.execute(nasty.sample_rows(name).encode())
        names.append(name)
    return names


def test_every_server_takes_them(database: Database, connect: Connect) -> None:
    """An ordinary owner runs every schema; its rows by hand fill every table but the known ones and break no rule."""
    connection = connect(database)
    names = _loaded(connection)
    assert len(names) >= 6
    assert set(names) <= set(nasty.FACTS)
    assert nasty.violations(connection) == []
    assert {name: nasty.unmet(connection, name) for name in names} == {name: [] for name in names}


def test_what_cannot_be_filled_is_refused(database: Database, connect: Connect) -> None:
    """The known tables refuse what looks right, take what only their owners know, and are all there is."""
    connection = connect(database)
    _loaded(connection)
    transfer = "INSERT INTO ledger.bank_transfers (reference, amount) VALUES (%s, 1)"
    closing = "INSERT INTO ledger.period_closings VALUES ('2026-01-01', 1)"
    with pytest.raises(psycopg.errors.CheckViolation, match="reference_is_valid"):
        connection.execute(transfer, ["RF000000000000000099"])
    with pytest.raises(psycopg.errors.RaiseException, match="only the closing run"):
        connection.execute(closing)
    empty = {table for table, rows in nasty.tables(connection).items() if not rows}
    assert empty == {table for known in nasty.KNOWN_UNSATISFIABLE.values() for table in known}
    connection.execute(transfer, ["RF000000000000000098"])
    connection.execute("SET ledger.closing_run = 'yes'")
    connection.execute(closing)


BREAKS = {
    "hospital.patients: given_name is not null": (
        "ALTER TABLE hospital.patients ALTER given_name DROP NOT NULL",
        "UPDATE hospital.patients SET given_name = NULL WHERE died IS NULL",
    ),
    "public.stock: check stock_check": (
        "ALTER TABLE stock DROP CONSTRAINT stock_check",
        "UPDATE stock SET reserved = on_hand + 1",
    ),
    "public.customer_addresses: unique one_default_address": (
        "DROP INDEX one_default_address",
        "UPDATE customer_addresses SET is_default = true WHERE customer_id = 1",
    ),
    "public.customers: unique customers_email_key": (
        "DROP INDEX customers_email_key",
        "UPDATE customers SET email = 'ANN@shop.example' WHERE id = 2",
    ),
    "public.orders: foreign key orders_customer_id_bill_address_no_fkey": (
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_bill_address_no_fkey",
        "UPDATE orders SET bill_address_no = 9 WHERE customer_id = 1",
    ),
    "public.products: the sequence of id is past its values": (
        "ALTER SEQUENCE products_id_seq RESTART WITH 2",
        "SELECT 'nothing else is needed'",
    ),
    "content.order: foreign key order_page_locale_fkey": (
        'ALTER TABLE content."order" DROP CONSTRAINT order_page_locale_fkey',
        "UPDATE content.\"order\" SET locale = 'de' WHERE page IS NULL",
    ),
    "content.single: unique content.single_only_key": (
        "ALTER TABLE content.single DROP CONSTRAINT single_only_key",
        "INSERT INTO content.single VALUES (NULL)",
    ),
    "hospital.bookings: exclusion one_at_a_time": (
        "ALTER TABLE hospital.bookings DROP CONSTRAINT one_at_a_time",
        "UPDATE hospital.bookings SET during = '[2026-03-01 08:00+00,2026-03-01 09:00+00)'",
    ),
    "hospital.admissions: other_diagnoses[]: domain icd_code, icd_code_check": (
        "ALTER DOMAIN hospital.icd_code DROP CONSTRAINT icd_code_check",
        "UPDATE hospital.admissions SET other_diagnoses = '{K35-}' WHERE bed = 2",
    ),
    "metering_archive.readings_2026_03: its rows belong into the partition": (
        "ALTER TABLE metering.readings DETACH PARTITION metering_archive.readings_2026_03",
        "UPDATE metering_archive.readings_2026_03 SET read_at = '2026-04-01'",
    ),
    "metering_archive.readings_2026_03: check calibrated": (
        "ALTER TABLE metering_archive.readings_2026_03 DROP CONSTRAINT calibrated",
        "UPDATE metering_archive.readings_2026_03 SET raw = -1",
    ),
}
"""A rule, the statement that takes away what upholds it, and one that breaks it."""


@pytest.mark.one_major
def test_what_breaks_a_rule_is_found(database: Database, connect: Connect) -> None:
    """Rules that were read before are asked although their constraints are gone: each break shows, and nothing else."""
    connection = connect(database)
    _loaded(connection)
    asked = nasty.rules(connection)
    with connection.transaction(force_rollback=True):
        for take_away, break_it in BREAKS.values():
            connection.execute(take_away.encode())
            connection.execute(break_it.encode())
        found = sorted(nasty.violations(connection, asked))
    for line, label in zip(found, sorted(BREAKS), strict=True):
        assert line.startswith(f"{label}: ")
    assert nasty.violations(connection, asked) == []
