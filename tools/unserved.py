"""Refuse if a server has its SQLite file in a folder: `python tools/unserved.py FOLDER`."""

import fcntl
import os
import sys
from pathlib import Path


def main(folder: Path) -> str:
    """Return what is wrong, or nothing. `serve` holds the lock, see `wizard/ops/serve.py`."""
    if not folder.exists():
        return ""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return f"Error: {folder} is served by a running demo. Stop it first, with Ctrl-C."
    finally:
        os.close(descriptor)
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) or None)
