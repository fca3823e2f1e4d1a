"""Several processes that serve the same sockets, and the one that starts them."""

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from ..config import ROOT
from ..interrupts import INTERRUPTED

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
"""They wait until the first process takes them, and until one that serves can handle them."""
RESTART_SECONDS = 1.0
"""Pause before a process that ended is replaced."""
STOP_SECONDS = 38.0
"""Wait for the processes at the end; `deploy/` kills them all after 40."""

log = logging.getLogger(__name__)


class Processes:
    """Processes that serve the same sockets. This one only watches them."""

    def __init__(self, count: int, sockets: list[socket.socket]) -> None:
        self.count, self.sockets = count, sockets
        self.serving: list[subprocess.Popen[bytes]] = []
        self.leaving: list[subprocess.Popen[bytes]] = []

    def run(self, ready: Callable[[], None]) -> int:
        """Serve until a signal; call `ready` when they answer; return the exit status.

        SIGHUP replaces the processes one by one, by new ones with the program as it is on disk.
        """
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # else it may not wait
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        with tempfile.TemporaryDirectory(prefix="wizard-") as metrics:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
            try:
                return self._watch(ready)
            finally:
                self._stop()

    def _watch(self, ready: Callable[[], None]) -> int:
        self.serving = [self._start() for _ in range(self.count)]
        if not all(map(is_ready, self.serving)):
            return 1  # its line says why
        ready()
        while True:
            match signal.sigwait(SIGNALS):
                case signal.SIGTERM:
                    return 0
                case signal.SIGINT:
                    return INTERRUPTED
                case signal.SIGHUP if os.isatty(0):  # the terminal was closed
                    return 0
                case signal.SIGHUP:
                    self._reload()
                case _:
                    self._replace_ended()

    def _start(self) -> subprocess.Popen[bytes]:
        numbers = [each.fileno() for each in self.sockets]
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "wizard", "serve", "--sockets", " ".join(map(str, numbers))],
            env=os.environ | {"PYTHONPATH": path},
            pass_fds=numbers,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _replace_ended(self) -> None:
        self.leaving = [each for each in self.leaving if each.poll() is None]
        for place, each in enumerate(self.serving):
            if each.poll() is not None:
                log.error("a process ended with status %s; starting another", each.returncode)
                time.sleep(RESTART_SECONDS)
                self.serving[place] = self._start()

    def _reload(self) -> None:
        """Replace each process by a new one that is ready; stop if one does not start."""
        for place, old in enumerate(self.serving):
            new = self._start()
            if not is_ready(new):
                log.error("a new process did not start; the others stay")
                self.leaving.append(new)
                return
            self.serving[place] = new
            self.leaving.append(old)
            old.terminate()

    def _stop(self) -> None:
        """Stop all processes: each answers what has arrived."""
        for bound in self.sockets:
            bound.close()
        processes = self.serving + self.leaving
        for each in processes:
            each.terminate()
        end = time.monotonic() + STOP_SECONDS
        for each in processes:
            try:
                each.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                each.kill()


def is_ready(process: subprocess.Popen[bytes]) -> bool:
    """Wait until a process serves; return False if it ended instead."""
    return bool(process.stdout and process.stdout.readline())


def report_ready() -> None:
    """Tell the process that started this one that it serves, and stop when that one ends."""
    threading.Thread(target=_follow, name="follower", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), b"ready\n")


def _follow() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
