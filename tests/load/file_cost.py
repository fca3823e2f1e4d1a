"""Print the CPU seconds, the size and the memory of a file in megabytes: for `file_times`.

It imports nothing but the program, so that it runs with another version of it.
"""

import re
import sys
from pathlib import Path
from time import process_time

from wizard import create_app

RUNS = 3


def main(url: str, folder: str, path: str) -> None:
    """Fetch a file some times; print the least CPU time."""
    settings = {"DATABASE_URL": url, "INSTANCE_PATH": folder, "RATELIMIT_ENABLED": False}
    client = create_app(settings | {"TESTING": True}).test_client()
    client.get("/commitments")
    idle, taken, size = megabytes("VmRSS"), [], 0
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far: proc(5)
    for _ in range(RUNS):
        started = process_time()
        size = sum(map(len, client.get(path).iter_encoded()))
        taken.append(process_time() - started)
    print(min(taken), size / 1e6, megabytes("VmHWM") - idle)


def megabytes(what: str) -> float:
    """Return this process's memory from proc(5): `VmRSS` now, `VmHWM` peak."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+([0-9]+) kB", status)[1]) * 1024 / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
