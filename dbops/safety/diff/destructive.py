"""What a statement destroys for good."""

from __future__ import annotations


def destroyed(connection, statement):
    return ""
