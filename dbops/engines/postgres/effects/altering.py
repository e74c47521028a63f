"""The effects of ALTER TABLE, command by command (PostgreSQL manual, "ALTER TABLE")."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.model import Cost, Effect, Live, LockMode, Relation
from dbops.engines.postgres.effects.spelling import functions_in, type_text
from dbops.engines.postgres.nodes import Node, options_of, relation, strings

# Commands that change the catalog alone, with the lock that they take.
_MODES = {
    **dict.fromkeys(
        ("AT_SetStatistics", "AT_ClusterOn", "AT_DropCluster", "AT_SetOptions", "AT_ResetOptions", "AT_ValidateConstraint"),
        LockMode.SHARE_UPDATE_EXCLUSIVE,
    ),
    **dict.fromkeys(
        (
            "AT_EnableTrig", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig", "AT_DisableTrig",
            "AT_EnableTrigAll", "AT_DisableTrigAll", "AT_EnableTrigUser", "AT_DisableTrigUser",
        ),
        LockMode.SHARE_ROW_EXCLUSIVE,
    ),
}  # fmt: skip
# Storage parameters that do not need more than SHARE UPDATE EXCLUSIVE.
_LIGHT = (
    "fillfactor",
    "autovacuum_",
    "toast.autovacuum_",
    "parallel_workers",
    "toast_tuple_target",
    "vacuum_",
    "log_",
)
_REWRITES = frozenset({"AT_SetLogged", "AT_SetUnLogged", "AT_SetTableSpace", "AT_SetAccessMethod"})
_SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})


def effects(node: Node, live: Live) -> Iterator[Effect]:
    """What one ALTER TABLE (or INDEX, VIEW, SEQUENCE) does."""
    name = relation(node["relation"])
    found = live.relation(name)
    if node.get("objtype") == "OBJECT_INDEX":
        yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE)
        return
    for item in node["cmds"]:
        yield from _command(item["AlterTableCmd"], name, found, live)


def _command(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    kind = command["subtype"]
    rule = _RULES.get(kind)
    if rule is not None:
        yield from rule(command, name, found, live)
    elif kind in _REWRITES:
        yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.REWRITE, "move")
    else:
        yield Effect(name, _MODES.get(kind, LockMode.ACCESS_EXCLUSIVE))


def _drop_column(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    gone = f"the column {name}.{command['name']}"
    yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.CATALOG, "drop-column", gone, command["name"])


def _set_not_null(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    column = found.columns.get(command["name"]) if found else None
    if column is not None and column.known_not_null:
        yield Effect(name, LockMode.ACCESS_EXCLUSIVE)
    else:
        yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.SCAN, "set-not-null")


def _validate(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE, Cost.SCAN)
    yield from _referred(found, command["name"], LockMode.ROW_SHARE)


def _drop_constraint(
    command: Node, name: QualifiedName, found: Relation | None, live: Live
) -> Iterator[Effect]:
    yield Effect(name, LockMode.ACCESS_EXCLUSIVE)
    yield from _referred(found, command["name"], LockMode.ACCESS_EXCLUSIVE)


def _attach(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE)
    partition = relation(command["def"]["PartitionCmd"]["name"])
    yield Effect(partition, LockMode.ACCESS_EXCLUSIVE, Cost.SCAN, "attach-partition")


def _detach(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    partition = command["def"]["PartitionCmd"]
    if partition.get("concurrent"):
        yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE)
    else:
        yield Effect(name, LockMode.ACCESS_EXCLUSIVE, advice="detach-partition")
    yield Effect(relation(partition["name"]), LockMode.ACCESS_EXCLUSIVE)


def _inherit(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    yield Effect(name, LockMode.ACCESS_EXCLUSIVE)
    yield Effect(relation(command["def"]["RangeVar"]), LockMode.SHARE_UPDATE_EXCLUSIVE)


def _storage(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    light = all(option.startswith(_LIGHT) for option in options_of(command["def"]["List"]["items"]))
    yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE if light else LockMode.ACCESS_EXCLUSIVE)


def _add_constraint(
    command: Node, name: QualifiedName, found: Relation | None, live: Live
) -> Iterator[Effect]:
    yield from constraint(command["def"]["Constraint"], name)


def _add_column(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    column = command["def"]["ColumnDef"]
    cost, advice = Cost.CATALOG, ""
    constraints = [item["Constraint"] for item in column.get("constraints", ())]
    type_name = strings(column["typeName"]["names"])[-1]
    for one in constraints:
        kind = one["contype"]
        default = one.get("raw_expr")
        if kind == "CONSTR_DEFAULT" and default and live.volatile(frozenset(functions_in(default))):
            cost, advice = Cost.REWRITE, "volatile-default"
        stored = kind == "CONSTR_GENERATED" and one.get("generated_kind", "s") != "v"
        if kind == "CONSTR_IDENTITY" or stored:
            cost, advice = Cost.REWRITE, "volatile-default"
    if type_name in _SERIAL:
        cost, advice = Cost.REWRITE, "volatile-default"
    yield Effect(name, LockMode.ACCESS_EXCLUSIVE, cost, advice)
    for one in constraints:
        if one["contype"] in ("CONSTR_CHECK", "CONSTR_FOREIGN", "CONSTR_UNIQUE", "CONSTR_PRIMARY"):
            yield from constraint(one, name)


def constraint(node: Node, name: QualifiedName) -> Iterator[Effect]:
    """What adding a constraint to a table does."""
    checked = not node.get("skip_validation", False)
    match node["contype"]:
        case "CONSTR_FOREIGN":
            cost, advice = (Cost.SCAN, "foreign-key") if checked else (Cost.CATALOG, "")
            yield Effect(name, LockMode.SHARE_ROW_EXCLUSIVE, cost, advice)
            yield Effect(relation(node["pktable"]), LockMode.SHARE_ROW_EXCLUSIVE)
        case "CONSTR_CHECK":
            cost, advice = (Cost.SCAN, "check") if checked else (Cost.CATALOG, "")
            yield Effect(name, LockMode.ACCESS_EXCLUSIVE, cost, advice)
        case "CONSTR_NOTNULL":
            cost, advice = (Cost.SCAN, "set-not-null") if checked else (Cost.CATALOG, "")
            yield Effect(name, LockMode.ACCESS_EXCLUSIVE, cost, advice)
        case "CONSTR_UNIQUE" | "CONSTR_PRIMARY" if "indexname" in node:
            yield Effect(name, LockMode.ACCESS_EXCLUSIVE)
        case "CONSTR_UNIQUE" | "CONSTR_PRIMARY" | "CONSTR_EXCLUSION":
            advice = "" if node["contype"] == "CONSTR_EXCLUSION" else "unique"
            yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.BUILD, advice)
        case _:
            yield Effect(name, LockMode.ACCESS_EXCLUSIVE)


def _referred(found: Relation | None, name: str, mode: LockMode) -> Iterator[Effect]:
    if found is not None and name in found.referred:
        yield Effect(found.referred[name], mode)


def _alter_type(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Iterator[Effect]:
    """Values are kept as they are where the types agree on how to store them and nothing computes new ones."""
    column = found.columns.get(command["name"]) if found else None
    definition = command["def"]["ColumnDef"]
    new = live.type_of(type_text(definition["typeName"]))
    computed = "raw_default" in definition  # USING
    if column is not None and new is not None and not computed and live.keeps_values(column.type, new):
        yield Effect(name, LockMode.ACCESS_EXCLUSIVE)
    else:
        yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.REWRITE, "alter-type")


_RULES: dict[str, Callable[[Node, QualifiedName, Relation | None, Live], Iterator[Effect]]] = {
    "AT_AddColumn": _add_column,
    "AT_DropColumn": _drop_column,
    "AT_AlterColumnType": _alter_type,
    "AT_SetNotNull": _set_not_null,
    "AT_AddConstraint": _add_constraint,
    "AT_ValidateConstraint": _validate,
    "AT_DropConstraint": _drop_constraint,
    "AT_AttachPartition": _attach,
    "AT_DetachPartition": _detach,
    "AT_AddInherit": _inherit,
    "AT_DropInherit": _inherit,
    "AT_SetRelOptions": _storage,
    "AT_ResetRelOptions": _storage,
}
