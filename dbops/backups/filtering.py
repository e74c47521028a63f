"""Which entries of an archive go into a database, and which are left out because the server would refuse them.

What is known to fail and to do no harm is left out beforehand and told, so that every error of the load itself is a
failure.  Privileges are looked at statement by statement: of an entry that names a missing role, the rest is not
lost but run afterwards (`Filtered.afterwards`), since a REVOKE in it may be what closes a function to everybody.

All here is pure; the facts are read by `dbops.engines.postgres.destination`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from dbops.backups import selection
from dbops.backups.toc import Entry, Toc
from dbops.engines.postgres import grants
from dbops.engines.postgres.destination import ServerFacts

_ROLES_IN_SQL = frozenset({"ACL", "DEFAULT ACL", "POLICY", "USER MAPPING"})
_PRIVILEGES = frozenset({"ACL", "DEFAULT ACL"})
_OF_DATABASE = frozenset({"DATABASE", "DATABASE PROPERTIES", "SUBSCRIPTION TABLE"})
_ABOUT = frozenset({"ACL", "COMMENT", "SECURITY LABEL"})
_WITH_OWNED_PUBLIC = 15  # before, the schema "public" was the server's superuser's, whatever he is called
_MANY = 3  # uses of a role that are named


@dataclasses.dataclass(frozen=True)
class Options:
    """What the user wants of the archive.

    :param tables: names or `schema.name`, with `*` and `?`; empty for everything.
    :param no_owner: everything belongs to the role that restores.
    :param no_privileges: nobody is granted anything, and policies for roles that are missing are left out.
    :param create_missing_roles: they will be there (see `Filtered.missing_roles`) before the load begins.
    """

    tables: tuple[str, ...] = ()
    schema_only: bool = False
    no_owner: bool = False
    no_privileges: bool = False
    create_missing_roles: bool = False


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """An entry (or some statements of it) that is not restored, and why, as the end of a sentence."""

    entry: Entry
    reason: str

    def sentence(self) -> str:
        return f"left out {self.entry.describe()}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class MissingRole:
    """A role that the archive names and the server does not have.

    :param needed_by: what cannot be restored without it (ownership, policies); empty where only privileges name it.
    """

    name: str
    needed_by: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Filtered:
    """What is decided.

    :param use_list: numbers of the entries for `pg_restore -L`, in the archive's order.
    :param left_out: what would have failed without need; to be shown.
    :param missing_roles: all that the archive names, whatever the options.
    :param afterwards: SQL to run after the load, in this order: what remains of privileges that were left out.
    :param obstacles: what will make the load fail, each a sentence with what helps; known before loading.
    :param no_tablespaces: everything goes into the default tablespace, since the server lacks one.
    """

    use_list: tuple[int, ...]
    left_out: tuple[LeftOut, ...]
    missing_roles: tuple[MissingRole, ...]
    afterwards: tuple[str, ...]
    obstacles: tuple[str, ...]
    no_tablespaces: bool

    @property
    def needed_roles(self) -> tuple[str, ...]:
        """Missing roles without which the load fails."""
        return tuple(role.name for role in self.missing_roles if role.needed_by)

    def list_file(self) -> str:
        """The text of the file for `pg_restore -L`."""
        return "".join(f"{number};\n" for number in self.use_list)


def decide(toc: Toc, server: ServerFacts, options: Options) -> Filtered:
    """Decide about every entry."""
    deciding = _Deciding(server, options, toc.header.server_major)
    for entry in selection.wanted(toc.entries, options.tables, schema_only=options.schema_only):
        deciding.entry(entry)
    return deciding.result()


class _Deciding:
    """Goes through the entries and gathers what to do about them."""

    def __init__(self, server: ServerFacts, options: Options, source_major: int | None) -> None:
        self._server = server
        self._options = options
        self._source_major = source_major
        self._known = server.roles
        self._use: list[int] = []
        self._left_out: list[LeftOut] = []
        self._afterwards: list[str] = []
        self._obstacles: dict[str, None] = {}
        self._missing: dict[str, dict[str, None]] = {}
        self._no_tablespaces = False
        self._gone: set[int] = set()
        self._rules: tuple[Callable[[Entry], str | None], ...] = (
            self._schema_public,
            self._extension,
            self._part_of_left_out,
            self._for_superusers,
            self._statistics,
        )

    def entry(self, entry: Entry) -> None:
        if _of_database(entry) or (self._options.no_privileges and entry.desc in _PRIVILEGES):
            return
        for rule in self._rules:
            if (reason := rule(entry)) is not None:
                self._left_out.append(LeftOut(entry, reason))
                return
        self._tablespace(entry)
        if entry.desc in _ROLES_IN_SQL and not self._statements(entry):
            return
        self._owner(entry)
        self._use.append(entry.dump_id)

    def result(self) -> Filtered:
        missing = (MissingRole(name, tuple(uses)) for name, uses in sorted(self._missing.items()))
        return Filtered(
            tuple(self._use), tuple(self._left_out), tuple(missing), tuple(self._afterwards),
            tuple(self._obstacles), self._no_tablespaces,
        )  # fmt: skip

    def _schema_public(self, entry: Entry) -> str | None:
        is_public = entry.tag == "public" if entry.desc == "SCHEMA" else entry.tag == "SCHEMA public"
        if not is_public or entry.desc not in {*_ABOUT, "SCHEMA"} or not self._server.has_public:
            return None
        if not (self._server.is_superuser or self._server.owns_public):
            return f'the schema "public" of this database is not {self._server.role}\'s to change'
        if entry.desc == "SCHEMA" and grants.creates_schema(entry.defn, "public"):
            return 'every new database has the schema "public"'
        source = self._source_major or self._server.major
        if entry.desc == "SCHEMA" and source < _WITH_OWNED_PUBLIC <= self._server.major:
            return f'since PostgreSQL {_WITH_OWNED_PUBLIC} the schema "public" is whose the database is'
        return None

    def _extension(self, entry: Entry) -> str | None:
        name = entry.tag.removeprefix("EXTENSION ")
        if entry.desc == "COMMENT" and name != entry.tag:
            if not self._server.is_superuser and self._server.installed.get(name) is False:
                return "the extension is here already, and only its owner may comment on it"
        elif entry.desc == "EXTENSION" and name not in self._server.installed:
            if name not in self._server.extensions:
                self._obstacle(f"the server does not have the extension {name}: install its package there")
            elif not self._server.extensions[name]:
                self._obstacle(f"only a superuser may create the extension {name}: restore as one")
        return None

    def _part_of_left_out(self, entry: Entry) -> str | None:
        if self._gone.isdisjoint(entry.dependencies):
            return None
        return "what it belongs to is left out"

    def _for_superusers(self, entry: Entry) -> str | None:
        """What ordinary roles may not create and what no query needs."""
        if self._server.is_superuser or (reason := _superusers_only(entry)) is None:
            return None
        self._gone.add(entry.dump_id)
        return reason

    def _statistics(self, entry: Entry) -> str | None:
        if entry.desc == "STATISTICS DATA" and self._server.major < 18:
            return "a server before version 18 cannot be given statistics; ANALYZE makes them anew"
        return None

    def _tablespace(self, entry: Entry) -> None:
        if not entry.tablespace or entry.tablespace in self._server.tablespaces or self._no_tablespaces:
            return
        self._no_tablespaces = True
        reason = f"the server has no tablespace {entry.tablespace}; everything goes into the default one"
        self._left_out.append(LeftOut(entry, reason))

    def _owner(self, entry: Entry) -> None:
        if (
            not entry.owner
            or self._options.no_owner
            or entry.desc in _PRIVILEGES | _ABOUT
            or entry.section == 3
        ):
            return
        if self._is_missing(entry.owner, f"owner of {entry.describe()}"):
            return
        if self._server.is_superuser or entry.owner in {self._server.role, *self._server.own_roles}:
            return
        self._obstacle(
            f"{self._server.role} may not make {entry.owner} an owner: "
            f'GRANT "{entry.owner}" TO "{self._server.role}", or restore with --no-owner'
        )

    def _statements(self, entry: Entry) -> bool:
        """Whether an entry whose SQL names roles is restored as it is."""
        statements = grants.read(entry.defn)
        if statements is None:
            return True
        needed = not (self._options.no_privileges or entry.desc in {*_PRIVILEGES, "USER MAPPING"})
        wrong = {one: self._wrong(one, entry, needed=needed) for one in statements}
        reasons = dict.fromkeys(reason for reason in wrong.values() if reason)
        if not reasons or needed:
            return True
        self._left_out.append(LeftOut(entry, "; ".join(reasons)))
        if entry.desc not in _PRIVILEGES:
            self._gone.add(entry.dump_id)
        self._afterwards += _in_frames(one for one in statements if not wrong[one])
        return False

    def _wrong(self, statement: grants.RoleStatement, entry: Entry, *, needed: bool) -> str | None:
        """Why a statement would fail, None where it would not."""
        use = entry.describe() if needed else ""
        missing = [role for role in sorted(statement.roles) if self._is_missing(role, use)]
        if missing and not self._options.create_missing_roles:
            return f"the server has no role {', '.join(missing)}"
        if statement.since > self._server.major:
            return f"it grants what only servers from version {statement.since} on know"
        acts_as = statement.acts_as
        if acts_as in self._missing and not self._options.create_missing_roles:
            return f"the server has no role {acts_as}"
        if acts_as not in (None, self._server.role) and not self._server.is_superuser:
            return f"only a superuser may grant in the name of {acts_as}"
        if entry.desc == "DEFAULT ACL" and not self._may_act_for(entry.owner):
            return f"{self._server.role} is not a member of {entry.owner}"
        return None

    def _may_act_for(self, owner: str) -> bool:
        created = self._options.create_missing_roles and owner in self._missing
        own = {self._server.role, *self._server.own_roles}
        return self._server.is_superuser or owner in own or created

    def _is_missing(self, role: str, use: str) -> bool:
        if role in self._known:
            return False
        uses = self._missing.setdefault(role, {})
        if use and len(uses) < _MANY:
            uses[use] = None
        return True

    def _obstacle(self, sentence: str) -> None:
        self._obstacles[sentence] = None


def _superusers_only(entry: Entry) -> str | None:
    if entry.desc == "EVENT TRIGGER":
        return "only superusers may create event triggers"
    if entry.desc == "SUBSCRIPTION":
        return "an ordinary role may not create subscriptions"
    if entry.desc == "PUBLICATION" and grants.publishes_all_tables(entry.defn):
        return "only superusers may publish all tables"
    if entry.desc == "PUBLICATION TABLES IN SCHEMA":
        return "only superusers may publish the tables of a schema"
    return None


def _of_database(entry: Entry) -> bool:
    """What is the database's own, and goes with `pg_restore --create` alone."""
    return entry.desc in _OF_DATABASE or (entry.desc in _ABOUT and entry.tag.startswith("DATABASE "))


def _in_frames(statements: Iterable[grants.RoleStatement]) -> list[str]:
    """Without a SET SESSION AUTHORIZATION under which nothing is left to run."""
    kept: list[grants.RoleStatement] = []
    for statement in statements:
        if kept and kept[-1].frames and kept[-1].acts_as and statement.frames:
            kept.pop()
            if statement.acts_as is None:
                continue
        kept.append(statement)
    return [statement.text for statement in kept]
