"""What the demo data change in rows that the fixture sets brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbops.seeding.demo.model import DemoPlan

if TYPE_CHECKING:
    import psycopg

_TRIPPED = """
SELECT b.id, max(e.occurred_at) AS last
FROM public.circuit_breakers AS b JOIN public.risk_events AS e ON e.circuit_breaker_id = b.id
GROUP BY b.id
"""
# Where the time of the change is not given, a trigger takes the server's, and no two runs are alike.
_UPDATE = f"""
UPDATE public.circuit_breakers AS b SET tripped_at = t.last, updated_at = t.last,
    state = CASE WHEN t.last + b.cooldown_seconds * interval '1 second' > %(as_of)s THEN 'tripped' ELSE 'armed' END
FROM ({_TRIPPED}) AS t WHERE t.id = b.id AND b.state <> 'disabled'
"""
# The row of the audit trail that the trigger would have written, of no transaction and no client.
_AUDITED = f"""
WITH changed AS ({_UPDATE} RETURNING b.*)
INSERT INTO public.audit_log (table_name, row_id, operation, old_row, new_row, changed_columns, changed_at,
    transaction_id, database_user, application_name, client_address)
SELECT 'circuit_breakers', n.id::text, 'UPDATE', o.row, to_jsonb(n.*), array_remove(ARRAY[
        CASE WHEN o.state <> n.state THEN 'state' END, 'tripped_at', 'updated_at'], NULL),
    n.tripped_at, 0, 'dbops', 'dbops seed-test-data', NULL
FROM changed AS n JOIN (SELECT b.id, b.state, to_jsonb(b.*) AS row FROM public.circuit_breakers AS b) AS o ON o.id = n.id
ORDER BY n.name COLLATE "C"
"""
_TRIGGERS = """
SELECT tgname FROM pg_catalog.pg_trigger
WHERE tgrelid = 'public.circuit_breakers'::regclass AND NOT tgisinternal AND tgenabled = 'O'
"""


def conclude(connection: psycopg.Connection[Any], plan: DemoPlan) -> None:
    """Write into the circuit breakers when they tripped; to be called after the rows are there, in the transaction.

    With the plan's `fast` their triggers are left out, and the audit rows made alike.
    """
    values = {"as_of": _timestamp(plan.as_of)}
    if not plan.fast:
        connection.execute(_UPDATE, values)
        return
    from psycopg import sql

    change = sql.SQL("ALTER TABLE public.circuit_breakers {} TRIGGER {}")
    names = [sql.Identifier(row[0]) for row in connection.execute(_TRIGGERS)]
    for name in names:
        connection.execute(change.format(sql.SQL("DISABLE"), name))
    connection.execute(_AUDITED, values)
    for name in names:
        connection.execute(change.format(sql.SQL("ENABLE"), name))


def _timestamp(milliseconds: int) -> str:
    import datetime

    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (epoch + datetime.timedelta(milliseconds=milliseconds)).isoformat()
