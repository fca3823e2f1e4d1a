"""Install locked packages with pip and show the progress: for a new environment of `make`."""

import re
import subprocess
import sys
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
OPTIONS = ["--require-hashes", "--progress-bar", "off", "--retries", "1", "--timeout", "30"]
NO_NETWORK = re.compile(
    r"connection broken|NewConnectionError|Name or service|timed out|ProxyError"
)
OFFLINE = "The package index cannot be reached. Connect to the network, and run make again."


def install(files: list[str]) -> int:
    """Install the packages of the lock files; return pip's exit code."""
    total = sum(len(re.findall("^[a-z].*==", Path(each).read_text(), re.M)) for each in files)
    command = [*PIP, *OPTIONS, *(f"--requirement={each}" for each in files)]
    lines: list[str] = []
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout  # noqa: S101
        for line in pip.stdout:
            lines.append(line)
            if line.startswith("Collecting"):
                found = sum(each.startswith("Collecting") for each in lines)
                show(f"Installing: {found} of up to {total} packages", found % 20 == 1)
            elif line.startswith("Installing collected"):
                show("Installing: unpacking", True)
    print(flush=True)
    if pip.returncode:
        output = "".join(lines)
        print(OFFLINE if NO_NETWORK.search(output) else output[-2000:], file=sys.stderr)
    return pip.returncode


def show(progress: str, milestone: bool) -> None:
    """Rewrite the line of a terminal; elsewhere print the milestones."""
    if sys.stdout.isatty():
        print(f"\r{progress:50}", end="", flush=True)
    elif milestone:
        print(progress, flush=True)


if __name__ == "__main__":
    sys.exit(install(sys.argv[1:]))
