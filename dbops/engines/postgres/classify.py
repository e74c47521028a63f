"""What a parsed statement means for the transaction around it.

Source of what cannot run in a transaction block: the calls of PreventInTransactionBlock that the manual's
pages of the commands mention; each was tried on a server.  What only the catalog tells (REINDEX or CLUSTER
of a table that is partitioned, CALL of a procedure that commits) is left to the server.
"""

from __future__ import annotations

from collections.abc import Callable

from dbops.engines.names import QualifiedName
from dbops.engines.postgres import targets
from dbops.engines.postgres.facts import DISCARD_ALL, TEMPORARY, TRANSACTIONAL, AddedEnumValue, Facts, alone
from dbops.engines.postgres.nodes import Node, is_on, is_temporary, options_of, qualified, relation, strings
from dbops.engines.postgres.plpgsql import ends_transaction_in, is_plpgsql
from dbops.engines.postgres.targets import Repeatable, Unknowable
from dbops.engines.statements import Kind


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
    if not call or strings(call.get("funcname"))[-1:] != ["set_config"] or len(call.get("args", ())) != 3:
        return False
    constant = call["args"][2].get("A_Const", {})
    return "boolval" in constant and not constant["boolval"].get("boolval", False)


def _select(node: Node) -> Facts:
    columns = node.get("targetList")
    if columns and "fromClause" not in node and all(_sets_config(column) for column in columns):
        return Facts(Kind.SET)
    while "larg" in node:
        node = node["larg"]
    return TEMPORARY if is_temporary(node.get("intoClause", {}).get("rel")) else TRANSACTIONAL


def _makes(field: str) -> Callable[[Node], Facts]:
    """The rule of a statement that makes the relation in `field`."""
    return lambda node: TEMPORARY if is_temporary(node.get(field)) else TRANSACTIONAL


def _create_table_as(node: Node) -> Facts:
    return TEMPORARY if is_temporary(node.get("into", {}).get("rel")) else TRANSACTIONAL


def _create_index(node: Node) -> Facts:
    if not node.get("concurrent"):
        return TRANSACTIONAL
    target = targets.CreateIndexConcurrently(
        node.get("idxname"), relation(node["relation"]), node.get("if_not_exists", False)
    )
    return alone("CREATE INDEX CONCURRENTLY", target)


def _drop(node: Node) -> Facts:
    if not node.get("concurrent"):
        return TRANSACTIONAL
    names = tuple(qualified(strings(item["List"]["items"])) for item in node["objects"])
    target = targets.DropIndexConcurrently(names, node.get("missing_ok", False))
    return alone("DROP INDEX CONCURRENTLY", target)


def _reindex(node: Node) -> Facts:
    what = node["kind"].removeprefix("REINDEX_OBJECT_").lower()
    if is_on(options_of(node.get("params")), "concurrently", default=False):
        table = node.get("relation")
        named = QualifiedName(None, node["name"]) if "name" in node else None
        target = targets.ReindexConcurrently(what, relation(table) if table else named)
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
            relation(node["relation"]), relation(partition["name"]), finalize
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
    if "tablespace" in options_of(node.get("options")):
        return alone("ALTER DATABASE ... SET TABLESPACE", Repeatable())
    return TRANSACTIONAL


def _discard(node: Node) -> Facts:
    return DISCARD_ALL if node["target"] == "DISCARD_ALL" else TRANSACTIONAL


def _create_subscription(node: Node) -> Facts:
    options = options_of(node.get("options"))
    connects = is_on(options, "connect", default=True)
    if not is_on(options, "create_slot", default=connects):
        return TRANSACTIONAL
    return alone("CREATE SUBSCRIPTION with a slot", targets.CreateSubscription(node["subname"]))


def _alter_subscription(node: Node) -> Facts:
    options, kind = options_of(node.get("options")), node["kind"].removeprefix("ALTER_SUBSCRIPTION_")
    if kind == "REFRESH":
        return alone("ALTER SUBSCRIPTION ... REFRESH", Repeatable())
    if kind.endswith("_PUBLICATION") and is_on(options, "refresh", default=True):
        repeatable = kind == "SET_PUBLICATION"
        return alone("ALTER SUBSCRIPTION with refresh", Repeatable() if repeatable else Unknowable())
    for option in ("failover", "two_phase"):
        if kind == "OPTIONS" and option in options:
            return alone(f"ALTER SUBSCRIPTION ... SET ({option})", Repeatable())
    return TRANSACTIONAL


def _alter_enum(node: Node) -> Facts:
    if "oldVal" in node:
        return TRANSACTIONAL
    added = AddedEnumValue(qualified(strings(node["typeName"])), node.get("newVal", ""))
    return Facts(Kind.TRANSACTIONAL, adds_enum_value=added)


def _create_enum(node: Node) -> Facts:
    name = qualified(strings(node["typeName"]))
    return Facts(Kind.TRANSACTIONAL, creates_type=name, makes_temporary=name.schema == "pg_temp")


def _copy(node: Node) -> Facts:
    from_client = node.get("is_from") and "filename" not in node
    return Facts(Kind.COPY_FROM_CLIENT) if from_client else TRANSACTIONAL


def _call(node: Node) -> Facts:
    return Facts(Kind.TRANSACTIONAL, calls=qualified(strings(node["funccall"]["funcname"])))


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
    "CopyStmt": _copy,
}


def _do(node: Node, text: bytes) -> Facts:
    if is_plpgsql(options_of(node.get("args")), "plpgsql") and ends_transaction_in(text):
        return alone("DO block that commits or rolls back", Unknowable())
    return TRANSACTIONAL


def _create_function(node: Node, text: bytes) -> Facts:
    name = qualified(strings(node["funcname"]))
    if name.schema == "pg_temp":
        return TEMPORARY
    if not node.get("is_procedure"):
        return TRANSACTIONAL
    commits = is_plpgsql(options_of(node.get("options")), "sql") and ends_transaction_in(text)
    return Facts(Kind.TRANSACTIONAL, procedure=name) if commits else TRANSACTIONAL


_RULES_WITH_BODY: dict[str, Callable[[Node, bytes], Facts]] = {
    "DoStmt": _do,
    "CreateFunctionStmt": _create_function,
}
