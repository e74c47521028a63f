"""Where in a file a diagram goes: it is the whole file, or stands between two marks of a text such as a README."""

from __future__ import annotations

from pathlib import Path

from dbops.errors import DbopsError, UsageError

BEGIN, END = "<!-- dbops:diagram -->", "<!-- /dbops:diagram -->"
_TEXTS = frozenset([".md", ".markdown"])


def in_file(path: Path, diagram: str, *, fenced: bool) -> str:
    """What the file is to be: the diagram alone, or in a Markdown file all that is there with the diagram between the marks.

    :param fenced: whether it is a text that may stand in Markdown, in a block of code.
    :raises UsageError: a Markdown file has no place for it, or the picture is none for Markdown.
    :raises DbopsError: the file cannot be read.
    """
    if path.suffix.lower() not in _TEXTS:
        return diagram
    if not fenced:
        raise UsageError(
            "SVG does not go into Markdown", hint="--output schema.svg, and ![schema](schema.svg) in it"
        )
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise DbopsError(f"{path} cannot be read: {error}") from error
    before, began, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not began or not ended:
        raise UsageError(
            f"{path} has no place for the diagram", hint=f"write {BEGIN} and {END} into it, each on a line"
        )
    feed = "\r\n" if "\r\n" in text else "\n"
    block = f"\n```mermaid\n{diagram}```\n".replace("\n", feed)
    return f"{before}{BEGIN}{block}{END}{after}"
