"""False alarms: a table that nobody can use yet, that holds no row, or so few that no lock lasts."""

from __future__ import annotations

from dbops.engines.names import QualifiedName
from dbops.safety.lint.model import Finding, Matters
from dbops.safety.lint.reading import File
from dbops.safety.lint.surroundings import Surroundings

TINY = 1_000_000
"""Bytes of rows that are read, indexed or written anew in a few hundredths of a second."""


def is_harmless(finding: Finding, file: File, around: Surroundings) -> bool:
    """Whether each of the tables that it is about makes it so."""
    if finding.matters is Matters.ALWAYS or not finding.tables:
        return False
    one = next((one for one in file.up.statements if one.offset == finding.statement), None)
    return all(
        around.is_new(name, file, one) or _is_trifle(name, finding.matters, around) for name in finding.tables
    )


def _is_trifle(name: QualifiedName, matters: Matters, around: Surroundings) -> bool:
    if around.is_absent(name):
        return True  # there is nothing that could be blocked, read or lost
    found = around.live(name)
    if found is None or matters is Matters.KNOWN:
        return False
    return found.size == 0 if matters is Matters.FILLED else found.size <= TINY
