"""Measure the server time of a request, next to two other programs. See README.md."""

import argparse
import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from html import unescape
from pathlib import Path
from statistics import median
from urllib.parse import urlencode
from uuid import uuid4

from tests.complete_form import form_data
from tests.conftest import load_case, migrate
from tests.ports import find_free_port
from wizard.flows.commitment import COMMITMENT
from wizard.forms.flow import Step
from wizard.forms.groups import Group

ROOT = Path(__file__).parents[2]
BASELINES = ROOT / "tests/load/baselines"
AGAINST_BARE, AGAINST_FORMTOOLS = 1.8, 1.0
"""The most that a request may cost, as a multiple of the other program's."""
CASE = load_case("agency")


class Visitor:
    """A browser without JavaScript that keeps its cookies and its connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.cookies: dict[str, str] = {}
        self.requests = 0

    def get(self, path: str) -> tuple[int, str, str]:
        return self._request("GET", path, None)

    def post(self, path: str, data: dict) -> tuple[int, str, str]:
        return self._request("POST", path, urlencode(data, doseq=True))

    def _request(self, method: str, path: str, body: str | None) -> tuple[int, str, str]:
        """Return status, text and redirect target."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie", ()):
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        self.requests += 1
        return answer.status, text, answer.getheader("Location", "")


def hidden_fields(text: str) -> dict[str, str]:
    """Return the hidden fields of a page."""
    inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    return {name: unescape(value) for name, value in inputs}


def complete_program(visitor: Visitor) -> None:
    """Request every page and post of one commitment, up to the receipt."""
    path, name = "/respond/", COMMITMENT.first.name
    case = CASE | {
        "contact_email": f"{uuid4()}@example.org"
    }  # confirmations to one address would be delayed
    while name != "done":
        _, text, _ = visitor.get(path)
        data = hidden_fields(text) | form_data(COMMITMENT.steps[name], case)
        status, text, path = visitor.post(path, data)
        if status != 303:
            raise RuntimeError(f"{status} at {name}: {text[:2000]}")
        name = path.rsplit("/", 1)[1]
    visitor.get(path)


def complete_bare(visitor: Visitor) -> None:
    """Send as many posts, each with the answers of one step."""
    for step in COMMITMENT.steps.values():
        status, text, _ = visitor.post("/", {"name": step.name} | form_data(step, CASE))
        if status != 200:
            raise RuntimeError(f"{status}: {text[:2000]}")


def complete_formtools(visitor: Visitor) -> None:
    """Request every page and post of the same answers there."""
    path = visitor.get("/")[2]
    while "/done" not in path:
        name = path.strip("/")
        _, text, _ = visitor.get(path)
        status, text, path = visitor.post(
            path, hidden_fields(text) | prefixed_data(COMMITMENT.steps[name])
        )
        if status != 302:
            raise RuntimeError(f"{status} at {name}: {text[:2000]}")
    visitor.get(path)


def prefixed_data(step: Step) -> dict:
    """Return the data of a step with the names that formtools expects."""
    group = next((each for each in step.fields if isinstance(each, Group)), None)
    if group is None:
        data = form_data(step, CASE)
        return {f"{step.name}-{name}": value for name, value in data.items()}
    entries = CASE[group.name]
    data = {f"{step.name}-TOTAL_FORMS": len(entries)}
    for place, entry in enumerate(entries):
        data |= {f"{step.name}-{place}-{name}": value for name, value in entry.items()}
    return data


@contextmanager
def running_process(
    command: list[str], folder: Path, fill: Callable[[Path], None] = lambda store: None
) -> Iterator[tuple[int, int]]:
    """Run a server process on a database filled by `fill`; yield its port and process id."""
    port = find_free_port()
    folder.mkdir()
    settings = {"WIZARD_INSTANCE_PATH": str(folder), "WIZARD_PORT": str(port)}
    if "serve" in command:
        migrate(f"sqlite:///{folder / 'wizard.sqlite'}", folder)
        fill(folder / "wizard.sqlite")
    else:
        command = [*command, str(folder), str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | settings, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the user and kernel seconds of a process.

    On Linux, clock_getcpuclockid(3) names the clock of a process; its resolution is 1 ns.
    """
    return time.clock_gettime(~pid << 3 | 2)


def request_cost(walk: Callable[[Visitor], None], port: int, pid: int, walks: int) -> float:
    """Return the server milliseconds per request."""
    before, requests = cpu_seconds(pid), 0
    for _ in range(walks):
        visitor = Visitor(port)
        walk(visitor)
        visitor.connection.close()
        requests += visitor.requests
    return (cpu_seconds(pid) - before) / requests * 1000


def main() -> None:
    """Run all three servers in turn and print the cost of a request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument(
        "--walks",
        type=int,
        default=4,
        help="in a round, of each; an address may start 120 an hour",
    )
    chosen = parser.parse_args()
    commands = {
        "the program": (
            complete_program,
            [sys.executable, "-m", "flask", "--app", "wizard", "serve"],
        ),
        "bare Flask": (complete_bare, [sys.executable, str(BASELINES / "flask_minimal.py")]),
        "django-formtools": (
            complete_formtools,
            [str(ROOT / ".venv-bench/bin/python"), str(BASELINES / "formtools_wizard.py")],
        ),
    }
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        served = {
            name: (
                walk,
                *stack.enter_context(running_process(command, Path(made) / name.split()[-1])),
            )
            for name, (walk, command) in commands.items()
        }
        for each in served.values():
            request_cost(*each, 2)
        found: dict[str, list[float]] = {name: [] for name in served}
        for _ in range(chosen.rounds):
            for name, each in served.items():
                found[name].append(request_cost(*each, chosen.walks))
    print_table(found)


def print_table(found: dict[str, list[float]]) -> None:
    """Print the figures of every round and the ratios."""
    print("| CPU time of the server | median, ms a request | least to most |")
    print("|---|---|---|")
    for name, figures in found.items():
        print(f"| {name} | {median(figures):.2f} | {min(figures):.2f} to {max(figures):.2f} |")
    ours = found.pop("the program")
    for (name, theirs), goal in zip(found.items(), (AGAINST_BARE, AGAINST_FORMTOOLS), strict=True):
        ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
        met = "met" if ratio <= goal else "MISSED"
        print(f"{ratio:.2f} times {name}; goal at most {goal:g} times: {met}")


if __name__ == "__main__":
    main()
