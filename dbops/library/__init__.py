"""dbops from Python: `Migrator` with the verbs of the shell, and `migrate_on_start`.

Import them from `dbops` itself: `from dbops import Migrator, migrate_on_start`.  Nothing here prints, asks, exits,
handles signals, changes the environment or configures logging.
"""
