"""A mark that hides nothing; the marks themselves tell."""

from dbops.safety.lint.model import Level, Rule

RULE = Rule(
    "unused-ignore",
    Level.WARNING,
    wrong="A mark names a rule that finds nothing there: the statement was mended or moved, or the name is misspelt. The "
    "next one who writes a statement there would be told nothing. Marks for squawk's rules are judged only where squawk "
    "is installed.",
    safer="Take the mark, or the name, out.",
    instead="take it out",
)
