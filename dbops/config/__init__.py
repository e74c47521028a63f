"""Settings and where each came from; the only package that reads the environment."""

from __future__ import annotations

from dbops.config.model import Options, Setting, Settings, Target
from dbops.config.settings import load
from dbops.config.variables import neutralise

__all__ = ["Options", "Setting", "Settings", "Target", "load", "neutralise"]
