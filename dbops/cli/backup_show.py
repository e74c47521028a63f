"""What `bin/backup show` shows of one backup: as JSON data and as lines for people."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from dbops.backups import listing
from dbops.backups.decoding import encode
from dbops.backups.entries import Backup, Unproven
from dbops.backups.manifest import Manifest, PostgresManifest, SqliteManifest, Verification
from dbops.cli.output import table
from dbops.engines.inventory import Inventory, MigrationState, Role
from dbops.events import format_bytes, format_seconds, plural

ENGINES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}
_TABLES_SHOWN = 10
_MEMBERS_SHOWN = 10


def unproven_data(entry: Unproven) -> dict[str, Any]:
    """What the file system says of a dump."""
    return {
        "name": entry.name,
        "state": "no manifest",
        "path": str(entry.path),
        "bytes": entry.bytes,
        "archive_format": entry.format,
        "modified_at": entry.modified_at.isoformat(),
    }


def unproven_lines(entry: Unproven, now: datetime.datetime) -> list[str]:
    """The same as lines."""
    return [
        f"{entry.name}: a dump without a manifest; nothing tells what it should hold",
        f"  file    {entry.path}, {format_bytes(entry.bytes)}",
        f"  format  {entry.format}, by its name",
        f"  age     {listing.age(entry.modified_at, now)}, by the file's time",
    ]


def backup_data(backup: Backup) -> dict[str, Any]:
    """The whole manifest, and what verify found."""
    return {
        "name": backup.name,
        "state": "backup",
        "path": str(backup.path),
        "bytes": backup.summary.bytes,
        "is_proven": backup.proven,
        "manifest": encode(backup.manifest),
        "verifications": encode(backup.verifications),
        "verifications_problem": backup.verifications_problem,
    }


def backup_lines(backup: Backup, now: datetime.datetime, *, verbose: bool) -> list[str]:
    """Sections: what, where from, archive, proof, tables, roles."""
    manifest = backup.manifest
    renamed = "" if manifest.name == backup.name else f" (made as {manifest.name})"
    return [
        f"{backup.name}{renamed}",
        *_facts(_origin(manifest, now)),
        "",
        *_facts(_archive(backup, manifest)),
        *_members(manifest, verbose),
        "",
        *_facts([("proof", listing.proven(backup, now)), *_proof(manifest)]),
        *_verifications(backup, manifest, now),
        *_tables(manifest, verbose),
        *(_needs(manifest.inventory) if isinstance(manifest, PostgresManifest) else []),
        *(["", *(f"  note: {note}" for note in manifest.notes)] if manifest.notes else []),
    ]


def _facts(facts: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {name:<12}{value}" for name, value in facts]


def _origin(manifest: Manifest, now: datetime.datetime) -> list[tuple[str, str]]:
    database = f"{manifest.inventory.database.name} on {manifest.server}, {format_bytes(manifest.inventory.database.bytes)}"
    if isinstance(manifest, SqliteManifest):
        database = f"{manifest.inventory.database.name} in {manifest.server}, {format_bytes(manifest.inventory.database.bytes)}"
    elif isinstance(manifest, PostgresManifest):
        database += f", owner {manifest.inventory.database.owner}"
    return [
        ("database", database),
        ("taken", f"{_when(manifest.created_at)}, {listing.age(manifest.created_at, now)} old, in {format_seconds(manifest.duration)}"),
        ("by", f"{manifest.who} on {manifest.hostname}, dbops {manifest.dbops_version}"),
        ("commit", manifest.git_commit or "none"),
        ("migrations", _migrations(manifest.inventory.migrations)),
        *_made_with(manifest),
    ]  # fmt: skip


def _migrations(state: MigrationState | None) -> str:
    if state is None:
        return "none recorded"
    if state.tool != "dbops":
        return f"kept by {state.tool} in {state.table}"
    if not state.readable:
        return f"{state.table} could not be read"
    where = f"{state.version} {state.name}" if state.version else "no version"
    stopped = f", stopped in {', '.join(state.partial)}" if state.partial else ""
    return f"at {where}, {state.applied or 0} applied{stopped}"


def _made_with(manifest: Manifest) -> list[tuple[str, str]]:
    if isinstance(manifest, PostgresManifest):
        return [
            ("server", f"PostgreSQL {manifest.inventory.server_version}"),
            ("client", manifest.client_version),
            ("locale", _locale(manifest.inventory)),
        ]
    if isinstance(manifest, SqliteManifest):
        file = manifest.inventory.database
        numbers = f"user_version {file.user_version}, application_id {file.application_id}"
        return [
            ("engine", f"SQLite {manifest.inventory.sqlite_version}"),
            ("pages", f"{file.page_size} bytes, {file.encoding}, journal {file.journal_mode}, {numbers}"),
        ]
    return []


def _locale(inventory: Inventory) -> str:
    database = inventory.database
    words = [database.encoding, database.collate]
    words += [f"ctype {database.ctype}"] if database.ctype != database.collate else []
    words += [f"{database.locale_provider} {database.locale}"] if database.locale else []
    return ", ".join(words)


def _archive(backup: Backup, manifest: Manifest) -> list[tuple[str, str]]:
    archive = manifest.archive
    size = format_bytes(archive.bytes)
    if archive.raw_bytes:
        size += f" of {format_bytes(archive.raw_bytes)}"
    only = " ".join(archive.options) or "everything"
    return [
        ("folder", str(backup.path)),
        (
            "archive",
            f"{archive.format}, {archive.compression}, {size}, {plural(len(archive.members), 'file')}",
        ),
        ("holds", only),
        ("goes to", _goes_to(manifest)),
    ]


def _goes_to(manifest: Manifest) -> str:
    if not isinstance(manifest, PostgresManifest):
        return "SQLite; the file is a database as it is once it is unpacked"
    oldest = manifest.min_restore_major
    return f"PostgreSQL {oldest} and later; an older one may not know all that is in it"


def _members(manifest: Manifest, verbose: bool) -> list[str]:
    members = sorted(manifest.archive.members, key=lambda member: -member.bytes)
    shown = members if verbose else members[:_MEMBERS_SHOWN]
    lines = [f"    {format_bytes(member.bytes):>9}  {member.path}" for member in shown]
    return lines + _and_more(len(members) - len(shown), "file")


def _proof(manifest: Manifest) -> list[tuple[str, str]]:
    if manifest.proof is None:
        return []
    tables = _proven_tables(manifest)
    rows = sum(count for _, _, count in tables)
    return [
        ("level", str(manifest.proof.get("level"))),
        ("covers", f"{plural(len(tables), 'table')}, {plural(rows, 'row')}"),
    ]


def _verifications(backup: Backup, manifest: Manifest, now: datetime.datetime) -> list[str]:
    lines = []
    for one in backup.verifications:
        lines.append(f"    {_when(one.at)}  {_verification(one, manifest)}, {listing.ago(one.at, now)}")
        lines += [f"      {difference}" for difference in one.differences]
    if backup.verifications_problem:
        lines.append(f"    {backup.verifications_problem}")
    return lines


def _verification(one: Verification, manifest: Manifest) -> str:
    how = "checksums and a full read"
    if one.how == "restored":
        engine = ENGINES[manifest.ENGINE]
        how = f"restored on {engine} {one.server_version}" if one.server_version else "restored"
    return f"{one.outcome.upper() if one.outcome == 'failed' else one.outcome}: {how}"


def _tables(manifest: Manifest, verbose: bool) -> list[str]:
    """The largest tables, by size where it is known, else by rows."""
    measured = manifest.inventory.tables if isinstance(manifest, PostgresManifest) else ()
    sizes = {(one.schema, one.name): one.bytes for one in measured}
    rows = {(schema, name): count for schema, name, count in _proven_tables(manifest)}
    names = sorted(
        sizes.keys() | rows.keys(), key=lambda name: (-sizes.get(name, 0), -rows.get(name, 0), name)
    )
    if not names:
        return []
    shown = names if verbose else names[:_TABLES_SHOWN]
    cells = [
        (
            f"{schema}.{name}",
            str(rows[schema, name]) if (schema, name) in rows else "",
            format_bytes(sizes[schema, name]) if (schema, name) in sizes else "",
        )
        for schema, name in shown
    ]
    drawn = table(("table", "rows", "size"), cells)
    return ["", *drawn, *_and_more(len(names) - len(shown), "table")]


def _proven_tables(manifest: Manifest) -> list[tuple[str, str, int]]:
    """Schema, name and rows of each table of the proof, whose exact form is not for here to judge."""
    proof = manifest.proof or {}
    contents = proof.get("contents", proof)
    tables = contents.get("tables") if isinstance(contents, dict) else None
    return [
        (str(one.get("schema")), str(one.get("name")), int(one["rows"]))
        for one in (tables if isinstance(tables, list) else ())
        if isinstance(one, dict) and type(one.get("rows")) is int
    ]


def _needs(inventory: Inventory) -> list[str]:
    """What a server must have for a restore."""
    extensions = [f"{one.name} {one.version}" for one in inventory.extensions if one.name != "plpgsql"]
    facts = [("roles", _role(role)) for role in inventory.roles]
    facts += [("extensions", ", ".join(extensions))] if extensions else []
    facts += [("tablespaces", ", ".join(inventory.tablespaces))] if inventory.tablespaces else []
    return ["", "  a restore needs", *_facts(facts)] if facts else []


def _role(role: Role) -> str:
    attributes = [
        word
        for word, has in (
            ("superuser", role.superuser),
            ("login", role.login),
            ("createdb", role.create_database),
            ("createrole", role.create_role),
            ("replication", role.replication),
            ("bypasses row security", role.bypass_row_security),
        )
        if has
    ]
    member = [f"member of {', '.join(one.role for one in role.member_of)}"] if role.member_of else []
    said = ", ".join([*attributes, *member])
    return f"{role.name} ({said})" if said else role.name


def _and_more(count: int, noun: str) -> list[str]:
    return [f"    and {plural(count, f'more {noun}')}; -v shows all"] if count else []


def _when(at: datetime.datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
