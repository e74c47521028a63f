"""What would make a swap fail or lose something, found while nothing is made yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, LiteralString

from dbops.engines.postgres.databases import sql_identifier
from dbops.engines.postgres.occupants import Occupant, occupants
from dbops.errors import Refused

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection


@dataclasses.dataclass(frozen=True)
class Problem:
    """One reason not to begin, and the grant or step that helps; empty where the text says it."""

    text: str
    remedy: str


@dataclasses.dataclass(frozen=True)
class Role:
    """Who restores, on which server.  `identifier` and those of `Database` are quoted where needed."""

    name: str
    identifier: str
    superuser: bool
    creates_databases: bool
    standby: bool


@dataclasses.dataclass(frozen=True)
class Database:
    """A database that would get another name.

    `owns`: the role has the privileges of its owner; `gives`: it may make the owner the owner of another database;
    `makes_there`: it may make databases in its tablespace.
    """

    oid: int
    name: str
    identifier: str
    owner: str
    owner_identifier: str
    owns: bool
    gives: bool
    template: bool
    closed: bool
    tablespace: str
    makes_there: bool
    prepared: tuple[str, ...]
    subscriptions: tuple[str, ...]
    slots: tuple[str, ...]
    unendable: tuple[Occupant, ...]


def look(connection: Connection, name: str) -> tuple[Role, Database | None]:
    """Read all that `problems` judges; nothing is changed."""
    return _role(connection), _database(connection, name)


def problems(
    role: Role, database: Database | None, *, makes: bool = True, leave_replication: bool = False
) -> list[Problem]:
    """Why the swap would fail or lose something; empty where nothing stands in the way.

    :param makes: a side database will be made.
    :param leave_replication: subscriptions and slots may stay with the displaced database.
    """
    found = list(_of_role(role, makes=makes))
    if database is not None:
        found += _of_database(role, database, makes=makes)
        found += _in_use(role, database)
        if not leave_replication:
            found += _replication(database)
    return found


def refuse(found: Sequence[Problem], live: str) -> None:
    """Return if there is no problem.

    :raises Refused: with all of them at once.
    """
    if not found:
        return
    if len(found) == 1:
        raise Refused(found[0].text, hint=found[0].remedy or None)
    lines = []
    for problem in found:
        lines += [f"  - {problem.text}", *([f"      {problem.remedy}"] if problem.remedy else [])]
    raise Refused(
        f"{len(found)} things stand in the way of restoring {live}; nothing was changed",
        detail="\n".join(lines),
        hint="take the steps above, then run bin/restore again",
    )


def _of_role(role: Role, *, makes: bool) -> Iterator[Problem]:
    if role.standby:
        yield Problem(
            "this server is a standby, which takes no changes", "restore on the primary: name it with DB_HOST"
        )
    elif not (role.superuser or role.creates_databases):
        what = "make" if makes else "rename"
        step = f"as a superuser: ALTER ROLE {role.identifier} CREATEDB"
        yield Problem(
            f'role "{role.name}" may not {what} databases on this server',
            f"{step}; or, on a server where nobody may: add --in-place" if makes else step,
        )


def _of_database(role: Role, database: Database, *, makes: bool) -> Iterator[Problem]:
    grant = f"GRANT {database.owner_identifier} TO {role.identifier}"
    if not database.owns:
        yield Problem(
            f'{database.name} belongs to "{database.owner}", and only its owner may rename it',
            f'run bin/restore as "{database.owner}"; or, as a superuser: {grant}',
        )
    elif makes and not database.gives:
        yield Problem(
            f'role "{role.name}" may not make a database for "{database.owner}", who owns {database.name}',
            f"as a superuser: {grant} WITH SET TRUE",
        )
    if database.template:
        yield Problem(
            f"{database.name} is a template", f"first: ALTER DATABASE {database.identifier} IS_TEMPLATE false"
        )
    if database.closed:
        yield Problem(
            f"{database.name} is closed to connections, and the restored database would be open",
            f"first: ALTER DATABASE {database.identifier} ALLOW_CONNECTIONS true",
        )
    if makes and not database.makes_there:
        yield Problem(
            f'role "{role.name}" may not make databases in tablespace "{database.tablespace}"',
            f'as a superuser: GRANT CREATE ON TABLESPACE "{database.tablespace}" TO {role.identifier}',
        )


def _in_use(role: Role, database: Database) -> Iterator[Problem]:
    if database.prepared:
        yield Problem(
            f"{database.name} has prepared transactions, which keep it from being renamed: "
            + ", ".join(database.prepared),
            f"in {database.name}: COMMIT PREPARED or ROLLBACK PREPARED '{database.prepared[0]}'",
        )
    for occupant in database.unendable:
        yield Problem(
            f'role "{role.name}" may not end a session in {database.name}, which keeps it from being renamed: {occupant}',
            f"as a superuser: SELECT pg_terminate_backend({occupant.pid})"
            + (
                f"; or, for good: GRANT pg_signal_backend TO {role.identifier}"
                if occupant.user
                else "; or restore as a superuser"
            ),
        )


def _replication(database: Database) -> Iterator[Problem]:
    """They belong to the database and not to its name: they would go on with the displaced one."""
    allowed = "or add --leave-replication to leave it with the displaced database"
    for name in database.subscriptions:
        yield Problem(
            f"{database.name} has the subscription {name}, which would go on filling the displaced database",
            f'in {database.name}: DROP SUBSCRIPTION "{name}"; {allowed}',
        )
    for name in database.slots:
        yield Problem(
            f"{database.name} has the logical replication slot {name}, whose consumers would see nothing of the "
            "restored database",
            f"SELECT pg_drop_replication_slot('{name}') once its consumer is stopped; {allowed}",
        )


def _role(connection: Connection) -> Role:
    row = connection.execute(
        "select rolname, rolsuper, rolcreatedb, pg_catalog.pg_is_in_recovery()"
        " from pg_catalog.pg_roles where rolname = current_user"
    ).fetchone()
    assert row is not None
    return Role(row[0], _identifier(connection, row[0]), *row[1:])


def _database(connection: Connection, name: str) -> Database | None:
    # Before 16, being a member was enough to give something to a role.
    gives = "SET" if connection.info.server_version >= 160000 else "MEMBER"
    row = connection.execute(
        """
        select d.oid, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_has_role(d.datdba, 'USAGE'),
            pg_catalog.pg_has_role(d.datdba, %s), d.datistemplate, not d.datallowconn, t.spcname,
            d.dattablespace = (select dattablespace from pg_catalog.pg_database where datname = 'template0')
                or pg_catalog.has_tablespace_privilege(t.oid, 'CREATE')
        from pg_catalog.pg_database as d join pg_catalog.pg_tablespace as t on t.oid = d.dattablespace
        where d.datname = %s
        """,
        [gives, name],
    ).fetchone()
    if row is None:
        return None
    oid, owner, owns, may_give, template, closed, tablespace, makes_there = row
    return Database(
        oid, name, _identifier(connection, name), owner, _identifier(connection, owner), owns, may_give, template,
        closed, tablespace, makes_there,
        _names(connection, "select gid from pg_catalog.pg_prepared_xacts where database = %s", name),
        _names(connection, "select subname from pg_catalog.pg_subscription where subdbid = %s", oid),
        _names(connection, "select slot_name from pg_catalog.pg_replication_slots where database = %s", name),
        tuple(one for one in occupants(connection, [oid]) if not one.may_end),
    )  # fmt: skip


def _names(connection: Connection, query: LiteralString, parameter: object) -> tuple[str, ...]:
    return tuple(name for (name,) in connection.execute(f"{query} order by 1", [parameter]))


def _identifier(connection: Connection, name: str) -> str:
    return sql_identifier(name).as_string(connection)
