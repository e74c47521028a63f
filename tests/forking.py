"""Commands without the start of Python: a process that has imported dbops forks for each of them.

Starting Python and importing is most of what a command costs, and a run of the tests has thousands of them.  A
forked command is a process all the same: environment, folder, streams, signals and exit code are its own, and
from `__main__` on it is what `python -I -m dbops` is.

Run as a program this is the process that forks.  It takes requests from the socket that is its standard input,
and ends when nobody holds the other end any more.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import NoReturn

DBOPS = (sys.executable, "-I", "-m", "dbops")
LANG = "C.UTF-8"
# Variables that are read when Python or the C library starts, and only then: by these beginnings.
_AT_START = ("LANG", "LC_", "LOCPATH", "TZ", "LD_")
_REQUEST_BYTES = 1 << 16
_READY = b"ready"
_STDIN_BYTES = 4096  # what a pipe takes in any case before somebody reads


@dataclasses.dataclass(frozen=True)
class Request:
    """A command to run: the words after `dbops`, its folder, the whole of its environment, its input.

    :param prelude: Python to run in its process before it begins.
    """

    argv: Sequence[str]
    cwd: Path
    environ: Mapping[str, str]
    stdin: bytes = b""
    prelude: str = ""

    def encoded(self) -> bytes:
        return json.dumps([list(self.argv), str(self.cwd), dict(self.environ), self.prelude]).encode()

    def forks(self) -> bool:
        """Whether it makes no difference: Python would have started alike, and the request is not too long."""
        at_start = {name: value for name, value in self.environ.items() if name.startswith(_AT_START)}
        short = len(self.stdin) <= _STDIN_BYTES and len(self.encoded()) <= _REQUEST_BYTES
        return short and at_start == {"LANG": LANG}


class Forker:
    """The process that forks."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", __file__],
                stdin=theirs.fileno(),
                cwd="/",
                env={"LANG": LANG, "PATH": os.defpath},
            )
        self._ours.recv(len(_READY))  # importing takes its time, which is not the first command's

    def close(self) -> None:
        """End it; a command that still runs goes on."""
        self._ours.close()
        self._process.wait(timeout=60)

    def run(self, request: Request, timeout: float) -> subprocess.CompletedProcess[bytes]:
        """Like `subprocess.run` with captured output; several threads may run commands at once.

        :raises subprocess.TimeoutExpired: it took longer than that many seconds, and was killed.
        """
        with contextlib.ExitStack() as stack:
            stdin, feed = _pipe(stack)
            told = [_pipe(stack) for _ in range(3)]  # stdout, stderr, and what became of it
            given = [stdin, *(write for _, write in told)]
            socket.send_fds(self._ours, [request.encoded()], [file.fileno() for file in given])
            feed.write(request.stdin)
            for file in (feed, *given):
                file.close()
            stdout, stderr, ended = _read_all([read for read, _ in told], request.argv, timeout)
        return subprocess.CompletedProcess(request.argv, _exit_code(ended), stdout, stderr)


def words(argv: Sequence[str], prelude: str = "") -> list[str]:
    """The command line of a command that Python is started for."""
    begin = f"{prelude}\nimport sys\nfrom dbops.__main__ import main\nsys.exit(main())"
    return [*(DBOPS if not prelude else (sys.executable, "-I", "-c", begin)), *argv]


def started(request: Request, timeout: float) -> subprocess.CompletedProcess[bytes]:
    """The same by Python started anew."""
    return subprocess.run(
        words(request.argv, request.prelude), cwd=request.cwd, env=dict(request.environ), input=request.stdin, capture_output=True,
        timeout=timeout, check=False,
    )  # fmt: skip


def _pipe(stack: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return stack.enter_context(FileIO(read, "r")), stack.enter_context(FileIO(write, "w"))


def _read_all(files: Sequence[FileIO], argv: Sequence[str], timeout: float) -> list[bytes]:
    """All that comes out of each, the last of which begins with the process id."""
    found = {file: bytearray() for file in files}
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for file in files:
            selector.register(file, selectors.EVENT_READ, file)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            if not ready and time.monotonic() > deadline:
                for pid in found[files[-1]].split()[:1]:  # none where it did not even begin
                    os.kill(int(pid), signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(argv), timeout)
            for key, _ in ready:
                if portion := key.data.read(65536):
                    found[key.data] += portion
                else:
                    selector.unregister(key.data)
    return [bytes(one) for one in found.values()]


def _exit_code(ended: bytes) -> int:
    return os.waitstatus_to_exitcode(int(ended.split()[1]))


# -- the process that forks --------------------------------------------------------------------------------------------


def _serve() -> None:
    """Fork for each request.  Returns in the child, which has become what the request says; never in the parent."""
    requests = socket.socket(fileno=os.dup(0))
    requests.send(_READY)
    ended, wake = socket.socketpair()
    for one in (ended, wake):
        one.setblocking(False)  # noqa: FBT003  # it has no name
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, whatever it does, makes `wake` written to
    signal.set_wakeup_fd(wake.fileno())
    running: dict[int, int] = {}  # process id, and where its end is to be told
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if ended in ready:
                ended.recv(4096)
                _tell(running)
            if requests not in ready:
                continue
            message, given, _, _ = socket.recv_fds(requests, 2 * _REQUEST_BYTES, 4)
            if not message:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                break
            for descriptor in given[:3]:
                os.close(descriptor)
            running[pid] = given[3]
            with contextlib.suppress(BrokenPipeError):
                os.write(given[3], f"{pid} ".encode())
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for one in (requests, ended, wake):
        one.close()
    for told in running.values():
        os.close(told)
    _become(message, given)


def _tell(running: dict[int, int]) -> None:
    """Tell the ends of the processes that have ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        told = running.pop(pid)
        with contextlib.suppress(BrokenPipeError):  # who asked has given up
            os.write(told, str(status).encode())
        os.close(told)


def _become(message: bytes, given: Sequence[int]) -> None:
    """Take the request's streams, folder, environment and argv, and run its prelude."""
    argv, cwd, environ, prelude = json.loads(message)
    for number, descriptor in enumerate(given[:3]):
        os.dup2(descriptor, number)
    for descriptor in given:
        os.close(descriptor)
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115  # as long as the process
    sys.stderr = open(2, "w", errors="backslashreplace")  # noqa: SIM115
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[1:] = argv
    exec(prelude, {})


def _import_all() -> None:
    """Everything that a command may import.

    What only a project's own Python runs brings Alembic and SQLAlchemy, and each fork would copy their pages.
    """
    import dbops

    elsewhere = ("__main__", "alembic.driver")
    for module in pkgutil.walk_packages(dbops.__path__, "dbops."):
        if not module.name.endswith(elsewhere):
            importlib.import_module(module.name)
    for name in ("results.dbdiff", "results.schemainspect"):  # a second for each `migrate diff`
        importlib.import_module(name)


def _run() -> NoReturn:
    """Be dbops to the end.

    Taking all modules apart would cost more than the rest; of what the interpreter does at its end this is the part
    that can be seen.
    """
    try:
        runpy.run_module("dbops", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else end.code is not None)
    raise AssertionError("dbops.__main__ ends with sys.exit")


if __name__ == "__main__":
    _import_all()
    gc.freeze()
    _serve()
    _run()
