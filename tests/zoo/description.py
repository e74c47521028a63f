"""What is in a database, told from its catalogs and its rows: equal for two databases that hold the same.

Every catalog is read by the server's own account of which column refers to
which catalog (`pg_get_catalog_foreign_keys`), so that nothing is forgotten
and a newer server's catalogs are described, too.  Object identifiers become
the objects' names; expressions become their SQL; what is only the file's
layout is left out.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

Description = dict[str, dict[str, Any]]
"""For each catalog (and for `rows`, `sequences`, `large objects`, `column order`) what is told of each object."""

_FIRST_OWN = 16384
_PINNED = {
    "search_path": "pg_catalog", "timezone": "UTC", "datestyle": "ISO, YMD", "intervalstyle": "iso_8601",
    "extra_float_digits": "3", "bytea_output": "hex", "lc_monetary": "C", "row_security": "off",
    "xmloption": "content", "quote_all_identifiers": "off", "client_encoding": "UTF8",
}  # fmt: skip

_SHORT_ROWS = 2000  # characters of a table that are told as they are, so that a difference can be read

_LEFT_OUT = frozenset(
    {
        # of the whole server, or read elsewhere, or the planner's own
        "pg_auth_members", "pg_authid", "pg_database", "pg_db_role_setting", "pg_largeobject", "pg_parameter_acl",
        "pg_replication_origin", "pg_shdepend", "pg_shdescription", "pg_shseclabel", "pg_statistic",
        "pg_statistic_ext_data", "pg_subscription_rel", "pg_tablespace",
    }
)  # fmt: skip

_NO_MEANING = {
    "pg_attrdef": {"adnum"},
    "pg_attribute": {
        "attnum", "attcacheoff", "attmissingval", "atthasmissing", "attndims", "attrelid", "attisdropped",
        "attbyval", "attalign", "attlen",
    },
    "pg_class": {
        "relfilenode", "relpages", "reltuples", "relallvisible", "relallfrozen", "relfrozenxid", "relminmxid",
        "reltoastrelid", "relrewrite", "relhassubclass", "relnatts", "reltype",
    },
    "pg_constraint": {"conkey", "confkey", "confdelsetcols"},
    "pg_depend": {"objsubid", "refobjsubid", "objid", "refobjid", "classid", "refclassid"},
    "pg_description": {"objoid", "classoid", "objsubid"},
    "pg_index": {"indkey", "indcheckxmin", "indoption"},
    "pg_init_privs": {"objoid", "classoid", "objsubid"},
    "pg_partitioned_table": {"partattrs"},
    "pg_publication_rel": {"prattrs"},
    "pg_seclabel": {"objoid", "classoid", "objsubid"},
    "pg_statistic_ext": {"stxkeys"},
    "pg_trigger": {"tgattr"},
}  # fmt: skip

_TOLD_AS: Mapping[str, Mapping[str, str | None]] = {
    "pg_attrdef": {"adbin": "pg_get_expr(adbin, adrelid)"},
    "pg_class": {
        "relpartbound": "pg_get_expr(relpartbound, oid)",
        "definition": "CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END",
    },
    "pg_constraint": {
        "conbin": "pg_get_constraintdef(oid)",
        "connoinherit": "CASE WHEN contype IN ('c', 'n') THEN connoinherit END",  # says nothing of a key
    },
    "pg_enum": {
        "enumsortorder": "(SELECT count(*) FROM pg_enum e WHERE e.enumtypid = pg_enum.enumtypid"
        " AND e.enumsortorder < pg_enum.enumsortorder)"
    },
    "pg_index": {
        "indexprs": "pg_get_indexdef(indexrelid)",
        "indpred": "pg_get_expr(indpred, indrelid)",
    },
    "pg_partitioned_table": {"partexprs": "pg_get_partkeydef(partrelid)"},
    "pg_policy": {
        "polqual": "pg_get_expr(polqual, polrelid)",
        "polwithcheck": "pg_get_expr(polwithcheck, polrelid)",
    },
    "pg_proc": {
        "prosqlbody": "pg_get_function_sqlbody(oid)",
        "proargdefaults": "pg_get_function_arguments(oid)",
    },
    "pg_publication_rel": {
        "prqual": "pg_get_expr(prqual, prrelid)",
        "columns": "ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY (prattrs) ORDER BY 1)",
    },
    "pg_rewrite": {"ev_qual": None, "ev_action": "pg_get_ruledef(oid)"},
    "pg_statistic_ext": {"stxexprs": "pg_get_statisticsobjdef(oid)"},
    "pg_trigger": {"tgqual": None, "tgargs": "pg_get_triggerdef(oid)"},
    "pg_type": {"typdefaultbin": "pg_get_expr(typdefaultbin, 0)"},
}
"""Columns that hold a tree or column numbers, and the SQL that tells them; None: told by another column."""

_DEFAULT_ACL = {
    "pg_class": "CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner",
    "pg_proc": "'f', proowner",
    "pg_namespace": "'n', nspowner",
    "pg_type": "'T', typowner",
    "pg_language": "'l', lanowner",
    "pg_foreign_data_wrapper": "'F', fdwowner",
    "pg_foreign_server": "'S', srvowner",
    "pg_largeobject_metadata": "'L', lomowner",
}
"""What no entry at all means, so that a list that says the same as none is equal to it."""

# Made by the server for another object: told where that object is.
_ONLY = {
    "pg_amop": "true",
    "pg_attribute": "attnum > 0 AND NOT attisdropped AND attrelid NOT IN (SELECT oid FROM pg_class WHERE relkind IN ('t', 'i', 'I'))",
    "pg_class": "relkind <> 't' AND relnamespace <> 99",
    "pg_index": "indrelid NOT IN (SELECT oid FROM pg_class WHERE relkind = 't')",
    "pg_trigger": "NOT tgisinternal",
    "pg_depend": "deptype <> 'i' AND classid <> 'pg_trigger'::regclass"
    " AND objid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 'pg_toast'::regnamespace)",
}


def describe(connection: psycopg.Connection[Any]) -> Description:
    """Everything in the connection's database; needs a superuser, and nobody who changes it meanwhile.

    Properties of the database itself are not in it: see `describe_database`.
    """
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        for name, value in _PINNED.items():
            cursor.execute("SELECT set_config(%s, %s, true)", (name, value))
        told = {catalog: _catalog(cursor, catalog, facts) for catalog, facts in _catalogs(cursor).items()}
        told["column order"] = _column_order(cursor)
        told["sequences"] = _sequences(cursor)
        told["large objects"] = _large_objects(cursor)
        told["rows"] = _rows(cursor)
    return told


def describe_database(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """The properties of the connection's database itself: what dumps lose, and a restore carries over.

    Comment, access, and the settings of the database and of roles in it; owner, encoding, locale, tablespace.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    cursor.execute(
        "SELECT to_jsonb(d) - '{oid,datname,datfrozenxid,datminmxid,datlastsysoid,datdba,dattablespace,datacl}'::text[]"
        " || jsonb_build_object('owner', pg_get_userbyid(datdba), 'tablespace', spcname,"
        " 'comment', shobj_description(d.oid, 'pg_database'),"
        " 'acl', (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(coalesce(datacl, acldefault('d', datdba))) a),"
        " 'settings', (SELECT jsonb_object_agg(CASE setrole WHEN 0 THEN '' ELSE pg_get_userbyid(setrole) END, setconfig)"
        "    FROM pg_db_role_setting WHERE setdatabase = d.oid))"
        " FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = current_database()"
    )
    row = cursor.fetchone()
    assert row is not None
    told: dict[str, Any] = row[0]
    return told


def differences(one: Description, other: Description) -> list[str]:
    """A line for each fact that is in one and not in the other: `catalog: object: fact: this != that`."""
    found = []
    for catalog in sorted(one.keys() | other.keys()):
        left, right = one.get(catalog, {}), other.get(catalog, {})
        for name in sorted(left.keys() | right.keys()):
            if name not in left or name not in right:
                found.append(f"{catalog}: {name}: only in the {'first' if name in left else 'second'}")
            elif left[name] != right[name]:
                found += [f"{catalog}: {name}: {line}" for line in _facts(left[name], right[name])]
    return found


def _facts(left: Any, right: Any) -> Iterable[str]:
    if not isinstance(left, dict) or not isinstance(right, dict):
        return [f"{left!r} != {right!r}"]
    keys = sorted(left.keys() | right.keys())
    return [
        f"{key}: {left.get(key)!r} != {right.get(key)!r}" for key in keys if left.get(key) != right.get(key)
    ]


@dataclasses.dataclass(frozen=True)
class _Reference:
    """Columns of a catalog that hold an oid, or an array of them, of another catalog."""

    column: str
    catalog: str
    is_array: bool


@dataclasses.dataclass(frozen=True)
class _Facts:
    """A catalog's columns with their types, and what they refer to."""

    columns: Mapping[str, str]
    references: Mapping[str, _Reference]


def _catalogs(cursor: psycopg.Cursor[Any]) -> dict[str, _Facts]:
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    cursor.execute(
        "SELECT c.relname, a.attname, a.atttypid::regtype::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 ORDER BY 1, a.attnum"
    )
    for catalog, column, kind in cursor:
        columns[catalog][column] = kind
    references: dict[str, dict[str, _Reference]] = defaultdict(dict)
    cursor.execute(
        "SELECT fktable::text, fkcols[1], pktable::text, is_array FROM pg_get_catalog_foreign_keys()"
        " WHERE pkcols = '{oid}'"
    )
    for catalog, column, to, is_array in cursor:
        references[catalog][column] = _Reference(column, to, is_array)
    return {
        catalog: _Facts(columns[catalog], references[catalog])
        for catalog in columns
        if catalog not in _LEFT_OUT
    }


def _catalog(cursor: psycopg.Cursor[Any], catalog: str, facts: _Facts) -> dict[str, Any]:
    told: dict[str, str | None] = {column: _expression(catalog, column, facts) for column in facts.columns}
    otherwise = _TOLD_AS.get(catalog, {})
    if catalog == "pg_publication_rel" and "prqual" not in facts.columns:  # before 15
        otherwise = {}
    told.update(otherwise)
    skipped = {"oid", *_NO_MEANING.get(catalog, ())} - otherwise.keys()
    pairs = [
        f"'{column}', {text}" for column, text in told.items() if column not in skipped and text is not None
    ]
    # a function takes at most 100 arguments
    objects = [f"jsonb_build_object({', '.join(pairs[at : at + 40])})" for at in range(0, len(pairs), 40)]
    name, own = _identity(catalog, facts)
    query = (
        f"SELECT {name}, {' || '.join(objects)} FROM {catalog} WHERE {own} AND {_ONLY.get(catalog, 'true')}"
    )
    cursor.execute(query)
    return _numbered(cursor.fetchall())


def _numbered(rows: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """By name; where several have one (dependencies do), they are numbered by what they say."""
    by_name: dict[str, list[Any]] = defaultdict(list)
    for name, row in rows:
        by_name[name].append(row)
    return {
        name + (f" #{number}" if number else ""): row
        for name, several in by_name.items()
        for number, row in enumerate(sorted(several, key=str))
    }


def _identity(catalog: str, facts: _Facts) -> tuple[str, str]:
    """SQL for an object's name, and SQL for whether it is a user's."""
    own = f"({{0}} >= {_FIRST_OWN} OR {{0}} = 2200)"  # or it is the schema public
    if catalog == "pg_attribute":
        return f"{_name_of('pg_class', 'attrelid')} || '.' || quote_ident(attname)", own.format("attrelid")
    if catalog == "pg_depend":
        name = "pg_describe_object(classid, objid, objsubid) || ' -> ' || pg_describe_object(refclassid, refobjid, refobjsubid)"
        return name, own.format("objid")
    if "classoid" in facts.columns:
        return "pg_describe_object(classoid, objoid, objsubid)", own.format("objoid")
    if "oid" in facts.columns:
        if catalog == "pg_enum":
            return "enumtypid::regtype::text || '.' || enumlabel", own.format("oid")
        return _name_of(catalog, "oid"), own.format("oid")
    first = next(iter(facts.references.values()))
    rest = [
        f"' ' || coalesce({_name_of(one.catalog, one.column)}, '')"
        for one in facts.references.values()
        if one is not first and not one.is_array
    ]
    return " || ".join([_name_of(first.catalog, first.column), *rest]), own.format(first.column)


def _expression(catalog: str, column: str, facts: _Facts) -> str:
    """A column as something that is equal in two databases."""
    reference = facts.references.get(column)
    if reference is not None and reference.is_array:
        return f"(SELECT array_agg({_name_of(reference.catalog, 'o')} ORDER BY n) FROM unnest({column}::oid[]) WITH ORDINALITY u (o, n))"
    if reference is not None:
        return _name_of(reference.catalog, column)
    kind = facts.columns[column]
    if kind == "aclitem[]":
        default = f"acldefault({_DEFAULT_ACL[catalog]})" if catalog in _DEFAULT_ACL else "NULL"
        return f"(SELECT array_agg(a::text ORDER BY a::text) FROM unnest(coalesce({column}, {default})) a)"
    return f"{column}::text"


def _name_of(catalog: str, column: str) -> str:
    if catalog == "pg_enum":
        return f"(SELECT enumtypid::regtype::text || '.' || enumlabel FROM pg_enum e WHERE e.oid = {column})"
    catalog = catalog.removesuffix("_metadata")  # large objects go by the name of the other catalog
    return f"CASE WHEN {column} <> 0 THEN pg_describe_object('{catalog}'::regclass, {column}, 0) END"


def _column_order(cursor: psycopg.Cursor[Any]) -> dict[str, Any]:
    cursor.execute(
        "SELECT c.oid::regclass::text, array_agg(a.attname::text ORDER BY attnum) FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
        " WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') GROUP BY c.oid"
    )
    return dict(cursor.fetchall())


def _sequences(cursor: psycopg.Cursor[Any]) -> dict[str, Any]:
    cursor.execute("SELECT seqrelid::regclass::text FROM pg_sequence WHERE seqrelid >= 16384 ORDER BY 1")
    found = {}
    for (name,) in cursor.fetchall():
        cursor.execute(f"SELECT last_value, is_called FROM {name}")
        found[name] = cursor.fetchone()
    return found


def _large_objects(cursor: psycopg.Cursor[Any]) -> dict[str, Any]:
    cursor.execute("SELECT oid, lo_get(oid) FROM pg_largeobject_metadata")
    return {str(oid): (len(content), hashlib.sha256(content).hexdigest()) for oid, content in cursor}


def _rows(cursor: psycopg.Cursor[Any]) -> dict[str, Any]:
    """The rows of every table and filled materialized view, each with its columns sorted by name."""
    cursor.execute(
        'SELECT c.oid::regclass::text, array_agg(a.attname::text ORDER BY a.attname COLLATE "C") FILTER (WHERE a.attname IS NOT NULL)'
        " FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
        " WHERE c.oid >= 16384 AND (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated)"
        " AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%') GROUP BY c.oid ORDER BY 1"
    )
    return {name: _content(cursor, name, columns or []) for name, columns in cursor.fetchall()}


def _content(cursor: psycopg.Cursor[Any], name: str, columns: list[str]) -> Any:
    what = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(column)) for column in columns)
    with cursor.copy(
        sql.SQL("COPY (SELECT {} FROM ONLY {} AS t) TO STDOUT").format(what, sql.SQL(name))
    ) as copy:
        rows = sorted(b"".join(copy).splitlines(keepends=True))
    text = b"".join(rows)
    digest = hashlib.sha256(text).hexdigest()
    return {
        "count": len(rows), "sha256": digest,
        "text": text.decode() if len(text) <= _SHORT_ROWS else None,
    }  # fmt: skip
