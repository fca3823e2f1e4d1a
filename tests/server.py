"""Run the program as a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]


class Server:
    """The program as a process, on a migrated database. `root` has its code."""

    def __init__(self, database_url: str, folder: Path, root: Path = ROOT, **settings: str) -> None:
        self.root = root
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.folder = folder
        self.settings = {f"WIZARD_{name}": value for name, value in settings.items()}
        self.process: subprocess.Popen | None = None

    def start(self, *before: str) -> None:
        """Start the process and wait up to 30 seconds until it responds.

        `before` is a command prefix.
        """
        environment = {
            **os.environ,
            "WIZARD_DATABASE_URL": self.database_url,
            "WIZARD_INSTANCE_PATH": str(self.folder),
            "WIZARD_PUBLIC_URL": self.url,
            "WIZARD_PORT": str(self.port),
            **self.settings,
        }
        command = [*before, sys.executable, "-m", "flask", "--app", "wizard", "serve"]
        self.process = subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=subprocess.DEVNULL
        )
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


@contextmanager
def running_server(
    database_url: str, folder: Path, root: Path = ROOT, **settings: str
) -> Iterator[Server]:
    """Run the program on that database inside the block."""
    server = Server(database_url, folder, root, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
