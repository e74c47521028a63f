"""A schema as Mermaid: what the erDiagram's grammar takes, whatever the names are.

What is expected here was held against Mermaid 11.17: its parser takes each, and the picture shows the names as they are.
"""

from __future__ import annotations

import re

import pytest

from dbops.engines.catalog import Catalog, Column, DataType, ForeignKey, Key, Table
from dbops.errors import UsageError
from dbops.safety.diagram.mermaid import mermaid
from dbops.safety.diagram.model import Diagram, diagram, label, short


def _column(name: str, type_: str = "bigint", *, not_null: bool = True) -> Column:
    return Column(name, DataType("pg_catalog", "int8", type_), not_null)


def _of(*tables: Table) -> Diagram:
    return diagram(Catalog(tables))


def _named(name: str) -> list[str]:
    """The lines for a table of that name, with a column of that name that refers to itself."""
    key = ForeignKey("key", (name,), ("public", name), (name,))
    text = mermaid(_of(Table("public", name, 1, (_column(name),), (), (key,))))
    return [line.strip() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("name", "quoted", "attribute"),
    [
        ("orders", '"orders"', "orders FK"),
        ("order items", '"order items"', 'order_items FK "order items"'),
        ('say "hi"', '"say #34;hi#34;"', 'say__hi_ FK "say #34;hi#34;"'),
        ("100%", '"100#37;"', '_100_ FK "100#37;"'),
        ("a\\b", '"a#92;b"', 'a_b FK "a#92;b"'),
        ("#35;", '"#35;35#59;"', '_35_ FK "#35;35#59;"'),
        ("new\nline", '"new⏎line"', 'new_line FK "new⏎line"'),
        ("\u202eabc", '"⟨U+202E⟩abc"', None),
        ("<b>", '"#60;b#62;"', '_b_ FK "#60;b#62;"'),
        ("**b**", '"#42;#42;b#42;#42;"', None),
        ("__b__", '"#95;#95;b#95;#95;"', '__b__ FK "#95;#95;b#95;#95;"'),
        ("snake_case", '"snake_case"', "snake_case FK"),
        ("$$x$$", '"#36;#36;x#36;#36;"', None),
        ("%%{init: {}}%%", None, None),
        ("direction TB", '"direction#32;TB"', 'direction_TB FK "direction#32;TB"'),
        ("pk", '"pk"', '_pk FK "pk"'),
        ("FK-1", '"FK-1"', '_FK-1 FK "FK-1"'),
        ("pk_id", '"pk_id"', "pk_id FK"),
        ("1st", '"1st"', '_1st FK "1st"'),
        ("日本語", '"日本語"', "日本語 FK"),
        ("a😀", '"a😀"', 'a_ FK "a😀"'),
        (" ", '"␣"', None),
    ],
)
def test_names(name: str, quoted: str | None, attribute: str | None) -> None:
    """A name is shown as it is; where it can be no word, the word stands for it and the name is behind it."""
    _, begin, column, _, link = _named(name)
    if quoted is not None:
        assert begin == f"{quoted} {{"
        assert link == f"{quoted} ||..o{{ {quoted} : {quoted}"
    if attribute is not None:
        assert column == f"bigint {attribute}"
    text = r'"[^"%\\\n`~<>{}*$]+"'
    assert re.fullmatch(rf"{text} \{{", begin)
    assert re.fullmatch(rf"[a-z]+ [A-Za-z_À-퟿][A-Za-z0-9_À-퟿-]* FK( {text})?", column)


@pytest.mark.parametrize(
    ("type_", "word"),
    [
        ("numeric(20,8)", "numeric"),
        ("character varying(20)", "varchar(20)"),
        ("timestamp(3) with time zone", "timestamptz(3)"),
        ("timestamp without time zone[]", "timestamp[]"),
        ("double precision", "float8"),
        ("interval day to second(3)", "interval_day_to_second(3)"),
        ('"My Type"', "_My_Type_"),
        ("public.mood", "public_mood"),
        ("", "_"),
        ("pk", "_pk"),
    ],
)
def test_types(type_: str, word: str) -> None:
    """A type is one word of letters, digits and brackets, in its short form."""
    text = mermaid(_of(Table("public", "t", 1, (_column("c", type_),))))
    assert text.splitlines()[2].strip() == f"{word} c"


def test_short_types() -> None:
    """Only what is such a type is shortened."""
    assert short("time(0) without time zone") == "time(0)"
    assert short("timestamp(3)") == "timestamp(3)"
    assert short("time") == "time"
    assert short("bit varying(8)") == "varbit(8)"


def test_labels_are_never_the_same() -> None:
    """A dot within a name does not make two tables one."""
    assert label(("public", "orders")) == "orders"
    assert label(("trading", "orders")) == "trading.orders"
    assert label(("public", "trading.orders")) == '"trading.orders"'
    assert label(("a.b", "c")) == '"a.b".c'


def test_filters() -> None:
    """A schema, a table; what they refer to is shown by its name alone; what is not there is an error."""
    key = ForeignKey("key", ("b",), ("s", "b"), ("id",))
    a = Table("public", "a", 1, (_column("id"), _column("b")), (), (key,))
    b = Table("s", "b", 2, (_column("id"),), (Key("pk", ("id",), ("id",), primary=True),))
    catalog = Catalog((a, b))
    only = mermaid(diagram(catalog, schemas=["public"]))
    assert only == (
        'erDiagram\n    %% schema public\n    "a" {\n        bigint id\n        bigint b FK\n    }\n'
        '    %% schema s\n    "s.b"\n    "s.b" ||..o{ "a" : "b"\n'
    )
    assert mermaid(diagram(catalog, tables=["a"])) == only
    assert (
        mermaid(diagram(catalog, tables=["s.b"])) == 'erDiagram\n    "s.b" {\n        bigint id PK\n    }\n'
    )
    assert diagram(catalog, ["s"], ["a"]) == diagram(catalog)
    with pytest.raises(UsageError, match="no schema 'x'"):
        diagram(catalog, schemas=["x"])
    with pytest.raises(UsageError, match="no table 'x'"):
        diagram(catalog, tables=["x"])
