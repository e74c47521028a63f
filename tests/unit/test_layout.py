"""The rules of the layout: who may import whom, who may print, read the environment, run programs, connect."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeGuard

import dbops

ROOT = Path(__file__).resolve().parents[2]

# What each part may import, besides itself and what is open to all.  An entry is a module or a package with all
# that is in it.  Imports go one way: cli, then config and the domains, then engines; from domain to domain only
# where it is written here.
FOR_ALL = {"dbops.errors", "dbops.events", "dbops.interrupts"}
SETTINGS = {"dbops.config.model", "dbops.config.values"}  # the types of what is configured; not its sources
ENGINES = {"dbops.engines"}
EDGES: dict[str, set[str]] = {
    "dbops.errors": set(),
    "dbops.events": set(),
    "dbops.interrupts": set(),
    "dbops.process": set(),
    "dbops.usercode": set(),
    "dbops.programs": {"dbops.process"},
    "dbops.config": set(),
    "dbops.engines": SETTINGS | {"dbops.process"},
    "dbops.migrations": SETTINGS | ENGINES | {"dbops.process", "dbops.usercode"},
    "dbops.safety": SETTINGS
    | ENGINES
    | {"dbops.migrations", "dbops.backups.plan", "dbops.process", "dbops.programs"}
    | {
        "dbops.restore.scratch",
        "dbops.restore.holding",
        "dbops.restore.content",  # traces on what a backup holds, kept beside the backups
        "dbops.backups.filtering",
        "dbops.backups.temporary",
        "dbops.backups.disk",
        "dbops.seeding",
    },  # rounds on scratch databases, with rows
    "dbops.backups": SETTINGS | ENGINES | {"dbops.process", "dbops.programs", "dbops.__version__"},
    "dbops.restore": SETTINGS | ENGINES | {"dbops.backups", "dbops.process", "dbops.programs"},
    "dbops.seeding": SETTINGS | ENGINES | {"dbops.usercode"},
    "dbops.devdb": SETTINGS
    | ENGINES
    | {"dbops.migrations", "dbops.seeding", "dbops.process", "dbops.programs"},
    "dbops.library": SETTINGS | ENGINES | {"dbops.config", "dbops.migrations", "dbops.devdb.consent"},
    "dbops.cli": {"dbops"},
    "dbops.__main__": {"dbops.cli", "dbops.__version__"},
}

# What only one place does.  The places are beginnings of module names.
ONLY_IN = {
    "print": ("dbops.cli", "dbops.__main__"),
    "input": ("dbops.cli",),
    "sys.exit": ("dbops.cli", "dbops.__main__"),
    "os.environ": ("dbops.cli", "dbops.config"),
    "os.getenv": ("dbops.config",),
    "subprocess.Popen": ("dbops.process",),
    "subprocess.run": ("dbops.process",),
    "os.system": (),
    "multiprocessing": ("dbops.seeding.fill",),
    "multiprocessing.get_context": ("dbops.seeding.fill",),
    "multiprocessing.Process": (),
    "multiprocessing.Pool": (),
    "concurrent.futures.ProcessPoolExecutor": (),
    "psycopg.connect": ("dbops.engines.postgres.connection",),
    "psycopg.Connection.connect": ("dbops.engines.postgres.connection",),
    "sqlite3.connect": ("dbops.engines.sqlite.connection",),
}


@cache
def _modules() -> dict[str, ast.Module]:
    """Every module of dbops by its dotted name, parsed."""
    found = {}
    for path in sorted((ROOT / "dbops").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def _within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def _imported(tree: ast.AST, walk: Callable[[ast.AST], Iterator[ast.AST]] = ast.walk) -> Iterator[str]:
    """The dotted names under dbops that are imported, inside functions too; `from a import b` gives `a.b`."""
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            if _within(node.module or "", "dbops"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _within(alias.name, "dbops"))


def _checked_only(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """As `ast.walk`, without what only a type checker reads: it makes no cycle when the program runs."""
    yield tree
    children = tree.orelse if _checked_only(tree) else ast.iter_child_nodes(tree)
    for child in children:
        yield from _running(child)


def _module_of(imported: str) -> str | None:
    """The module that an imported name is, or lives in."""
    while imported and imported not in _modules():
        imported = imported.rpartition(".")[0]
    return imported or None


def test_imports_follow_the_layout() -> None:
    """Each part of dbops imports only what the table lets it; a part without an entry is not in the layout."""
    wrong = []
    for name, tree in _modules().items():
        part = next((part for part in EDGES if _within(name, part)), None)
        if part is None:
            assert name == "dbops", f"{name} has no place in the layout: give it one in EDGES"
            continue
        allowed = {part, *FOR_ALL, *EDGES[part]}
        wrong += [f"{name} -> {to}" for to in _imported(tree) if not any(_within(to, one) for one in allowed)]
    assert wrong == []


def test_no_import_cycles() -> None:
    """No module needs itself in the end, imports inside functions included."""
    graph: dict[str, set[str]] = {}
    for name, tree in _modules().items():
        modules = {_module_of(to) for to in _imported(tree, _running)}
        graph[name] = {module for module in modules if module and not _is_own_package(name, module)}
    assert _cycle(graph) == []
    assert _cycle({"a": {"b"}, "b": {"a"}}) != []


def _cycle(graph: dict[str, set[str]]) -> list[str]:
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _is_own_package(name: str, imported: str) -> bool:
    # A module may name its package's siblings through the package: `from dbops.engines.postgres import lock`.
    return imported == name or _within(name, imported)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _uses(tree: ast.AST) -> set[str]:
    """What a module calls or reads by a dotted name, `from os import environ` counted as `os.environ`."""
    uses = {_dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            uses |= {f"{node.module}.{alias.name}" for alias in node.names}
    return uses


def test_one_place_for_each_effect() -> None:
    """Printing, asking, exiting, the environment, programs and connections are each in the place meant for them."""
    wrong = [
        f"{name} uses {use}"
        for name, tree in _modules().items()
        for use in sorted(_uses(tree) & ONLY_IN.keys())
        if not any(_within(name, place) for place in ONLY_IN[use])
    ]
    assert wrong == []


def test_importing_the_command_line_is_cheap() -> None:
    """`import dbops.__main__` loads none of the heavy libraries: every start of every command would pay for them."""
    heavy = {"psycopg", "rich", "postgast", "google.protobuf", "faker", "dotenv"}
    code = "import sys, dbops.__main__; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    assert "dbops.__main__" in loaded
    assert heavy.isdisjoint(loaded)


def _project() -> dict[str, object]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(table, dict)
    return table


def test_the_version_is_stated_once() -> None:
    """The package states the version, pyproject.toml takes it from there, and the changelog knows it or what comes."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", dbops.__version__)
    project = _project()
    assert "version" not in project
    assert "version" in str(project["dynamic"])
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{dbops.__version__}]" in changelog or "## [Unreleased]" in changelog


def _pins(part: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{part}.txt").read_text(encoding="utf-8")
    return {_normal(name): pin for name, pin in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE)}


def _normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub("[._-]+", "-", name.lower())


def test_lock_files_hold_what_the_project_asks_for() -> None:
    """Every requirement is pinned, and each lock file has the pins of the one before: parts install on top."""
    project = _project()
    extras = project["optional-dependencies"]
    assert isinstance(extras, dict)
    base, server, dev = _pins("lock"), _pins("server-lock"), _pins("dev-lock")
    asked = [(base, project["dependencies"]), (server, extras["server"]), (dev, extras["dev"])]
    for pins, requirements in asked:
        assert isinstance(requirements, list)
        names = {_normal(re.split(r"[\[<>=~! ;]", requirement)[0]) for requirement in requirements}
        assert names - {"dbops"} <= pins.keys()
    assert base.items() <= server.items() <= dev.items()
    assert "flit-core" in base


def test_lock_files_are_for_everybody() -> None:
    """Every pin has its hashes, and no lock file names a place to load from."""
    for path in sorted((ROOT / "requirements").glob("*lock.txt")):
        text = path.read_text(encoding="utf-8")
        entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
        assert entries
        assert all("--hash=sha256:" in entry for entry in entries), path
        assert "://" not in text, path
