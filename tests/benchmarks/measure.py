"""Running commands against the clock, in turns, and the table of what came out."""

from __future__ import annotations

import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Command:
    """What is run, with its whole environment."""

    argv: tuple[str, ...]
    environ: dict[str, str]
    folder: Path


@dataclasses.dataclass(frozen=True)
class Taken:
    """What one run took: seconds by the clock, and of processor time: the program's own, and its server's.

    :param size: bytes of what the run left on the disk, where that is of interest.
    """

    seconds: float
    processor: float
    server: float | None = None
    size: int | None = None


@dataclasses.dataclass
class Contestant:
    """One row of the table.  `run` makes one timed run; what must be made ready before stays outside the clock."""

    name: str
    run: Callable[[], Taken]
    runs: list[Taken] = dataclasses.field(default_factory=list)

    @property
    def least(self) -> float:
        return min(taken.seconds for taken in self.runs)

    @property
    def median(self) -> float:
        return statistics.median(taken.seconds for taken in self.runs)

    @property
    def processor(self) -> float:
        return min(taken.processor for taken in self.runs)

    @property
    def server(self) -> float | None:
        return min((taken.server for taken in self.runs if taken.server is not None), default=None)

    @property
    def size(self) -> int | None:
        return max((taken.size for taken in self.runs if taken.size is not None), default=None)


def timed(command: Command) -> Taken:
    """Run a command to its end; ends the benchmark with what it said where it fails."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        child = subprocess.Popen(
            command.argv,
            env=command.environ,
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            end = said.read().decode(errors="replace")[-2000:]
            sys.exit(f"{' '.join(command.argv[:6])} ended with {child.returncode}:\n{end}")
    return Taken(seconds, usage.ru_utime + usage.ru_stime)


def in_turns(contestants: Sequence[Contestant], rounds: int, *, warm_up: bool) -> None:
    """Let each run once per round, so that what disturbs the machine disturbs all of them.

    :param warm_up: run one round before that does not count (files in memory, bytecode written).
    """
    for number in range(rounds + warm_up):
        for contestant in contestants:
            taken = contestant.run()
            if number >= warm_up:
                contestant.runs.append(taken)
            say(f"round {number + 1 - warm_up}: {contestant.name}: {taken.seconds:.3f} s")


def say(text: str) -> None:
    """Narration, on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_table(
    contestants: Sequence[Contestant], floor: Contestant, bounds: dict[str, float], absent: Sequence[str] = ()
) -> None:
    """Seconds of each, and their ratio to the floor; minimum by minimum, median by median.

    CPU of the server and size only where somebody measured them.

    :param bounds: the most that the ratio may be, by a contestant's name.
    """
    width = max(len(name) for name in (*absent, *(contestant.name for contestant in contestants)))
    server = any(one.server is not None for one in contestants)
    sizes = any(one.size is not None for one in contestants)
    print(
        f"{'':{width}}  minimum s  median s  own CPU s{'  server CPU s' * server}{'  size MB' * sizes}"
        "  ratio(min)  ratio(med)"
    )
    for one in contestants:
        ratio = one.least / floor.least
        bound = bounds.get(one.name)
        print(
            f"{one.name:{width}}  {one.least:9.3f}  {one.median:8.3f}  {one.processor:9.3f}"
            f"{f'  {one.server or 0:12.3f}' * server}"
            f"{f'  {(one.size or 0) / 1e6:7.1f}' * sizes}  {ratio:10.2f}  {one.median / floor.median:10.2f}"
            + (f"   bound {bound:g}: {'kept' if ratio <= bound else 'MISSED'}" if bound else "")
        )
    for name in absent:
        print(f"{name:{width}}  not installed")
