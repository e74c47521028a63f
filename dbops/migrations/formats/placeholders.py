"""What all formats with placeholders need: sections with other text, and the error for one without a value."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dbops.errors import DbopsError

if TYPE_CHECKING:
    from dbops.migrations.content import Section


def replaced(section: Section, sql: str) -> Section:
    """The section with its placeholders replaced; the same one where there are none."""
    return section if sql == section.sql else dataclasses.replace(section, sql=sql, statements=None)


def refused(section: Section, sql: str, offset: int, written: str, name: str) -> DbopsError:
    """The error for a placeholder without a value."""
    line = section.line + sql.count("\n", 0, offset)
    return DbopsError(
        f"{section.label}:{line}: {written} has no value", hint=f"give it one: --var {name}=VALUE"
    )
