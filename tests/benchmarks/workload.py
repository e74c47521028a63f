"""The same small migrations, in the format of each tool."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

TABLES = "bench\\_table\\_%"


@dataclasses.dataclass(frozen=True)
class Small:
    """A migration of two statements: a table, and an index on it.

    No column of the table needs a TOAST table or a sequence: the less the server
    has to do, the more of the time is the tool's own.
    """

    number: int

    @property
    def version(self) -> str:
        return f"{self.number:04d}"

    @property
    def name(self) -> str:
        return f"add_bench_table_{self.number}"

    @property
    def up(self) -> tuple[str, str]:
        """Statements without semicolons."""
        table = f"bench_table_{self.number}"
        columns = (
            "id bigint PRIMARY KEY, account_id bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now()"
        )
        return (
            f"CREATE TABLE {table} ({columns})",
            f"CREATE INDEX {table}_account ON {table} (account_id, created_at)",
        )

    @property
    def down(self) -> str:
        """One statement without a semicolon."""
        return f"DROP TABLE bench_table_{self.number}"

    @property
    def up_script(self) -> str:
        return "".join(f"{statement};\n" for statement in self.up)


def small(count: int) -> Iterator[Small]:
    """That many migrations, numbered from 1."""
    return map(Small, range(1, count + 1))


def write_single(folder: Path, count: int) -> None:
    """The trading engine's format: one file, the DOWN section commented out."""
    folder.mkdir(parents=True)
    for one in small(count):
        (folder / f"{one.version}_{one.name}.sql").write_text(
            f"-- Migration: {one.version}_{one.name}\n-- Description: A table and its index\n\n"
            f"-- UP Migration\n\n{one.up_script}\n-- DOWN Migration\n/*\n{one.down};\n*/\n"
        )


def write_psql(folder: Path, files: Path) -> Path:
    """A script that includes files in order of name, each in a transaction; returns its path."""
    script = folder / "all.sql"
    names = sorted(files.iterdir())
    script.write_text("".join(f"BEGIN;\n\\i '{name}'\nCOMMIT;\n" for name in names))
    return script


def write_large(folder: Path, megabytes: float) -> int:
    """One migration of a table and INSERT statements of about 100 bytes each; returns the file's size in bytes."""
    folder.mkdir(parents=True)
    path = folder / "0001_large.sql"
    with path.open("w", encoding="ascii") as file:
        file.write("-- UP Migration\nCREATE TABLE bench_table_large (id bigint, symbol text, note text);\n")
        number = 0
        while file.tell() < megabytes * 1e6:
            for _ in range(1000):
                number += 1
                file.write(
                    f"INSERT INTO bench_table_large VALUES ({number}, 'BTC-USD', "
                    f"'the note that goes with row {number}');\n"
                )
        file.write("\n-- DOWN Migration\n/*\nDROP TABLE bench_table_large;\n*/\n")
    return path.stat().st_size
