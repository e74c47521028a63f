"""Markup: what is text stays text."""

from __future__ import annotations

import pytest

from dbops.safety.markup import Markup, cut, element, joined, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b && c", "<p>a &lt; b &amp;&amp; c</p>"),
        ("</p><script>", "<p>&lt;/p&gt;&lt;script&gt;</p>"),
        ("\x00\u202egnp", "<p>⟨U+0000⟩⟨U+202E⟩gnp</p>"),
        ("half \ud83d", "<p>half ⟨U+D83D⟩</p>"),
        ("two\nlines\tπ 漢字 😀", "<p>two\nlines\tπ 漢字 😀</p>"),
        (Markup("<b></b>"), "<p><b></b></p>"),
        ([Markup("<b></b>"), "<"], "<p><b></b>&lt;</p>"),
    ],
)
def test_children(text: str | list[str], expected: str) -> None:
    """Texts are escaped, what nobody sees is written out, elements stay; all of it can be written as UTF-8."""
    made = element("p", text)
    assert made == expected
    made.encode()


def test_attributes() -> None:
    """A value cannot end its attribute; None leaves it out; numbers have two digits at most."""
    made = element("rect", class_='a" onload="x', stroke_width=1 / 3, x=2.0, rx=None)
    assert made == '<rect class="a&quot; onload=&quot;x" stroke-width="0.33" x="2"></rect>'


def test_sums_are_text_again() -> None:
    """What was joined by + is no markup any more, so that nothing gets in unescaped; `joined` is the way."""
    assert element("p", element("b") + "<") == "<p>&lt;b&gt;&lt;/b&gt;&lt;</p>"
    assert element("p", joined(element("b"), "<")) == "<p><b></b>&lt;</p>"


def test_cut_and_shown() -> None:
    """A cut text says so and is one line."""
    assert cut("CREATE\n  TABLE t", 80) == "CREATE TABLE t"
    assert cut("CREATE TABLE t", 7) == "CREATE…"
    assert cut("abc", 0) == "…"
    assert shown("plain") == "plain"
