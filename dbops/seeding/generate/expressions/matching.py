"""Strings matched against patterns: LIKE, and regular expressions as PostgreSQL writes them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from dbops.seeding.generate.expressions.values import Opaque, UnknownExpression

_NAMED = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z",
    "space": r"\s", "xdigit": "0-9A-Fa-f", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip


@cache
def _regex(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    if re.search(r"\\[mMyYAZ]|\[[.=]|^\*\*\*|^\(\?[a-z]", pattern):
        raise UnknownExpression(pattern)
    translated = re.sub(r"\[:([a-z]+):\]", lambda named: _NAMED.get(named[1], named[0]), pattern)
    translated = re.sub(r"(?<!\\)\$$", r"\\Z", translated)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # what Python may come to read otherwise
            return re.compile(translated, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
    except (re.error, FutureWarning):
        raise UnknownExpression(pattern) from None


def matches(*, ignore_case: bool, wanted: bool, like: bool) -> Callable[[Any, Any], bool]:
    """An operator that matches.

    :param wanted: whether it is true where the text matches.
    """

    def match(text: Any, pattern: Any) -> bool:
        if isinstance(text, Opaque) or not isinstance(text, str):
            raise UnknownExpression("match")
        regex = _regex(like_pattern(pattern) if like else pattern, ignore_case)
        return (regex.search(text) is not None) is wanted

    return match


def like_pattern(like: str) -> str:
    """The regular expression of a LIKE pattern."""
    out, escaped = [], False
    for character in like:
        if not escaped and character == "\\":
            escaped = True
            continue
        special = {"%": ".*", "_": "."}.get(character) if not escaped else None
        out.append(special or ("\\" + character if not character.isalnum() else character))
        escaped = False
    return "^" + "".join(out) + "$"
