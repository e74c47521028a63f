"""Asking before something is done."""

from __future__ import annotations

import sys

from dbops.cli.output import Output
from dbops.errors import Refused


def ask(question: str, out: Output) -> str | None:
    """What a person at the terminal types; None where nobody sits there."""
    if not out.interactive:
        return None
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().rstrip("\n")


def confirm_yes(out: Output, question: str, *, yes: bool, hint: str) -> None:
    """A question that is not about losing data.

    :raises Refused: for a no, and where nobody can be asked.
    """
    if yes:
        return
    answer = ask(f"{question} [y/N] ", out)
    if answer is None:
        raise Refused(f"nobody is here to answer: {question}", hint=hint)
    if answer.strip().lower() not in {"y", "yes"}:
        raise Refused("nothing was changed")
