"""docs/lint.md has a section for every rule, as the rule itself says it.

`bin/test tests/unit/safety/lint --update-golden` writes them.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from dbops.safety.lint.model import Rule
from dbops.safety.lint.rules import NAMES, by_name

PAGE = Path(__file__).resolve().parents[4] / "docs" / "lint.md"
HEADING = "## The rules\n\n"


def section(rule: Rule) -> str:
    """What the page says of a rule."""
    said = [f"Level: {rule.level.label}.", rule.wrong, f"**Safer:** {rule.safer}"]
    paragraphs = [textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False) for text in said]
    return "\n\n".join([f"### {rule.name}", *paragraphs]) + "\n"


def test_the_page_says_what_the_rules_say(request: pytest.FixtureRequest) -> None:
    """A rule whose text has changed, or that is new: the page is behind."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, _ = page.partition(HEADING)
    wanted = before + HEADING + "\n".join(section(by_name(name)) for name in NAMES)
    if request.config.option.update_golden:
        PAGE.write_text(wanted, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == wanted


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_is_found_by_its_name(name: str) -> None:
    """The module, the rule and the page's anchor have one name."""
    assert by_name(name).name == name
    assert by_name(name).page == f"docs/lint.md#{name}"
