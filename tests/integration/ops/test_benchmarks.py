"""The benchmarks that `make test-slow` has time for run to their end, on a few submissions."""

import re
import subprocess
import sys

import pytest

from tests.load.request_cost import ROOT

COMMANDS = {
    "many_cases --count 30": r"^[1-9]\d* done, (.|\n)* s of CPU time",
    "reminders --count 30 --due 20": r"goal at most 50 ms",
    "submissions --rate 5 --seconds 2": "10 stored, 0 failures",
}
"""What to run, and a pattern of what it prints at its end."""


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_benchmark_ends_with_its_figures(command):
    module, *options = command.split()
    done = subprocess.run(
        [sys.executable, "-m", f"tests.load.{module}", *options],
        cwd=ROOT, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(COMMANDS[command], done.stdout)
