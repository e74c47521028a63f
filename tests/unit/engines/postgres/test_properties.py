"""Settings whose value is a list of names."""

from __future__ import annotations

import pytest

from dbops.engines.postgres.property_changes import split_names


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", []),
        ('""', [""]),
        ("public", ["public"]),
        ('"$user", public', ["$user", "public"]),
        ('a,"b, ""c""" ,  d', ["a", 'b, "c"', "d"]),
        ("pg_stat_statements,auto_explain", ["pg_stat_statements", "auto_explain"]),
    ],
)
def test_split_names(value: str, names: list[str]) -> None:
    """As the catalog has them: quoted or bare, with quotation marks and commas inside."""
    assert split_names(value) == names
