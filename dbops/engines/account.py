"""The account that runs us."""

from __future__ import annotations


def account_name() -> str | None:
    """Its name; None for a uid without an entry in passwd."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
