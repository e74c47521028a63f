"""Schemas as data: compared, packed, and what is expected of one after a run."""

from __future__ import annotations

from dbops.engines.schema import Change, Schema, carried, differences


def schema(**objects: str) -> Schema:
    return Schema(objects, "test")


def test_packed_and_unpacked() -> None:
    """What is stored comes back, every character of it; the fingerprint tells equal from different."""
    one = schema(a="é\n🐘", b="")
    assert Schema.unpacked(one.packed()) == one
    assert one.packed()["objects"] == 2
    assert one.fingerprint == schema(b="", a="é\n🐘").fingerprint
    assert one.fingerprint != schema(a="é\n🐘").fingerprint
    assert one.fingerprint != Schema(one.objects, "another").fingerprint


def test_differences() -> None:
    """By name: what came, what went, what is another; an empty definition is one."""
    found = differences(schema(a="1", b="1", c=""), schema(b="2", c="", d=""))
    assert [(one.object, one.change) for one in found] == [
        ("a", Change.GONE),
        ("b", Change.CHANGED),
        ("d", Change.ADDED),
    ]


def test_drift_outlives_a_run() -> None:
    """What differed before it and was not touched still differs after it; what it changed, made or dropped does not."""
    left = schema(changed="1", touched="1", gone="1", made_again="1", same="1")
    before = schema(changed="2", touched="2", added="1", dropped="1", same="1")
    after = schema(changed="2", touched="3", added="1", made_again="1", same="2", new="1")
    expected = carried(before, differences(left, before), after)
    assert {one.object: one.change for one in differences(expected, after)} == {
        "changed": Change.CHANGED,
        "gone": Change.GONE,
        "added": Change.ADDED,
    }
