"""What the migrations that are looked at do together, and what the database says: what one file cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dbops.engines.effects import Foresight
from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.model import Effect, Live, Relation, Type
from dbops.engines.postgres.effects.statements import effects_of
from dbops.engines.postgres.nodes import relation
from dbops.safety.lint import columns
from dbops.safety.lint.reading import File, Parsed
from dbops.safety.lint.tables import Table, Tables

# What gives another value in every row, of what comes with PostgreSQL: where there is no database to ask.
_VOLATILE = frozenset(
    {
        "clock_timestamp", "gen_random_uuid", "nextval", "random", "setseed", "timeofday", "uuid_generate_v1",
        "uuid_generate_v4", "uuidv4", "uuidv7",
    }
)  # fmt: skip


class Nothing:
    """A `Live` catalog that knows no relation: there is no database."""

    def relation(self, name: QualifiedName) -> Relation | None:
        """None: it may be there."""
        return None

    def type_of(self, text: str) -> Type | None:
        """None: it may be there."""
        return None

    def keeps_values(self, old: Type, new: Type) -> bool:
        """Never asked, since no type is known."""
        return False

    def volatile(self, functions: frozenset[str]) -> bool:
        """Whether one of them is known to be."""
        return not functions.isdisjoint(_VOLATILE)


class _Without:
    """A catalog without the relations that are made here: whatever is done to them, nobody can feel it.

    They are not asked for, which of hundreds of applied files would take longer than all the rest.
    """

    def __init__(self, live: Live, is_made: Callable[[QualifiedName], bool]) -> None:
        self._is_made = is_made
        self._live = live
        self.type_of = live.type_of
        self.keeps_values = live.keeps_values
        self.volatile = live.volatile

    def relation(self, name: QualifiedName) -> Relation | None:
        """None for what is made here."""
        return None if self._is_made(name) else self._live.relation(name)


class Surroundings:
    """What is known of tables.

    :param files: those that are looked at or come before them, in order.
    :param live: the catalog that effects depend on.
    :param tables: the database's; None without a database.
    :param backs_up: whether a backup is there before migrations run.
    :param lock_timeout: seconds that each statement waits for a lock, unless its file says otherwise; 0 is for ever.
    :param statement_timeout: seconds that each statement may take, in the same way.
    :param server_version: as `server_version_num`; 0 where it is not known.
    :param foresight: of an engine whose effects are not read from PostgreSQL's trees.
    """

    def __init__(
        self,
        files: Sequence[File],
        live: Live,
        tables: Tables | None,
        *,
        backs_up: bool = False,
        lock_timeout: float = 0,
        statement_timeout: float = 0,
        server_version: int = 0,
        foresight: Foresight | None = None,
    ) -> None:
        self._live = _Without(live, self._is_made)
        self._tables = tables
        self.backs_up = backs_up
        self.server_version = server_version
        self._foresight = foresight
        self._lock_timeout = lock_timeout
        self._statement_timeout = statement_timeout
        self._made: dict[str, list[tuple[QualifiedName, tuple[int, int]]]] = {}
        self._partitioned: list[QualifiedName] = []
        self._indexes: dict[str, list[tuple[QualifiedName, tuple[str, ...]]]] = {}
        self._effects: dict[tuple[int, int], tuple[Effect, ...]] = {}
        for file in files:
            for one in file.up.statements:
                self._note(file, one)

    def effects(self, file: File, one: Parsed) -> tuple[Effect, ...]:
        """What a statement of the up section does to relations."""
        key = (file.number, one.offset)
        if key not in self._effects:
            self._foresee(file, one)
        return self._effects[key]

    def _foresee(self, file: File, one: Parsed) -> None:
        if self._foresight is None:
            found = effects_of({one.kind: one.node}, self._live) if one.kind else ()
            self._effects[file.number, one.offset] = tuple(found)
            return
        section = file.up.statements
        for statement, told in zip(
            section, self._foresight.foreseen([s.statement.text for s in section]), strict=True
        ):
            self._effects[file.number, statement.offset] = told

    def limits(self, file: File, rule: str) -> bool:
        """Whether dbops itself sets the timeout that a rule of squawk asks for."""
        own, general = file.settings.lock_timeout, self._lock_timeout
        if rule == "require-statement-timeout":
            own, general = file.settings.statement_timeout, self._statement_timeout
        return (general if own is None else own) > 0

    def live(self, name: QualifiedName) -> Table | None:
        """The relation as it is in the database; None where there is none, or no database."""
        return None if self._tables is None else self._tables.find(name)

    def is_new(self, name: QualifiedName, file: File, one: Parsed | None) -> bool:
        """Whether an earlier statement of these migrations makes it, so that nobody can use it yet."""
        place = (file.number, one.offset if one else 0)
        return any(same(made, name) and at < place for made, at in self._made.get(name.name, ()))

    def _is_made(self, name: QualifiedName) -> bool:
        return any(same(made, name) for made, _ in self._made.get(name.name, ()))

    def is_absent(self, name: QualifiedName) -> bool:
        """Whether the database is known not to have it."""
        return self._tables is not None and self._tables.find(name) is None

    def is_partitioned(self, name: QualifiedName) -> bool:
        """Whether it is a table with partitions."""
        found = self.live(name)
        return any(same(name, one) for one in self._partitioned) or (found is not None and found.kind == "p")

    def is_indexed(self, table: QualifiedName, wanted: Sequence[str]) -> bool:
        """Whether an index begins with these columns, in any order: one of these migrations', or a live one."""
        made = (of for name, of in self._indexes.get(table.name, ()) if same(name, table))
        found = self.live(table)
        there = found.indexes if found else ()
        return any(set(of[: len(wanted)]) == set(wanted) for of in (*made, *there))

    def _note(self, file: File, one: Parsed) -> None:
        for table, of in columns.indexed(one.kind, one.node):
            self._indexes.setdefault(table.name, []).append((table, of))
        for name in self._new_names(file, one):
            there_already = bool(one.node.get("if_not_exists")) and not file.is_applied and self.live(name)
            if not there_already:
                self._made.setdefault(name.name, []).append((name, (file.number, one.offset)))
        if "partspec" in one.node:
            self._partitioned.append(relation(one.node["relation"]))

    def _new_names(self, file: File, one: Parsed) -> Iterator[QualifiedName]:
        """The tables that a statement makes, or gives another name although nobody can use them yet; their indexes."""
        yield from _made(one)
        if one.kind == "IndexStmt" and one.node.get("idxname"):
            table = relation(one.node["relation"])
            if self.is_new(table, file, one):
                yield QualifiedName(table.schema, one.node["idxname"])
        if one.kind == "RenameStmt" and one.node.get("renameType") in ("OBJECT_TABLE", "OBJECT_INDEX"):
            old = relation(one.node["relation"])
            if self.is_new(old, file, one):
                yield QualifiedName(old.schema, one.node["newname"])


def same(one: QualifiedName, other: QualifiedName) -> bool:
    """Whether two names mean the same; without a schema, the search path is taken to agree."""
    return one.name == other.name and (None in (one.schema, other.schema) or one.schema == other.schema)


def _made(one: Parsed) -> Iterator[QualifiedName]:
    """The tables and views that a statement makes."""
    if one.kind == "CreateStmt":
        yield relation(one.node["relation"])
    elif one.kind == "CreateTableAsStmt":
        yield relation(one.node["into"]["rel"])
    elif one.kind == "ViewStmt" and not one.node.get("replace"):
        yield relation(one.node["view"])
    elif one.kind == "SelectStmt" and "intoClause" in one.node:
        yield relation(one.node["intoClause"]["rel"])
