"""What `dbops` offers to Python: its names, its cost, and that the handbook shows it as it is."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

import dbops
from dbops import Migrator, migrate_on_start
from tests.unit.test_docs import ROOT

PAGES = (ROOT / "docs" / "library.md", ROOT / "README.md")
CODE = [
    block
    for path in PAGES
    for block in re.findall(
        r"^```python\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
]
VERBS = {
    name: function
    for name, function in inspect.getmembers(Migrator, inspect.isfunction)
    if not name.startswith("_")
}


def test_every_name_can_be_imported() -> None:
    """`from dbops import *` gives all of them; another name is an AttributeError."""
    for name in dbops.__all__:
        assert getattr(dbops, name) is not None
    assert dir(dbops) == dbops.__all__
    with pytest.raises(AttributeError, match="no attribute 'migrate'"):
        dbops.migrate  # type: ignore[attr-defined]  # noqa: B018  # that is the point


def test_importing_dbops_loads_nothing() -> None:
    """`import dbops` costs an application nothing, and its errors no driver."""
    code = "import sys, dbops; dbops.DbopsError; print(*(name for name in sys.modules if 'dbops' in name or name == 'psycopg'))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    assert {name for name in loaded if not name.startswith("__editable")} == {"dbops", "dbops.errors"}


def test_it_is_typed() -> None:
    """Type checkers look for `py.typed`, and know each name: what is loaded late is imported for them."""
    assert (ROOT / "dbops" / "py.typed").is_file()
    tree = ast.parse((ROOT / "dbops" / "__init__.py").read_text(encoding="utf-8"))
    known = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(dbops.__all__) - {"__version__"} <= known


def test_the_page_has_every_verb_and_argument() -> None:
    """A method, an argument or a field that the page does not name: the page is behind."""
    page = PAGES[0].read_text(encoding="utf-8")
    assert [name for name in VERBS if f"`{name}(" not in page] == []
    arguments = {name for function in VERBS.values() for name in inspect.signature(function).parameters}
    arguments |= set(inspect.signature(Migrator).parameters) | set(
        inspect.signature(migrate_on_start).parameters
    )
    assert [name for name in arguments - {"self"} if not re.search(rf"\b{name}\b", page)] == []
    for result in (dbops.Started, dbops.Changed):
        assert [name for name in result.__dataclass_fields__ if f"`{name}`" not in page] == []
    assert [name for name in dbops.__all__ if not name.startswith("_") and name not in page] == [
        "ExitCode",
        "State",
    ]


@pytest.mark.parametrize("code", CODE)
def test_the_examples_are_right(code: str) -> None:
    """Each parses, imports names that are there, and calls with arguments that are taken."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "dbops":
            assert {alias.name for alias in node.names} <= set(dbops.__all__)
        if isinstance(node, ast.Call):
            _check_call(node)


def _check_call(call: ast.Call) -> None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    face: dict[str, Callable[..., object]] = {"Migrator": Migrator, "migrate_on_start": migrate_on_start}
    called = face.get(name)
    arguments = list(call.args)
    if name == "to_thread":
        called, arguments = migrate_on_start, arguments[1:]
    if called is None and isinstance(call.func, ast.Attribute) and "igrator" in ast.unparse(call.func.value):
        called, arguments = VERBS[name], [call.func.value, *arguments]
    if called is not None:
        inspect.signature(called).bind(*arguments, **{one.arg: one.value for one in call.keywords if one.arg})
