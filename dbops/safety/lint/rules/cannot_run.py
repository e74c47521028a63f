"""A file that dbops could not run; reading finds it."""

from dbops.safety.lint.model import Level, Rule

RULE = Rule(
    "cannot-run",
    Level.ERROR,
    wrong="The file cannot be read or run: a string without an end, a `BEGIN` without `COMMIT`, a `ROLLBACK`, a setting "
    "that is not known. `up` would refuse it, and all files behind it would wait.",
    safer="Mend the file as the message says.",
    instead="mend the file; up refuses it as it is",
)
