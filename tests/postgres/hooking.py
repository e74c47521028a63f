"""What the tests of hooks share: a pyproject.toml with hooks, and what they were told."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Project

TELL = 'env -0 > "$DBOPS_HOOK.told"; echo "$DBOPS_HOOK" >> ran'
"""A hook that keeps its environment, in the folder that it runs in."""


def hook(project: Project, **lines: str) -> None:
    """Configure hooks; `before_migrate` is before-migrate."""
    rows = [f"{name.replace('_', '-')} = '''{line}'''\n" for name, line in lines.items()]
    project.write("pyproject.toml", "[tool.dbops.hooks]\n" + "".join(rows))


def ran(project: Project) -> list[str]:
    """The hooks that ran, in order."""
    path = project.folder / "ran"
    return path.read_text().split() if path.exists() else []


def environ(project: Project, name: str) -> dict[str, str]:
    """The environment that a hook had."""
    text = (project.folder / f"{name}.told").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


def told(project: Project, name: str) -> dict[str, str]:
    """What a hook was told by dbops: the names without `DBOPS_`, empty values left out."""
    given = environ(project, name)
    return {
        key.removeprefix("DBOPS_"): value
        for key, value in given.items()
        if key.startswith("DBOPS_") and value and key not in {"DBOPS_PROJECT", "DBOPS_CONFIRM"}
    }


def forget(project: Project) -> None:
    """As if no hook had run yet."""
    for path in (*project.folder.glob("*.told"), Path(project.folder / "ran")):
        path.unlink(missing_ok=True)
