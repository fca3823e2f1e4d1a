"""Run the program as a process of its own."""

import ctypes
import multiprocessing
import os
import runpy
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from jinja2 import BytecodeCache, FileSystemBytecodeCache

from tests.ports import find_free_port
from wizard import Program

ROOT = Path(__file__).parents[1]
SERVE = ["flask", "--app", "wizard", "serve"]


class Server:
    """The program as a process, on a migrated database. `root` has its code."""

    def __init__(self, database_url: str, folder: Path, root: Path = ROOT, **settings: str) -> None:
        self.root = root
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.folder = folder
        self.settings = {f"WIZARD_{name}": value for name, value in settings.items()}
        self.process: subprocess.Popen | None = None

    def start(self, *before: str) -> None:
        """Start the process and wait until it responds. `before` is a command prefix."""
        command = [*before, sys.executable, "-m", *SERVE]
        self.process = subprocess.Popen(
            command, cwd=self.root, env=self._environment(), stdout=subprocess.DEVNULL
        )
        self._await_response()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "WIZARD_DATABASE_URL": self.database_url,
            "WIZARD_INSTANCE_PATH": str(self.folder),
            "WIZARD_PUBLIC_URL": self.url,
            "WIZARD_PORT": str(self.port),
            **({"WIZARD_WORKERS": "1"} if self.root == ROOT else {}),  # `kill` ends one process
            **self.settings,
        }

    def _await_response(self) -> None:
        """Wait up to 30 seconds."""
        for _ in range(300):
            try:
                urlopen(f"{self.url}/questions").close()  # noqa: S310
                return
            except URLError:
                time.sleep(0.1)
        raise TimeoutError(self.url)

    def kill(self) -> None:
        """Kill the process at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Terminate the process and assert a clean exit."""
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0


forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.preloaded"])


class ForkedServer(Server):
    """A server that starts in a tenth of the time: its process has imported the program.

    Those in folders side by side compile each template once.
    """

    def start(self) -> None:
        """Start the process and wait until it responds."""
        compiled = self.folder.parent / "compiled"
        compiled.mkdir(exist_ok=True)
        options = self._environment(), DupFd(2), FileSystemBytecodeCache(str(compiled))
        self.process = forks.Process(target=serve, args=options)
        self.process.start()
        self._await_response()

    def kill(self) -> None:
        """Kill the process at once, as a power cut would."""
        self.process.kill()
        self.process.join()

    def stop(self) -> None:
        """Terminate the process and assert a clean exit."""
        self.process.terminate()
        self.process.join(30)
        assert self.process.exitcode == 0


def serve(environment: dict[str, str], stderr: DupFd, compiled: BytecodeCache) -> None:
    """Become a server with that environment, as if started from the command line."""
    Program.jinja_options = {"bytecode_cache": compiled}
    os.dup2(stderr.detach(), sys.stderr.fileno())
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
        run_program(environment, SERVE[3:])


def run_program(environment: dict[str, str], command: Sequence[str]) -> None:
    """Run a command of the program with that environment, as if started from the command line."""
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["wizard", *command]
    runpy.run_module("wizard", run_name="__main__", alter_sys=True)


CAPABILITIES_VERSION_3 = 0x20080522, 0
"""Of the process itself, as capset(2) has it."""


def run_forked(
    environment: dict[str, str], command: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Run a command of the program in a forked process; return its status and what it wrote."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        files = DupFd(stdout.fileno()), DupFd(stderr.fileno())
        process = forks.Process(target=run_program_into, args=(*files, environment, command))
        process.start()
        process.join(60)
        process.kill()
        for each in (stdout, stderr):
            each.seek(0)
        written = stdout.read(), stderr.read()
    return subprocess.CompletedProcess(command, process.exitcode, *written)


def run_program_into(
    stdout: DupFd, stderr: DupFd, environment: dict[str, str], command: Sequence[str]
) -> None:
    """Run a command of the program that writes to these files, without the rights of root."""
    if sys.platform == "linux":
        ctypes.CDLL(None).capset(struct.pack("Ii", *CAPABILITIES_VERSION_3), bytes(24))
    for file, stream in ((stdout, sys.stdout), (stderr, sys.stderr)):
        os.dup2(file.detach(), stream.fileno())
    run_program(environment, command)


@contextmanager
def running_server(
    database_url: str, folder: Path, kind: type[Server] = Server, **options: Any
) -> Iterator[Server]:
    """Run the program on that database inside the block."""
    server = kind(database_url, folder, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
