"""The operators and functions of json."""

from __future__ import annotations

from typing import Any

from dbops.seeding.generate.expressions.values import Document, UnknownExpression, write


def json_get(document: Any, key: Any) -> Any:
    """`->`: a member of an object, an element of an array; None where there is none."""
    value = _content(document)
    try:
        found = value[key] if isinstance(value, list if isinstance(key, int) else dict) else None
    except (KeyError, IndexError):
        return None
    return Document(found) if found is not None or _has(value, key) else None


def _has(value: Any, key: Any) -> bool:
    return key in value if isinstance(value, dict) else isinstance(value, list)


def json_get_text(document: Any, key: Any) -> Any:
    """`->>`: the same as text; None for a null of json."""
    found = json_get(document, key)
    if found is None or found.value is None:
        return None
    return found.value if isinstance(found.value, str) else write(found)


def _content(document: Any) -> Any:
    if not isinstance(document, Document):
        raise UnknownExpression("not json")
    return document.value


def json_has(document: Any, key: Any) -> bool:
    """`?`: a key of an object, an element of an array."""
    value = _content(document)
    return key in value if isinstance(value, dict | list) else value == key


def json_contains(left: Any, right: Any) -> bool:
    """`@>`, over what is in the documents."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(key in left and json_contains(left[key], value) for key, value in right.items())
    if isinstance(left, list):
        wanted = right if isinstance(right, list) else [right]
        return all(any(json_contains(one, value) for one in left) for value in wanted)
    return type(left) is type(right) and bool(left == right)


_KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}


def json_kind(document: Any) -> str:
    """What `jsonb_typeof` says."""
    return _KINDS.get(type(_content(document)), "number")


def json_list(document: Any) -> list[Any]:
    """The elements of an array."""
    value = _content(document)
    if not isinstance(value, list):
        raise UnknownExpression("not an array")
    return value
