"""Commands that make, read and remove backups, killed and side by side: no name ever stands for half a backup."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dbops.backups.entries import Backup
from dbops.backups.store import Store
from dbops.errors import Refused
from tests.conftest import ROOT
from tests.stored import publish

# What the other processes run; each says a word when it is where the test wants it.
HOLD = """
with store.begin("x") as partial:
    stored.fill(partial.path)
    print("holding", flush=True)
    time.sleep(60)
"""
PUBLISH_AND_REMOVE = """
print("going", flush=True)
number = 0
while True:
    number += 1
    with store.begin(f"b{number}") as partial:
        stored.fill(partial.path)
        made = partial.publish(stored.manifest(partial.name))
    made = store.record(made, stored.verification())
    if number > 3:
        store.remove(store.backup(f"b{number - 3}"))
"""
SAME_NAMES = """
print("going", flush=True)
won = []
for number in range(40):
    try:
        with store.begin(f"b{number}") as partial:
            stored.fill(partial.path)
            partial.publish(stored.manifest(partial.name))
        won.append(number)
    except Refused:
        pass
print(*won, flush=True)
"""


def start(folder: Path, code: str) -> subprocess.Popen[str]:
    """A process that runs the code on the store, once it has said its first word."""
    imports = "import sys, time; from pathlib import Path; from tests import stored\n"
    imports += "from dbops.backups.store import Store; from dbops.errors import Refused\n"
    program = f"{imports}store = Store(Path(sys.argv[1]))\n{code}"
    child = subprocess.Popen(
        [sys.executable, "-c", program, folder], cwd=ROOT, text=True, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() in {"holding", "going"}
    return child


def kill(child: subprocess.Popen[str]) -> None:
    """As the kernel does it: nothing in the process runs any more."""
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the backups land."""
    return tmp_path / "backups"


def hidden(folder: Path) -> list[str]:
    """What is neither a backup nor the lock."""
    return [name for name in os.listdir(folder) if name[0] == "." and name != ".lock"]


def test_a_killed_backup_is_swept_and_a_living_one_is_not(folder: Path) -> None:
    """While its process lives, its name is taken and its folder stays; killed, the next beginning removes it."""
    child = start(folder, HOLD)
    store = Store(folder)
    try:
        assert store.sweep() == ()
        assert store.entries() == []
        with pytest.raises(Refused, match="being made right now"):
            store.begin("x")
        publish(store, "y")
    finally:
        kill(child)
    assert len(hidden(folder)) == 1
    publish(store, "x")
    assert hidden(folder) == []
    assert [entry.name for entry in store.entries()] == ["x", "y"]


def test_killed_at_any_moment_every_name_is_a_whole_backup(folder: Path) -> None:
    """Thirty kills between beginning and removing: what is listed is whole, and what is left is swept."""
    for _ in range(30):
        child = start(folder, PUBLISH_AND_REMOVE)
        time.sleep(random.uniform(0, 0.15))
        kill(child)
        store = Store(folder)
        entries = store.entries()
        assert all(isinstance(entry, Backup) and entry.verifications_problem is None for entry in entries), (
            entries
        )
        store.sweep()
        assert hidden(folder) == []
        for entry in store.entries():
            store.remove(entry)


def test_of_two_with_one_name_one_wins(folder: Path) -> None:
    """Two processes that make backups of the same forty names: each name is made once, by one of them."""
    children = [start(folder, SAME_NAMES) for _ in range(2)]
    won = [[int(word) for word in child.communicate(timeout=60)[0].split()] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert not set(won[0]) & set(won[1])
    entries = Store(folder).entries()
    assert len(entries) == len(won[0]) + len(won[1])
    assert all(isinstance(entry, Backup) for entry in entries)
    assert hidden(folder) == []


def test_many_at_once_do_not_disturb_each_other(folder: Path) -> None:
    """Four processes with stores of other names in one folder, one of them killed: no reader ever sees half a backup."""
    code = PUBLISH_AND_REMOVE.replace('f"b{number', 'f"b{sys.argv[2]}-{number')
    children = []
    for number in range(4):
        replaced = code.replace("sys.argv[2]", str(number))
        children.append(start(folder, replaced))
    store = Store(folder)
    try:
        kill(children.pop())
        until = time.monotonic() + 3
        while time.monotonic() < until:
            entries = store.entries()
            assert all(isinstance(entry, Backup) for entry in entries), entries
            store.sweep()
        assert [child.poll() for child in children] == [None, None, None]
    finally:
        for child in children:
            kill(child)
    store.sweep()
    assert hidden(folder) == []
