"""What is written about configuration agrees with what is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from dbops.config import Settings
from dbops.config.project import KNOWN
from dbops.config.variables import TARGET_VARIABLES

Load = Callable[..., Settings]

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_example_as_it_is_sets_nothing(load_in: Load) -> None:
    """`.env.example` copied without a change: the same as no `.env`."""
    assert load_in(env=EXAMPLE).target.keywords() == {"dbname": "trading_engine"}


def test_every_line_of_the_example_works(load_in: Load) -> None:
    """`.env.example` with its lines enabled: no contradiction but the password, which shows the quoting."""
    enabled = re.sub(r"^#(?=[A-Z_]+=)", "", EXAMPLE, flags=re.MULTILINE)
    parts = re.sub(r"^(DATABASE_URL|DBOPS_DIRECT_URL)=.*$", "", enabled, flags=re.MULTILINE)
    settings = load_in(env=parts)
    assert settings.target.describe() == "trading@localhost:5432/trading_engine"
    assert settings.target.get("password") == "p@ss #1 ${not replaced}"
    assert (settings.lock_timeout.value, settings.statement_timeout.value) == (5, 0)
    assert load_in(env=enabled, environment="qa").target.get("host") == "qa.example.com"
    urls = re.sub(r"^DB_.*$", "", enabled, flags=re.MULTILINE)
    assert load_in(env=urls).target.describe() == "trading@localhost:5432/trading_engine"


def test_page_names_every_variable_and_key() -> None:
    """docs/configuration.md: every variable and every key is there."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    names = [*TARGET_VARIABLES, *KNOWN]
    assert [name for name in names if f"`{name}`" not in page] == []
