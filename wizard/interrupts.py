"""Ctrl-C ends a command without a traceback. Imported first, so this imports next to nothing."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it: 128 and the number of the signal."""


def end_at_once(number: int, frame: FrameType | None) -> None:
    """End the process, which has nothing to close yet; a signal handler."""
    os._exit(INTERRUPTED)


def watch_start() -> None:
    """Let Ctrl-C end a command at once while Python imports the program; elsewhere do nothing.

    An exception would be printed with a traceback, or lost in the middle of an import.
    """
    is_command = sys.argv[:1] == ["-m"] or os.environ.get("FLASK_RUN_FROM_CLI") == "true"
    if is_command and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)


@contextmanager
def quiet_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the block, which may close what it opened, and then the process."""
    is_command = signal.getsignal(signal.SIGINT) is end_at_once
    try:
        if is_command:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    finally:
        if is_command:
            signal.signal(signal.SIGINT, end_at_once)
