"""dbops: the life of an application's PostgreSQL database, as commands and as a library."""

TYPE_CHECKING = False  # true for type checkers; `typing` would take longer to load than all before `__main__` heeds Ctrl-C

if TYPE_CHECKING:
    from dbops.engines.log import LoggedEvent
    from dbops.errors import (
        AnswerIsNo,
        CannotConnect,
        ConfigError,
        DbopsError,
        ExitCode,
        LockNotAcquired,
        PartlyApplied,
        Refused,
        UsageError,
    )
    from dbops.library.migrator import Migrator
    from dbops.library.results import Changed, Started
    from dbops.library.start import migrate_on_start
    from dbops.migrations.model import State, Status
    from dbops.migrations.planner import Plan, Step
    from dbops.migrations.renumbering import Renumbering
    from dbops.migrations.verifying import Verdict

__version__ = "0.1.0"

# Loaded when they are asked for: every command imports this module, and few need them.
_HOME = {
    "AnswerIsNo": "dbops.errors",
    "CannotConnect": "dbops.errors",
    "Changed": "dbops.library.results",
    "ConfigError": "dbops.errors",
    "DbopsError": "dbops.errors",
    "ExitCode": "dbops.errors",
    "LockNotAcquired": "dbops.errors",
    "LoggedEvent": "dbops.engines.log",
    "Migrator": "dbops.library.migrator",
    "PartlyApplied": "dbops.errors",
    "Plan": "dbops.migrations.planner",
    "Refused": "dbops.errors",
    "Renumbering": "dbops.migrations.renumbering",
    "Started": "dbops.library.results",
    "State": "dbops.migrations.model",
    "Status": "dbops.migrations.model",
    "Step": "dbops.migrations.planner",
    "UsageError": "dbops.errors",
    "Verdict": "dbops.migrations.verifying",
    "migrate_on_start": "dbops.library.start",
}

__all__ = [
    "AnswerIsNo",
    "CannotConnect",
    "Changed",
    "ConfigError",
    "DbopsError",
    "ExitCode",
    "LockNotAcquired",
    "LoggedEvent",
    "Migrator",
    "PartlyApplied",
    "Plan",
    "Refused",
    "Renumbering",
    "Started",
    "State",
    "Status",
    "Step",
    "UsageError",
    "Verdict",
    "__version__",
    "migrate_on_start",
]


if not TYPE_CHECKING:  # for which any name would be there

    def __getattr__(name: str) -> object:
        """What the library offers, by its name."""
        if name not in _HOME:
            raise AttributeError(f"module 'dbops' has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
