"""Measure many people who answer at the same time. See README.md."""

import argparse
import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from random import uniform
from time import perf_counter, process_time
from urllib.parse import urlencode

import psutil

from tests.complete_form import form_data
from tests.load.request_cost import CASE, hidden_fields, running_process
from wizard.flows.commitment import COMMITMENT
from wizard.ops.server import raise_file_limit

THINKS = (8.0, 20.0)
"""Least and most seconds that a user spends on a step."""
AUTOSAVES = 2
"""Autosaves on each step that has more than one question."""
SHARES = (0.5, 0.95, 0.99)
GOALS = {500: 0.05, 1000: 0.1}
"""Seconds that 99 percent of the steps must stay under, by the number of people."""


@dataclass
class Results:
    """Durations of steps (post and next page) and autosaves, and the failures."""

    steps: list[float] = field(default_factory=list)
    autosaves: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    receipts: int = 0


class User:
    """A person with a browser that keeps its cookies and, if possible, its connection."""

    def __init__(self, port: int, number: int, seen: Results) -> None:
        self.port, self.seen = port, seen
        self.case = CASE | {"contact_email": f"person{number}@example.org"}
        self.address = f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"
        self.cookies: dict[str, str] = {}
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self, method: str, path: str, data: dict | None = None
    ) -> tuple[int, str, str]:
        """Return status, text and redirect target."""
        body = urlencode(data or {}, doseq=True).encode()
        head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        if self.cookies:
            head.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        if data is not None:
            head += [
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(body)}",
            ]
        request = "\r\n".join([*head, "", ""]).encode() + body
        for fresh in (False, True):
            if self.streams is None or fresh:
                own = (self.address, 0)
                self.streams = await asyncio.open_connection("127.0.0.1", self.port, local_addr=own)
            reader, writer = self.streams
            try:
                writer.write(request)
                return await self._read_response(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                if fresh:
                    raise
        raise AssertionError

    async def _read_response(self, reader: asyncio.StreamReader) -> tuple[int, str, str]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, length, location = int(head.split(" ", 2)[1]), 0, ""
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            match name.lower():
                case "content-length":
                    length = int(value)
                case "location":
                    location = value
                case "set-cookie":
                    key, _, kept = value.split(";")[0].partition("=")
                    self.cookies[key] = kept
        return status, (await reader.readexactly(length)).decode(), location

    async def run(self) -> None:
        """Fill in the agency case at a person's pace."""
        await asyncio.sleep(uniform(0, THINKS[1]))
        try:
            await self._complete_form()
        except Exception as error:
            self.seen.failures.append(f"{type(error).__name__}: {error}"[:200])

    async def _complete_form(self) -> None:
        path, name = "/respond/", COMMITMENT.first.name
        _, text, _ = await self.request("GET", path)
        while name != "done":
            step = COMMITMENT.steps[name]
            data = hidden_fields(text) | form_data(step, self.case)
            pauses = AUTOSAVES if len(step.fields) > 1 and path != "/respond/" else 0
            for turn in range(pauses):
                await asyncio.sleep(uniform(*THINKS) / (pauses + 1))
                data["turn"] = str(turn + 1)
                began = perf_counter()
                self._check_status(200, await self.request("POST", f"{path}/autosave", data), name)
                self.seen.autosaves.append(perf_counter() - began)
            await asyncio.sleep(uniform(*THINKS) / (pauses + 1))
            data["turn"] = str(pauses + 1)
            began = perf_counter()
            path = self._check_status(303, await self.request("POST", path, data), name)[2]
            text = self._check_status(200, await self.request("GET", path), name)[1]
            self.seen.steps.append(perf_counter() - began)
            name = path.rsplit("/", 1)[1]
        self.seen.receipts += 1

    @staticmethod
    def _check_status(status: int, answer: tuple[int, str, str], name: str) -> tuple[int, str, str]:
        if answer[0] != status:
            raise RuntimeError(f"{answer[0]} at {name}")
        return answer


async def run_users(port: int, people: int, seen: Results) -> None:
    """Run all users at the same time."""
    await asyncio.gather(*(User(port, number, seen).run() for number in range(people)))


def percentile(figures: list[float], share: float) -> float:
    """Return the percentile of the figures in milliseconds; `share` is a fraction."""
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * share))] * 1000


class Usage:
    """The processor time of a server and its processes, and of this program."""

    def __init__(self, pid: int) -> None:
        self.server = psutil.Process(pid)
        self.began, self.before = perf_counter(), self._times()

    def _times(self) -> tuple[float, float, float]:
        times = [each.cpu_times() for each in self._processes()]
        user, system = sum(each.user for each in times), sum(each.system for each in times)
        return user, system, process_time()

    def _processes(self) -> list[psutil.Process]:
        return [self.server, *self.server.children(recursive=True)]

    def memory(self) -> float:
        """Return the megabytes that the server uses now."""
        return sum(each.memory_info().rss for each in self._processes()) / 2**20

    def line(self) -> str:
        """Return the shares since the start, in percent of one core."""
        elapsed = perf_counter() - self.began
        user, system, own = (
            (now - then) / elapsed for now, then in zip(self._times(), self.before, strict=True)
        )
        return (
            f"of one core: server {user + system:.0%}, {system:.0%} of it in the kernel (the"
            f" store’s files, the network); generator {own:.0%}"
        )


def main() -> None:
    """Serve the program as `make run` does, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--processes", type=int, default=1, help="that serve")
    parser.add_argument("--minutes", type=float, default=0, help="start again until then")
    chosen = parser.parse_args()
    raise_file_limit()
    os.environ["WIZARD_WORKERS"] = str(chosen.processes)
    seen = Results()
    command = [sys.executable, "-m", "flask", "--app", "wizard", "serve"]
    with (
        tempfile.TemporaryDirectory() as made,
        running_process(command, Path(made) / "store") as (port, pid),
    ):
        usage = Usage(pid)
        while True:
            asyncio.run(run_users(port, chosen.people, seen))
            print(f"{(perf_counter() - usage.began) / 60:.1f} min: {usage.memory():.0f} MB")
            if perf_counter() - usage.began > chosen.minutes * 60:
                break
        elapsed = perf_counter() - usage.began
        print(usage.line())
    print(f"{chosen.people} people, {seen.receipts} receipts, {len(seen.failures)} failures")
    for failure in seen.failures[:5]:
        print(f"  {failure}")
    for name, figures in {"steps": seen.steps, "autosaves": seen.autosaves}.items():
        shares = ", ".join(
            f"{share:.0%} under {percentile(figures, share):.0f}" for share in SHARES
        )
        slowest = max(figures) * 1000
        print(f"{name}: {len(figures) / elapsed:.0f} a second; {shares}, slowest {slowest:.0f} ms")
    goal = GOALS.get(chosen.people, max(GOALS.values()))
    met = "met" if not seen.failures and percentile(seen.steps, 0.99) < goal * 1000 else "MISSED"
    print(f"goal, no failure and the slowest hundredth under {goal * 1000:.0f} ms: {met}")


if __name__ == "__main__":
    main()
