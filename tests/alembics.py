"""Alembic projects for tests: made as `alembic init` makes them, and run by the real Alembic."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config

from tests.servers import Database

SCRIPTS = "alembic"
_REVISION = '''"""{description}

Revision ID: {id}
Revises: {parents}
Create Date: {date}

"""
from typing import Sequence, Union

from alembic import context, op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


# revision identifiers, used by Alembic.
revision: str = {id!r}
down_revision: Union[str, Sequence[str], None] = {down!r}
branch_labels: Union[str, Sequence[str], None] = {labels!r}
depends_on: Union[str, Sequence[str], None] = {depends_on!r}


def upgrade() -> None:
{up}


def downgrade() -> None:
{undo}
'''


def make(folder: Path, url: str = "driver://user:pass@localhost/dbname") -> None:
    """`alembic.ini` and a folder `alembic/`, with the templates' env.py."""
    config = Config(folder / "alembic.ini", cmd_opts=Namespace(quiet=True))
    command.init(config, str(folder / SCRIPTS), template="generic")
    ini = folder / "alembic.ini"
    written = ini.read_text(encoding="utf-8")
    ini.write_text(
        written.replace("driver://user:pass@localhost/dbname", url.replace("%", "%%")), encoding="utf-8"
    )


def sqlalchemy_url(database: Database) -> str:
    """As an alembic.ini has it, with a driver."""
    return database.url.replace("postgresql://", "postgresql+psycopg://")


def revise(
    folder: Path,
    revision: str,
    down: str | tuple[str, ...] | None,
    up: str = "pass",
    undo: str = "pass",
    *,
    description: str = "",
    labels: str | tuple[str, ...] | None = None,
    depends_on: str | tuple[str, ...] | None = None,
    date: str = "2025-01-01 12:00:00",
    within: str = f"{SCRIPTS}/versions",
) -> Path:
    """A revision's file, as `alembic revision` writes it; `up` and `undo` are the bodies of its functions."""
    parents: Sequence[str] = (down,) if isinstance(down, str) else down or ()
    description = description or f"what {revision} does"
    text = _REVISION.format(
        description=description,
        id=revision,
        parents=", ".join(parents),
        date=date,
        down=down,
        labels=labels,
        depends_on=depends_on,
        up=textwrap.indent(textwrap.dedent(up).strip("\n"), "    "),
        undo=textwrap.indent(textwrap.dedent(undo).strip("\n"), "    "),
    )
    path = folder / within / f"{revision}_{description.split(chr(10))[0].replace(' ', '_')[:40]}.py"
    path.write_text(text, encoding="utf-8")
    return path


def table(folder: Path, revision: str, down: str | tuple[str, ...] | None, **more: Any) -> Path:
    """A revision that makes a table of its name."""
    up, undo = f"op.create_table({revision!r}, sa.Column('id', sa.Integer))", f"op.drop_table({revision!r})"
    return revise(folder, revision, down, up, undo, description=f"make {revision}", **more)


def alembic(folder: Path, *argv: str) -> str:
    """Run the real Alembic, which must succeed; what it says on stdout."""
    completed = subprocess.run(
        [sys.executable, "-m", "alembic", *argv], cwd=folder, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout
