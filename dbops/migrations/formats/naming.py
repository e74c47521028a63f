"""New files in the spelling of a folder: what stands between version and name, and the texts that they begin with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbops.migrations.model import MigrationFile

_BETWEEN = re.compile(r"[A-Za-z]?\d+(?:\.\d+)*(?P<between>[_-])", re.ASCII)


def separator(like: MigrationFile | None) -> str:
    """What stands between version and name: as in the file to follow, else `_`."""
    match = _BETWEEN.match(like.file_name) if like else None
    return match["between"] if match else "_"


def joined(name: str, like: MigrationFile | None) -> str:
    """A name with hyphens where the file to follow has hyphens between its words, or before its name."""
    if like is None or "_" in like.name or not ("-" in like.name or separator(like) == "-"):
        return name
    return name.replace("_", "-")


def header(version: str, name: str) -> str:
    """The comments that a new file begins with, and a blank line."""
    return f"-- Migration: {version}_{name}\n-- Description: {described(name)}\n\n"


def described(name: str) -> str:
    """A name as the beginning of a description: `add_order_notes` is "Add order notes"."""
    return (name[:1].upper() + name[1:]).replace("_", " ").replace("-", " ")


def up_text(version: str, name: str) -> str:
    """A new up file."""
    return header(version, name)


def down_text(version: str, name: str) -> str:
    """A new down file."""
    return f"-- Undoes {version}_{name}\n\n"


def divided(version: str, name: str, up: str, down: str) -> str:
    """A new file with a mark for each section."""
    return f"{header(version, name)}{up}\n\n\n{down}\n\n"
