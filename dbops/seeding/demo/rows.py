"""Rows of the base tables as COPY text, and as the audit trail has them.

The two have the same values: `Record` holds each once, and writes it in both ways.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from dbops.seeding.demo.text import NULL

COLUMNS: dict[str, tuple[str, ...]] = {
    "users": (
        "id", "username", "email", "password_hash", "full_name", "role", "status", "country", "timezone",
        "last_login_at", "created_at", "updated_at",
    ),
    "accounts": (
        "id", "user_id", "account_number", "account_type", "currency", "initial_balance", "balance", "leverage",
        "status", "opened_at", "closed_at", "created_at", "updated_at",
    ),
    "sessions": (
        "id", "account_id", "symbol", "name", "strategy", "status", "parameters", "notes", "settlement_required",
        "settlement_completed", "settled_at", "started_at", "ended_at", "created_at", "updated_at", "pairs",
        "pair_count",
    ),
    "risk_limits": (
        "id", "account_id", "symbol", "limit_type", "limit_value", "warning_percent", "action", "enabled",
        "approved_by", "created_at", "updated_at",
    ),
    "orders": (
        "id", "account_id", "session_id", "symbol", "client_order_id", "side", "order_type", "time_in_force",
        "quantity", "limit_price", "stop_price", "filled_quantity", "average_fill_price", "status",
        "reject_reason", "attributes", "placed_at", "expires_at", "updated_at", "pair_index",
    ),
    "fills": (
        "id", "order_id", "session_id", "symbol", "side", "price", "quantity", "fee", "liquidity",
        "execution_id", "executed_at", "created_at",
    ),
    "trades": (
        "id", "account_id", "session_id", "symbol", "direction", "quantity", "entry_order_id", "exit_order_id",
        "entry_price", "exit_price", "conversion_rate", "realized_pnl", "fees", "opened_at", "closed_at",
        "created_at",
    ),
    "positions": (
        "id", "account_id", "symbol", "net_quantity", "average_price", "realized_pnl", "opened_at", "updated_at",
    ),
    "order_routes": (
        "id", "order_id", "attempt", "liquidity_provider_id", "routing_rule_id", "quantity", "status",
        "provider_order_id", "reject_reason", "sent_at", "responded_at",
    ),
    "risk_events": (
        "id", "risk_limit_id", "circuit_breaker_id", "account_id", "session_id", "order_id", "symbol",
        "event_type", "severity", "observed_value", "limit_value", "action_taken", "details", "occurred_at",
        "resolved_at", "resolved_by",
    ),
    "risk_snapshots": (
        "id", "account_id", "taken_at", "balance", "unrealized_pnl", "margin_used", "gross_notional",
        "open_orders", "drawdown_percent",
    ),
    "audit_log": (
        "table_name", "row_id", "operation", "new_row", "changed_at", "transaction_id", "database_user",
        "application_name", "client_address",
    ),
}  # fmt: skip

_SECRET = {"users": "password_hash"}  # what the trigger leaves out

Value = tuple[str, str]
"""As COPY text, and as JSON."""

NOTHING: Value = (NULL, "null")
YES: Value = ("t", "true")
NO: Value = ("f", "false")


def text(value: str | None) -> Value:
    """A string."""
    if value is None:
        return NOTHING
    quoted = json.dumps(value, ensure_ascii=False)
    return escaped(value), quoted


def word(value: str) -> Value:
    """A string of letters, digits and what needs no quoting: an id, a state, a symbol."""
    return value, f'"{value}"'


def number(value: str) -> Value:
    """A number, with all the digits of its column."""
    return value, value


def document(value: object) -> Value:
    """A value of type jsonb."""
    written = json.dumps(value, ensure_ascii=False)
    return escaped(written), written


def escaped(value: str) -> str:
    """A string as COPY takes it."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A row of a table whose new rows the audit trail records; `created` is its time as COPY text."""

    table: str
    values: Sequence[Value]
    created: str

    def row(self) -> str:
        """The row as COPY text."""
        return "\t".join([value[0] for value in self.values])

    def audit(self) -> str:
        """The row that the trigger would have written to audit_log, as COPY text."""
        secret = _SECRET.get(self.table)
        pairs = [
            f'"{name}": {value[1]}'
            for name, value in zip(COLUMNS[self.table], self.values, strict=True)
            if name != secret
        ]
        new_row = escaped(f"{{{', '.join(pairs)}}}")
        # Of no transaction and no client of this server: else two runs would differ.
        return (
            f"{self.table}\t{self.values[0][0]}\tINSERT\t{new_row}\t{self.created}\t0\tdbops"
            f"\tdbops seed-test-data\t{NULL}"
        )
