"""The effects of ALTER TABLE, command by command (PostgreSQL manual, "ALTER TABLE")."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.postgres.effects.model import Cost, Effect, Live, LockMode, Relation
from dbops.engines.postgres.effects.spelling import functions_in, type_text
from dbops.engines.postgres.nodes import Node, options_of, relation, strings
from dbops.engines.postgres.targets import QualifiedName

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
    exclusive = LockMode.ACCESS_EXCLUSIVE
    match kind:
        case "AT_AddColumn":
            yield from _add_column(command["def"]["ColumnDef"], name, live)
        case "AT_DropColumn":
            yield Effect(name, exclusive, Cost.CATALOG, "drop-column", f"the column {name}.{command['name']}")
        case "AT_AlterColumnType":
            yield _alter_type(command, name, found, live)
        case "AT_SetNotNull":
            known = (
                found is not None
                and command["name"] in found.columns
                and found.columns[command["name"]].known_not_null
            )
            yield Effect(
                name, exclusive, Cost.CATALOG if known else Cost.SCAN, "" if known else "set-not-null"
            )
        case "AT_AddConstraint":
            yield from constraint(command["def"]["Constraint"], name, found)
        case "AT_ValidateConstraint":
            yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE, Cost.SCAN)
            yield from _referred(found, command["name"], LockMode.ROW_SHARE)
        case "AT_DropConstraint":
            yield Effect(name, exclusive)
            yield from _referred(found, command["name"], exclusive)
        case "AT_AttachPartition":
            partition = relation(command["def"]["PartitionCmd"]["name"])
            yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE)
            yield Effect(partition, exclusive, Cost.SCAN, "attach-partition")
        case "AT_DetachPartition":
            detach = command["def"]["PartitionCmd"]
            mode = LockMode.SHARE_UPDATE_EXCLUSIVE if detach.get("concurrent") else exclusive
            yield Effect(name, mode, advice="" if detach.get("concurrent") else "detach-partition")
            yield Effect(relation(detach["name"]), exclusive)
        case "AT_AddInherit" | "AT_DropInherit":
            yield Effect(name, exclusive)
            yield Effect(relation(command["def"]["RangeVar"]), LockMode.SHARE_UPDATE_EXCLUSIVE)
        case "AT_SetRelOptions" | "AT_ResetRelOptions":
            light = all(option.startswith(_LIGHT) for option in options_of(command["def"]["List"]["items"]))
            yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE if light else exclusive)
        case _ if kind in _REWRITES:
            yield Effect(name, exclusive, Cost.REWRITE, "move")
        case _:
            yield Effect(name, _MODES.get(kind, exclusive))


def _add_column(column: Node, name: QualifiedName, live: Live) -> Iterator[Effect]:
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
            yield from constraint(one, name, None)


def constraint(node: Node, name: QualifiedName, found: Relation | None) -> Iterator[Effect]:
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


def _alter_type(command: Node, name: QualifiedName, found: Relation | None, live: Live) -> Effect:
    """Values are kept as they are where the types agree on how to store them and nothing computes new ones."""
    column = found.columns.get(command["name"]) if found else None
    definition = command["def"]["ColumnDef"]
    new = live.type_of(type_text(definition["typeName"]))
    computed = "raw_default" in definition  # USING
    keeps = column is not None and new is not None and not computed and live.keeps_values(column.type, new)
    return Effect(
        name,
        LockMode.ACCESS_EXCLUSIVE,
        Cost.CATALOG if keeps else Cost.REWRITE,
        "" if keeps else "alter-type",
    )
