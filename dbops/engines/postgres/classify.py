"""What a parsed statement means for the transaction around it.

Source of what cannot run in a transaction block: the calls of PreventInTransactionBlock that the manual's
pages of the commands mention; each was tried on a server.  What only the catalog tells (REINDEX or CLUSTER
of a table that is partitioned, CALL of a procedure that commits) is left to the server.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Any

from dbops.engines.postgres import libpg_query, targets
from dbops.engines.postgres.targets import QualifiedName, Repeatable, Target, Unknowable

Node = Mapping[str, Any]


class Kind(enum.Enum):
    """How a statement stands to transactions."""

    TRANSACTIONAL = "transactional"
    ALONE = "alone"
    """Cannot run in a transaction block."""
    BEGIN = "begin"
    COMMIT = "commit"
    """Ends the block; PREPARE TRANSACTION (named in the reason) does too."""
    COMMIT_AND_CHAIN = "commit and chain"
    ROLLBACK = "rollback"
    ROLLBACK_AND_CHAIN = "rollback and chain"
    SET = "set"
    """Changes a setting of the session, which outlives the transaction."""
    UNKNOWN = "unknown"
    """Not in this parser's grammar: the server judges."""


@dataclasses.dataclass(frozen=True)
class AddedEnumValue:
    """ALTER TYPE `type` ADD VALUE `value`."""

    type: QualifiedName
    value: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the grammar tells about one statement.

    :param reason: for what cannot run in a transaction block: why, in SQL's words; else empty.
    :param target: what to look for in the catalog when it was interrupted; None where a transaction protects it.
    :param makes_temporary: makes something that lives only as long as the session.
    :param adds_enum_value: a value that cannot be used before the commit.
    :param creates_type: the enum type that it creates.
    :param procedure: a procedure that it creates and whose body commits or rolls back.
    :param calls: the procedure that it calls.
    """

    kind: Kind
    reason: str = ""
    target: Target | None = None
    makes_temporary: bool = False
    adds_enum_value: AddedEnumValue | None = None
    creates_type: QualifiedName | None = None
    procedure: QualifiedName | None = None
    calls: QualifiedName | None = None


TRANSACTIONAL = Facts(Kind.TRANSACTIONAL)
TEMPORARY = Facts(Kind.TRANSACTIONAL, makes_temporary=True)
UNKNOWN = Facts(Kind.UNKNOWN)


def alone(reason: str, target: Target) -> Facts:
    """Facts of a statement that cannot run in a transaction block."""
    return Facts(Kind.ALONE, reason, target)


def classify(statement: Node, text: bytes) -> Facts:
    """The facts of one node of the raw parse tree.

    :param text: the statement itself, for the PL/pgSQL in it.
    """
    ((name, node),) = statement.items()
    rule = _RULES.get(name)
    if rule is not None:
        return rule(node)
    with_body = _RULES_WITH_BODY.get(name)
    return TRANSACTIONAL if with_body is None else with_body(node, text)


# --- reading nodes ---------------------------------------------------------------------------------------


def _strings(nodes: Any) -> list[str]:
    return [node["String"]["sval"] for node in nodes or () if "String" in node]


def _name(parts: list[str]) -> QualifiedName:
    return QualifiedName(parts[-2] if len(parts) > 1 else None, parts[-1])


def _relation(node: Node) -> QualifiedName:
    return QualifiedName(node.get("schemaname"), node.get("relname", ""))


def _is_temporary(relation: Node | None) -> bool:
    if not relation:
        return False
    return relation.get("relpersistence") == "t" or relation.get("schemaname") == "pg_temp"


def _options(nodes: Any) -> dict[str, Any]:
    return {node["DefElem"]["defname"]: node["DefElem"].get("arg") for node in nodes or ()}


def _is_on(options: Mapping[str, Any], name: str, default: bool) -> bool:
    """A boolean option as the server reads it: `name` without a value means true."""
    if name not in options:
        return default
    argument = options[name]
    if argument is None:
        return True
    ((_, value),) = argument.items()
    text = str(value.get("sval", value.get("ival", value.get("boolval", 0)))).lower()
    return text not in ("false", "off", "0")


# --- rules, by the name of the node ----------------------------------------------------------------------


def _transaction(node: Node) -> Facts:
    kind, chain = node["kind"], node.get("chain", False)
    match kind:
        case "TRANS_STMT_BEGIN" | "TRANS_STMT_START":
            return Facts(Kind.BEGIN)
        case "TRANS_STMT_COMMIT":
            return Facts(Kind.COMMIT_AND_CHAIN if chain else Kind.COMMIT)
        case "TRANS_STMT_ROLLBACK":
            return Facts(Kind.ROLLBACK_AND_CHAIN if chain else Kind.ROLLBACK)
        case "TRANS_STMT_PREPARE":
            return Facts(Kind.COMMIT, "PREPARE TRANSACTION")
        case "TRANS_STMT_COMMIT_PREPARED":
            return alone("COMMIT PREPARED", Unknowable())
        case "TRANS_STMT_ROLLBACK_PREPARED":
            return alone("ROLLBACK PREPARED", Unknowable())
    return TRANSACTIONAL  # savepoints


_OF_THE_TRANSACTION = frozenset({"transaction_isolation", "transaction_read_only", "transaction_deferrable"})


def _set(node: Node) -> Facts:
    name = node.get("name", "")
    of_transaction = name in ("TRANSACTION", "TRANSACTION SNAPSHOT") or name in _OF_THE_TRANSACTION
    return TRANSACTIONAL if node.get("is_local") or of_transaction else Facts(Kind.SET)


def _sets_config(target: Node) -> bool:
    """Whether an item of a SELECT is `set_config(name, value, false)`."""
    call = target["ResTarget"].get("val", {}).get("FuncCall")
    if not call or _strings(call.get("funcname"))[-1:] != ["set_config"] or len(call.get("args", ())) != 3:
        return False
    constant = call["args"][2].get("A_Const", {})
    return "boolval" in constant and not constant["boolval"].get("boolval", False)


def _select(node: Node) -> Facts:
    columns = node.get("targetList")
    if columns and "fromClause" not in node and all(_sets_config(column) for column in columns):
        return Facts(Kind.SET)
    while "larg" in node:
        node = node["larg"]
    return TEMPORARY if _is_temporary(node.get("intoClause", {}).get("rel")) else TRANSACTIONAL


def _makes(field: str) -> Callable[[Node], Facts]:
    """The rule of a statement that makes the relation in `field`."""
    return lambda node: TEMPORARY if _is_temporary(node.get(field)) else TRANSACTIONAL


def _create_table_as(node: Node) -> Facts:
    return TEMPORARY if _is_temporary(node.get("into", {}).get("rel")) else TRANSACTIONAL


def _create_index(node: Node) -> Facts:
    if not node.get("concurrent"):
        return TRANSACTIONAL
    target = targets.CreateIndexConcurrently(
        node.get("idxname"), _relation(node["relation"]), node.get("if_not_exists", False)
    )
    return alone("CREATE INDEX CONCURRENTLY", target)


def _drop(node: Node) -> Facts:
    if not node.get("concurrent"):
        return TRANSACTIONAL
    names = tuple(_name(_strings(item["List"]["items"])) for item in node["objects"])
    return alone("DROP INDEX CONCURRENTLY", targets.DropIndexConcurrently(names, node.get("missing_ok", False)))


def _reindex(node: Node) -> Facts:
    what = node["kind"].removeprefix("REINDEX_OBJECT_").lower()
    if _is_on(_options(node.get("params")), "concurrently", default=False):
        relation = node.get("relation")
        named = QualifiedName(None, node["name"]) if "name" in node else None
        target = targets.ReindexConcurrently(what, _relation(relation) if relation else named)
        return alone("REINDEX CONCURRENTLY", target)
    if what in ("schema", "database", "system"):
        return alone(f"REINDEX {what.upper()}", Repeatable())
    return TRANSACTIONAL


def _alter_table(node: Node) -> Facts:
    for command in (item["AlterTableCmd"] for item in node["cmds"]):
        partition = command.get("def", {}).get("PartitionCmd", {})
        finalize = command["subtype"] == "AT_DetachPartitionFinalize"
        if not (finalize or partition.get("concurrent")):
            continue
        target = targets.DetachPartitionConcurrently(
            _relation(node["relation"]), _relation(partition["name"]), finalize
        )
        if finalize:  # this one may run in a transaction block
            return Facts(Kind.TRANSACTIONAL, target=target)
        return alone("ALTER TABLE ... DETACH PARTITION CONCURRENTLY", target)
    return TRANSACTIONAL


def _vacuum(node: Node) -> Facts:
    return alone("VACUUM", Repeatable()) if node.get("is_vacuumcmd") else TRANSACTIONAL


def _cluster(node: Node) -> Facts:
    return TRANSACTIONAL if "relation" in node else alone("CLUSTER of all tables", Repeatable())


def _alter_database(node: Node) -> Facts:
    if "tablespace" in _options(node.get("options")):
        return alone("ALTER DATABASE ... SET TABLESPACE", Repeatable())
    return TRANSACTIONAL


def _discard(node: Node) -> Facts:
    return alone("DISCARD ALL", Repeatable()) if node["target"] == "DISCARD_ALL" else TRANSACTIONAL


def _create_subscription(node: Node) -> Facts:
    options = _options(node.get("options"))
    connects = _is_on(options, "connect", default=True)
    if not _is_on(options, "create_slot", default=connects):
        return TRANSACTIONAL
    return alone("CREATE SUBSCRIPTION with a slot", targets.CreateSubscription(node["subname"]))


def _alter_subscription(node: Node) -> Facts:
    options, kind = _options(node.get("options")), node["kind"].removeprefix("ALTER_SUBSCRIPTION_")
    if kind == "REFRESH":
        return alone("ALTER SUBSCRIPTION ... REFRESH", Repeatable())
    if kind.endswith("_PUBLICATION") and _is_on(options, "refresh", default=True):
        repeatable = kind == "SET_PUBLICATION"
        return alone("ALTER SUBSCRIPTION with refresh", Repeatable() if repeatable else Unknowable())
    for option in ("failover", "two_phase"):
        if kind == "OPTIONS" and option in options:
            return alone(f"ALTER SUBSCRIPTION ... SET ({option})", Repeatable())
    return TRANSACTIONAL


def _alter_enum(node: Node) -> Facts:
    if "oldVal" in node:
        return TRANSACTIONAL
    added = AddedEnumValue(_name(_strings(node["typeName"])), node.get("newVal", ""))
    return Facts(Kind.TRANSACTIONAL, adds_enum_value=added)


def _create_enum(node: Node) -> Facts:
    name = _name(_strings(node["typeName"]))
    return Facts(Kind.TRANSACTIONAL, creates_type=name, makes_temporary=name.schema == "pg_temp")


def _call(node: Node) -> Facts:
    return Facts(Kind.TRANSACTIONAL, calls=_name(_strings(node["funccall"]["funcname"])))


_RULES: dict[str, Callable[[Node], Facts]] = {
    "TransactionStmt": _transaction,
    "VariableSetStmt": _set,
    "SelectStmt": _select,
    "CreateStmt": _makes("relation"),
    "CreateSeqStmt": _makes("sequence"),
    "ViewStmt": _makes("view"),
    "CreateTableAsStmt": _create_table_as,
    "IndexStmt": _create_index,
    "DropStmt": _drop,
    "ReindexStmt": _reindex,
    "AlterTableStmt": _alter_table,
    "VacuumStmt": _vacuum,
    "ClusterStmt": _cluster,
    "AlterDatabaseStmt": _alter_database,
    "AlterSystemStmt": lambda _: alone("ALTER SYSTEM", Repeatable()),
    "CreatedbStmt": lambda node: alone("CREATE DATABASE", targets.CreateDatabase(node["dbname"])),
    "DropdbStmt": lambda node: alone(
        "DROP DATABASE", targets.DropDatabase(node["dbname"], node.get("missing_ok", False))
    ),
    "CreateTableSpaceStmt": lambda node: alone(
        "CREATE TABLESPACE", targets.CreateTablespace(node["tablespacename"])
    ),
    "DropTableSpaceStmt": lambda node: alone(
        "DROP TABLESPACE", targets.DropTablespace(node["tablespacename"], node.get("missing_ok", False))
    ),
    "CreateSubscriptionStmt": _create_subscription,
    "AlterSubscriptionStmt": _alter_subscription,
    "DropSubscriptionStmt": lambda node: alone(
        "DROP SUBSCRIPTION", targets.DropSubscription(node["subname"], node.get("missing_ok", False))
    ),
    "DiscardStmt": _discard,
    "AlterEnumStmt": _alter_enum,
    "CreateEnumStmt": _create_enum,
    "CallStmt": _call,
}


# --- PL/pgSQL --------------------------------------------------------------------------------------------


def _ends_transaction(tree: Any) -> bool:
    """Whether a COMMIT or ROLLBACK stands anywhere in a PL/pgSQL tree."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            if "PLpgSQL_stmt_commit" in node or "PLpgSQL_stmt_rollback" in node:
                return True
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
    return False


def _body_ends_transaction(text: bytes) -> bool:
    """Whether the body commits; one that this parser cannot read is left for the server to judge."""
    lowered = text.lower()
    if b"commit" not in lowered and b"rollback" not in lowered:
        return False
    try:
        return _ends_transaction(libpg_query.parse_plpgsql(text))
    except libpg_query.Refusal:
        return False


def _is_plpgsql(options: Mapping[str, Any], default: str) -> bool:
    language = options.get("language")
    return (language["String"]["sval"] if language else default) == "plpgsql"


def _do(node: Node, text: bytes) -> Facts:
    if _is_plpgsql(_options(node.get("args")), "plpgsql") and _body_ends_transaction(text):
        return alone("DO block that commits or rolls back", Unknowable())
    return TRANSACTIONAL


def _create_function(node: Node, text: bytes) -> Facts:
    name = _name(_strings(node["funcname"]))
    if name.schema == "pg_temp":
        return TEMPORARY
    if node.get("is_procedure") and _is_plpgsql(_options(node.get("options")), "sql") and _body_ends_transaction(text):
        return Facts(Kind.TRANSACTIONAL, procedure=name)
    return TRANSACTIONAL


_RULES_WITH_BODY: dict[str, Callable[[Node, bytes], Facts]] = {
    "DoStmt": _do,
    "CreateFunctionStmt": _create_function,
}
