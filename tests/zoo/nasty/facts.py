"""What the rows of a good filler show beside breaking no rule: variety where the schema leaves room for it."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.zoo.nasty.rules import tables

KNOWN_UNSATISFIABLE: dict[str, dict[str, str]] = {
    "ledger": {
        "ledger.bank_transfers": "the check reference_is_valid asks a PL/pgSQL function for a checksum",
        "ledger.period_closings": "the trigger only_the_closing_run refuses every row",
    }
}
"""Schema to table to why nobody who reads the catalog can fill it.  No other table depends on one of them."""

FACTS: dict[str, dict[str, str]] = {
    "shop": {
        "settings has its one row": "SELECT count(*) = 1 FROM settings",
        "some addresses are the default ones": "SELECT bool_or(is_default) FROM customer_addresses",
        "categories are a tree": "SELECT bool_or(parent_id IS NULL) AND bool_or(parent_id IS NOT NULL) FROM categories",
        "orders are in several states": "SELECT count(DISTINCT status) > 1 FROM orders",
        "payments are by several methods": "SELECT count(DISTINCT method) > 1 FROM payments",
        "coupons are of both kinds": "SELECT count(percent_off) > 0 AND count(amount_off) > 0 FROM coupons",
        "some products are discontinued": "SELECT count(discontinued_on) BETWEEN 1 AND count(*) - 1 FROM products",
        "numbers of orders come from their ids": "SELECT bool_and(order_no = 'SO-' || lpad(id::text, 9, '0')) FROM orders",
    },
    "hospital": {
        "rooms are of several kinds": "SELECT count(DISTINCT kind) > 1 FROM hospital.rooms",
        "some room is booked more than once": "SELECT count(*) > count(DISTINCT room_id) FROM hospital.bookings",
        "some shifts are cancelled": "SELECT bool_or(cancelled) AND NOT bool_and(cancelled) FROM hospital.shifts",
        "some diagnoses have companions": "SELECT bool_or(cardinality(other_diagnoses) > 0) FROM hospital.admissions",
        "some contacts are known": "SELECT bool_or((emergency).number IS NOT NULL) FROM hospital.staff",
        "blood pressure is there and is not": "SELECT count(systolic) BETWEEN 1 AND count(*) - 1 FROM hospital.vital_signs",
        "tariffs change": "SELECT count(*) > 1 FROM hospital.tariffs",
    },
    "hospital_contrib": {
        "several reservations": "SELECT count(*) > 1 FROM booking.reservations",
        "some lessons are cancelled": "SELECT bool_or(cancelled) AND NOT bool_and(cancelled) FROM booking.lessons",
        "mail is unique whatever the case": "SELECT count(DISTINCT lower(mail::text)) = count(*) FROM booking.members",
    },
    "erp": {
        "several tenants have people": "SELECT count(DISTINCT tenant_id) > 1 FROM hr.employees",
        "managers work in their department": "SELECT count(*) = (SELECT count(*) FROM hr.departments)"
        " FROM hr.departments d JOIN hr.employees e"
        " ON (e.tenant_id, e.id, e.department_id) = (d.tenant_id, d.manager_id, d.id)",
        "some have a supervisor": "SELECT count(supervisor_id) > 0 FROM hr.employees",
        "some requests are approved": "SELECT count(approved_at) BETWEEN 1 AND count(*) - 1 FROM hr.leave_requests",
        "some tasks wait for others": "SELECT count(after_task) > 0 FROM erp.tasks",
        "several contracts": "SELECT count(*) > 1 FROM erp.contracts",
    },
    "metering": {
        "every month has readings": "SELECT count(DISTINCT date_trunc('month', read_at AT TIME ZONE 'UTC')) = 3 FROM metering.readings",
        "several partitions have readings": "SELECT count(DISTINCT tableoid) >= 4 FROM metering.readings",
        "alarms of NULL severity, too": "SELECT count(severity) BETWEEN 1 AND count(*) - 1 FROM metering.alarms",
        "both years": "SELECT count(DISTINCT year) = 2 FROM metering.yearly",
        "tariffs in both partitions": "SELECT count(DISTINCT tableoid) = 2 FROM metering.tariff_events",
        "ids by the identity count from one": "SELECT min(id) >= 1 AND max(id) <= 30000 FROM metering.sites",
    },
    "cms": {
        "some pages have parents": 'SELECT count("Parent Page") BETWEEN 1 AND count(*) - 1 FROM content."Page"',
        "pages are in several states": 'SELECT count(DISTINCT state) > 1 FROM content."Page"',
        "items of both kinds": 'SELECT count(page) > 0 AND count(label) > 0 FROM content."order"',
        "some users have several roles": 'SELECT bool_or(cardinality("group") > 1) FROM content."user"',
        "words are found": "SELECT bool_or(words <> '') FROM content.translations",
        "columns are there and are not": "SELECT count(clicks) BETWEEN 1 AND count(*) - 1 FROM content.teasers",
    },
    "ledger": {
        "debit and credit": "SELECT count(debit) > 0 AND count(credit) > 0 FROM ledger.entries",
        "persons and companies": "SELECT count(person_name) > 0 AND count(company_name) > 0 FROM ledger.parties",
        "some periods are closed": "SELECT count(closed_at) BETWEEN 1 AND count(*) - 1 FROM ledger.periods",
        "some journals correct others": "SELECT count(corrects) > 0 FROM ledger.journals",
        "the trigger filled in": "SELECT bool_and(gross = round(quantity * unit_price * (1 + vat_rate / 100), 2)) FROM ledger.invoice_lines",
        "the trigger raised": "SELECT bool_and(tag = upper(tag)) FROM ledger.tags",
        "several ways to write off": "SELECT count(DISTINCT method) > 1 FROM ledger.assets",
    },
}
"""Schema to what holds, in words, to a query whose one value is then true."""


def unmet(connection: psycopg.Connection[Any], name: str) -> list[str]:
    """The facts of a schema that do not hold, and the tables that are empty though they can be filled."""
    known = {table for known in KNOWN_UNSATISFIABLE.values() for table in known}
    empty = [
        f"{table} is empty" for table, rows in tables(connection).items() if not rows and table not in known
    ]
    return empty + [what for what, query in FACTS[name].items() if not _holds(connection, query)]


def _holds(connection: psycopg.Connection[Any], query: str) -> bool:
    row = connection.execute(query.encode()).fetchone()
    return row is not None and row[0] is True
