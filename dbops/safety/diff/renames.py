"""Renames"""

from __future__ import annotations


def statements(renamed):
    return ()
