"""A project folder of its own for every test, and `load` on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dbops.config import Options, Settings, load

Load = Callable[..., Settings]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder that the search does not leave upwards."""
    (tmp_path / ".dbops").mkdir()
    return tmp_path


@pytest.fixture
def load_in(project: Path) -> Load:
    """`load` in the project: the environment, `.env` and pyproject.toml as text, options as keywords."""

    def call(
        environ: dict[str, str] | None = None,
        *,
        env: str | None = None,
        toml: str | None = None,
        **options: Any,
    ) -> Settings:
        if env is not None:
            (project / ".env").write_text(env, encoding="utf-8")
        if toml is not None:
            (project / "pyproject.toml").write_text(toml, encoding="utf-8")
        name = options.pop("environment", None)
        return load(Options(env=name, **options), environ or {}, project)

    return call
