"""What statements do to a SQLite file, by their words: SQLite offers its parser to nobody.

There is one lock for writing, and it is the file's: it is held from the first statement that writes to the commit.
With a WAL nobody waits for reading.  So what matters is how long a statement takes, and what it destroys.

Source: the pages of SQLite's statements ("ALTER TABLE", "VACUUM"), and "Write-Ahead Logging".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dbops.engines.effects import Cost, Effect, Lock
from dbops.engines.names import QualifiedName
from dbops.engines.sqlite.ddl import read_table
from dbops.engines.sqlite.words import Words

FILE = QualifiedName(None, "the file")
"""What VACUUM is about; no table can be called so without quotes."""


# What may leave out rows of a table that is read.
_CHOOSING = ("WHERE", "LIMIT", "GROUP", "DISTINCT", "JOIN", "IGNORE", "REPLACE")


class FileLock(Lock):
    """SQLite's locks, as an application with a WAL feels them."""

    READ = 1
    WRITE = 2

    @property
    def words(self) -> str:
        """As the manual spells it."""
        return self.name

    @property
    def is_felt(self) -> bool:
        """Only one writes at a time."""
        return self is FileLock.WRITE

    @property
    def blocks(self) -> str:
        """What others cannot do while it is held."""
        return "writes to the file" if self is FileLock.WRITE else "nothing"


def effects(words: Words) -> Iterator[Effect]:
    """What one statement does by itself."""
    rule = _RULES.get(words.verb)
    if rule is not None:
        yield from rule(words)


def qualified(name: str) -> QualifiedName:
    """SQLite has no schemas but for attached files, which no migration may have."""
    return QualifiedName(None, name)


def made_anew(section: Sequence[Words]) -> dict[str, frozenset[str]]:
    """Tables whose rows are all put into another one, which then takes their name; each with the columns it keeps."""
    made = {name: read_table(words.sql).columns for words in section if (name := words.made("TABLE"))}
    filled = {
        (words.after("INTO"), source): words.listed("INTO")
        for words in section
        if words.verb in ("INSERT", "REPLACE") and not any(words.has(one) for one in _CHOOSING)
        for source in words.read_from()
    }
    found = {}
    for words in section:
        if words.verb == "ALTER" and words.has("RENAME", "TO"):
            new, old = words.after("TABLE"), words.after("TO")
            if new in made and (new, old) in filled:
                kept = filled[new, old] or made[new]
                found[old] = frozenset(column.lower() for column in kept)
    return found


def _create(words: Words) -> Iterator[Effect]:
    if words.made("TABLE"):
        for source in words.read_from():
            yield Effect(qualified(source), FileLock.WRITE, Cost.ROWS, "file-rewrite")
    elif words.word(1) == "INDEX" or words.word(2) == "INDEX":
        yield Effect(qualified(words.after("ON")), FileLock.WRITE, Cost.BUILD, "file-index")


def _drop(words: Words) -> Iterator[Effect]:
    name, _ = words.name(2)
    if words.word(1) == "TABLE":
        gone = f"the table {name}"
        yield Effect(qualified(name), FileLock.WRITE, Cost.CATALOG, "drop-table", gone)
    elif words.word(1) == "INDEX":
        yield Effect(qualified(name), FileLock.WRITE)


def _alter(words: Words) -> Iterator[Effect]:
    name, at = words.name(2)
    table = qualified(name)
    if words.word(at) == "ADD":
        tested = words.has("CHECK") or words.has("AS")
        yield Effect(table, FileLock.WRITE, *((Cost.SCAN, "file-scan") if tested else ()))
    elif words.word(at) == "DROP":
        column, _ = words.name(at + 1 + (words.word(at + 1) == "COLUMN"))
        gone = f"the column {name}.{column}"
        yield Effect(table, FileLock.WRITE, Cost.REWRITE, "drop-column", gone, column)
    else:
        yield Effect(table, FileLock.WRITE, advice="rename")


def _insert(words: Words) -> Iterator[Effect]:
    target = words.after("INTO")
    yield Effect(qualified(target), FileLock.WRITE)
    for source in words.read_from():
        if source != target:
            yield Effect(qualified(source), FileLock.WRITE, Cost.ROWS, "file-rewrite")


def _update(words: Words) -> Iterator[Effect]:
    at = words.at + 1
    if words.word(at) == "OR":
        at += 2
    yield Effect(qualified(words.name(at)[0]), FileLock.WRITE, Cost.ROWS, "file-rows")


def _delete(words: Words) -> Iterator[Effect]:
    name = words.after("FROM")
    gone = f"{'the chosen' if words.has('WHERE') else 'all'} rows of {name}"
    yield Effect(qualified(name), FileLock.WRITE, Cost.ROWS, "delete", gone)


def _select(words: Words) -> Iterator[Effect]:
    for source in words.read_from():
        yield Effect(qualified(source), FileLock.READ, Cost.SCAN)


def _whole_file(cost: Cost, advice: str) -> Callable[[Words], Iterator[Effect]]:
    def rule(words: Words) -> Iterator[Effect]:
        name, _ = words.name(1)
        yield Effect(
            qualified(name) if name and words.verb != "VACUUM" else FILE, FileLock.WRITE, cost, advice
        )

    return rule


_RULES: dict[str, Callable[[Words], Iterator[Effect]]] = {
    "CREATE": _create,
    "DROP": _drop,
    "ALTER": _alter,
    "INSERT": _insert,
    "REPLACE": _insert,
    "UPDATE": _update,
    "DELETE": _delete,
    "SELECT": _select,
    "VACUUM": _whole_file(Cost.REWRITE, "file-vacuum"),
    "REINDEX": _whole_file(Cost.BUILD, "file-index"),
    "ANALYZE": _whole_file(Cost.SCAN, "file-scan"),
}
